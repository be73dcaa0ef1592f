/**
 * One seed: one account that lives through hundreds of steps drawn by chance, then a time in which nothing goes wrong any
 * more, and then the judgement by the double's own books. The same seed is the same run.
 */
import { random } from '../../test/core/ledger/random.ts'
import type { Bank } from './bank.ts'
import { Customer } from './customer.ts'
import { judgeBooks } from './final-judgement.ts'
import type { Breakage } from './host.ts'
import { MoneyBack } from './money-back.ts'
import { DAY_MS, Nature } from './nature.ts'
import { seedChance, time } from './runtime.ts'
import type { Counters } from './sometimes.ts'
import { newStep, type Step } from './steps.ts'
import { CUSTOMER, World } from './world.ts'

export interface Run {
  readonly seed: number
  readonly attempts: number
  readonly bank: Bank
  readonly counters: Counters
  readonly breakage: Breakage
  /** What the account has called an error. */
  readonly errors: readonly unknown[]
}

/** An account whose auto top-up is off for long makes no attempts; another seed then does. */
const STEPS_PER_ATTEMPT = 12
const START = Date.UTC(2026, 0, 20)
/** More than a Checkout page stays open, an attempt's key lives and an event is sent again. */
const MAX_QUIET_DAYS = 60

/** Answers how many attempts there were. Throws what was violated, with the seed and the step. */
export async function runSeed({ seed, attempts, bank, counters, breakage, errors }: Run): Promise<number> {
  const chance = random(seed)
  seedChance(chance)
  time.startAgain(START + chance.below(40 * DAY_MS))
  bank.startAgain(Nature.skewFor({ chance, counters }))
  const world = new World({ time, chance, bank, counters, breakage, errors })
  const customer = new Customer(world)
  const [nature, money] = [new Nature(world), new MoneyBack(world)]
  let step = 0
  let what: Step['name'] | 'begin' | 'end' = 'begin'
  try {
    await begin(world, customer)
    const maxSteps = attempts * STEPS_PER_ATTEMPT
    for (step = 1; step <= maxSteps && countAttempts(world) < attempts; step += 1) {
      const next = newStep(world, { customer, nature, money })
      what = next.name
      await next.act()
      await nature.shortPause()
    }
    what = 'end'
    await calmDown(world)
    judgeBooks(world)
    return countAttempts(world)
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    throw new Error(`seed ${seed}, step ${step} (${what}) at ${new Date(time.nowMs).toISOString()}: ${message}`)
  } finally {
    world.host.disk.close()
  }
}

/** A customer who bought once, kept the card, and agreed. */
async function begin(world: World, customer: Customer): Promise<void> {
  const { host } = world
  host.create()
  const { id, hash } = CUSTOMER
  const key = { id, hash, scope: 'billing', name: null, expiresAt: null, idempotencyKey: null } as const
  host.account.keys.mint(key, world.now)
  await drive(world, customer.buy('card'))
  await world.pass(60_000)
  await drive(world, customer.agree({}))
  await world.pass(5 * 60_000)
}

/** Lets time pass until something that was begun has ended. */
export async function drive(world: World, begun: Promise<unknown>): Promise<void> {
  let isOver = false
  const ended = begun.finally(() => {
    isOver = true
  })
  // A request that nobody answers ends by its time limit, so this ends.
  while (!isOver) await world.pass(1_000)
  await ended
}

/** Nothing goes wrong any more, all that never came is brought, and time passes until nothing is left to do. */
async function calmDown(world: World): Promise<void> {
  const { bank, host, post } = world
  post.isShut = false
  bank.wire.weather = 'calm'
  host.killAt = null
  host.killAfter = null
  host.history.next = 'works'
  for (let day = 0; day < MAX_QUIET_DAYS; day += 1) {
    await world.pass(DAY_MS)
    bank.settleDebits(world.chance)
    await drive(world, post.repair())
    const [{ open, asked } = { open: 0, asked: 0 }] = host.disk.read(
      `SELECT (SELECT count(*) FROM purchases WHERE stage IS NOT NULL) AS open, (SELECT count(*) FROM inbox) AS asked`,
    )
    if (open === 0 && asked === 0 && post.nextAt() === Number.POSITIVE_INFINITY && bank.wire.isIdle) return
  }
  throw new Error('after two months without any fault something is still open')
}

function countAttempts({ host }: World): number {
  const [row] = host.disk.read("SELECT count(*) AS count FROM purchases WHERE kind = 'auto_top_up'")
  return Number(row?.['count'] ?? 0)
}
