/**
 * One seed: two accounts that live through a hundred steps or so, then a time in which nothing goes wrong any more, then
 * the last judgement. The same seed and steps are the same life; each step has its own chance, so that a step that is left
 * out changes nothing but what it did.
 */
import { random } from '../../../test/core/ledger/random.ts'
import type { Counters as LedgerCounters } from '../../../test/core/ledger/sometimes.ts'
import type { Bank } from '../bank.ts'
import { seedChance, time } from '../runtime.ts'
import { Buyer } from './buyer.ts'
import type { D1 } from './d1.ts'
import { judgeEnd } from './last-judgement.ts'
import { Operator } from './operator.ts'
import { OwnKey } from './own-key.ts'
import { Runners } from './runners.ts'
import type { Count } from './sometimes.ts'
import { type Cast, drawStep } from './steps.ts'
import { System } from './system.ts'
import { Weather } from './weather.ts'

export interface Life {
  readonly seed: number
  /** The steps that are taken; all of them unless some are named. */
  readonly only?: ReadonlySet<number>
  readonly bank: Bank
  readonly d1: D1
  readonly counters: Count
  /** What was called an error. */
  readonly errors: readonly unknown[]
}

export interface Lived {
  readonly steps: readonly { readonly number: number; readonly name: string }[]
  readonly entries: number
  readonly ledgerCounts: LedgerCounters
  /** `null` if all was well. */
  readonly violation: string | null
}

const START = Date.UTC(2026, 0, 20)
const DAY_MS = 24 * 60 * 60_000
const MIN_STEPS = 30
const MORE_STEPS = 90
/** One life of so many has money in it: a charge costs as much time as a hundred reservations. */
const ONE_WITH_PAYMENTS = 6
/** The second account is there for what must not be mixed up. */
const ONE_FOR_THE_SECOND = 6
/** More than a Checkout page stays open, an attempt's key lives and an event is sent again. */
const MAX_QUIET_DAYS = 60
/** Longer than any clock is set back in all. */
const MAX_DAYS_TO_FILL = 14
/** An alarm that is overdue for a minute is armed again by whoever asks. */
const OVERDUE_MS = 61_000
const SEED_STRIDE = 0x9e3779b1

export async function live({ seed, only, ...surroundings }: Life): Promise<Lived> {
  const { bank, d1, counters, errors } = surroundings
  const chance = random(seed)
  seedChance(random(seed ^ 0x1d5))
  time.startAgain(START + chance.below(40 * DAY_MS))
  bank.startAgain(0)
  d1.startAgain(random(seed ^ 0xd1), counters)
  const system = new System({ time, seed, bank, d1, counters, errors })
  const casts = castsOf(system)
  const steps: { number: number; name: string }[] = []
  let what = 'begin'
  let violation: string | null = null
  try {
    if (chance.below(ONE_WITH_PAYMENTS) === 0) system.repairs.start()
    const last = MIN_STEPS + chance.below(MORE_STEPS)
    if (chance.below(2) === 0) casts[0]?.weather.change()
    casts[0]?.weather.aim(chance)
    await begin(system, casts)
    for (let number = 1; number <= last; number += 1) {
      if (only !== undefined && !only.has(number)) continue
      system.chance = random(Math.imul(seed, SEED_STRIDE) + number)
      const step = drawStep(system.chance, system.hasPayments)
      const cast = casts[system.chance.below(ONE_FOR_THE_SECOND) === 0 ? 1 : 0]
      if (cast === undefined) continue
      what = `step ${number}, ${step.name}`
      steps.push({ number, name: step.name })
      const begun = step.act(cast, system)
      if (begun !== undefined) await (step.passesTime ? begun : void system.begin(begun))
      const { weather } = cast
      await weather.shortPause()
    }
    what = 'end'
    await calmDown(system, casts)
    await judgeEnd(system, casts)
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    violation = `seed ${seed}, ${what} at ${new Date(time.nowMs).toISOString()}: ${message}`
  } finally {
    for (const { host } of system.residents) {
      host.kill()
      host.disk.close()
    }
  }
  const entries = system.residents.reduce((sum, { host }) => sum + host.follower.version, 0)
  return { steps, entries, ledgerCounts: system.ledgerCounts, violation }
}

function castsOf(system: System): readonly Cast[] {
  const operators: Operator[] = []
  return system.residents.map((resident) => {
    const runners = new Runners(system, resident)
    const operator = new Operator(system, resident, runners)
    operators.push(operator)
    const ownKey = new OwnKey(system, resident, runners)
    const [buyer, weather] = [new Buyer(system, resident), new Weather(system, resident)]
    return { runners, operator, operators, ownKey, buyer, weather }
  })
}

async function begin(system: System, casts: readonly Cast[]): Promise<void> {
  for (const { operator } of casts) await system.drive(operator.open())
  if (!system.hasPayments) return
  const [first] = casts
  if (first === undefined) return
  await system.drive(first.buyer.buy('card'))
  await system.pass(60_000)
  await system.drive(first.buyer.agree(true))
}

/** Nothing goes wrong any more, all that never came is brought, and time passes until nothing is left to do. */
async function calmDown(system: System, casts: readonly Cast[]): Promise<void> {
  const { bank, d1, door, post, residents } = system
  door.isCalm = true
  bank.wire.weather = 'calm'
  d1.weather = 'works'
  post.isShut = false
  for (const { host } of residents)
    Object.assign(host, { isCalm: true, killAt: null, killAfter: null, aim: null, alarmLateByMs: 0 })
  await system.pass(OVERDUE_MS)
  for (let day = 0; day < MAX_QUIET_DAYS; day += 1) {
    await system.pass(DAY_MS)
    bank.settleDebits(system.chance)
    if (d1.wasSetBack) await fillsItself(system, casts)
    // Somebody looks, which brings back an alarm that was lost; and what D1 has lost, the operator asks for.
    for (const { operator, runners, buyer } of casts) {
      if (d1.wasSetBack) await system.drive(operator.rebuild())
      // With it went what Stripe had been listed to: what no webhook brought either, the audit names, and a sync mends.
      if (d1.wasSetBack) await system.drive(buyer.syncAll())
      await system.drive(runners.read())
    }
    d1.wasSetBack = false
    await system.pass(OVERDUE_MS)
    if (isAtRest(system)) return
  }
  throw new Error('after two months without any fault something is still open')
}

/** I10: the next entry brings a history that was set back all that it lacks, once the alarm is there again. */
async function fillsItself(system: System, casts: readonly Cast[]): Promise<void> {
  for (const { operator } of casts) await system.drive(operator.adjust())
  // A clock that was set back by days puts off by so much what was to be tried again.
  for (let day = 0; day < MAX_DAYS_TO_FILL; day += 1) {
    await system.pass(OVERDUE_MS)
    for (const { runners } of casts) await system.drive(runners.readBalance())
    await system.pass(OVERDUE_MS)
    if (system.residents.every(({ id, host }) => countInHistory(system, id) === host.follower.version)) return
    await system.pass(DAY_MS)
  }
  throw new Error('I10: D1 was set back, and nobody filled it again')
}

function countInHistory({ d1 }: System, account: string): number {
  return Number(d1.read('SELECT count(*) AS count FROM entries WHERE account = ?', account)[0]?.['count'])
}

const OPEN = `SELECT
  (SELECT count(*) FROM purchases WHERE stage IS NOT NULL) + (SELECT count(*) FROM inbox)
  + (SELECT count(*) FROM reservations WHERE state = 'held')
  + (SELECT count(*) FROM outbox WHERE described = 0 OR drained_to < (SELECT ifnull(max(seq), 0) FROM entries)) AS open`

function isAtRest({ residents, post, bank, door, repairs }: System): boolean {
  if (!repairs.isDone) return false
  const open = residents.reduce((sum, { host }) => sum + Number(host.disk.read(OPEN)[0]?.['open'] ?? 1), 0)
  return (
    open === 0 &&
    post.nextAt() === Number.POSITIVE_INFINITY &&
    bank.wire.isIdle &&
    door.busy === 0 &&
    !repairs.isRunning
  )
}
