/**
 * A steady load on the whole system while D1 and Stripe fail now and then. What the clients sent is judged in the end as
 * after a crash; on the way memory and the lag of history are sampled.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { random } from '../../test/core/ledger/random.ts'
import { AccountUnderLoad } from '../crash/account.ts'
import { ask } from '../crash/api.ts'
import { Buyer } from '../crash/buyer.ts'
import { makeTrouble, type Troubles } from './trouble.ts'
import { type Memory, type Soakable, startWorkerd, type Where } from './workerd.ts'

const CLIENTS = 16
const ACCOUNTS = 4
const BETWEEN_PURCHASES_MS = 5_000
/** After a command that nobody answered, its client asks again after this. */
const BETWEEN_TRIES_MS = 500

export interface SoakOptions {
  readonly forMs: number
  readonly perSecond: number
  readonly seed: number
  readonly sampleEveryMs: number
  readonly where: Where
  readonly onSample?: (sample: SoakSample) => void
}

export interface SoakSample extends Memory {
  readonly atMs: number
  /** Entries that D1 lacks, of all accounts of which it could be asked. */
  readonly lag: number
}

export interface Soaked {
  readonly commands: number
  readonly unanswered: number
  readonly troubles: Troubles
  readonly samples: readonly SoakSample[]
  readonly drainedMs: number
  readonly violations: readonly string[]
}

export async function soak(options: SoakOptions): Promise<Soaked> {
  const { forMs, perSecond, seed, where } = options
  const system = await startWorkerd(where)
  try {
    const accounts = Array.from({ length: ACCOUNTS }, (_, at) => {
      const id = `soak-${at}`
      return new AccountUnderLoad(id, at === 0 ? new Buyer(id) : null)
    })
    for (let client = 0; client < CLIENTS; client += 1) {
      accounts[client % ACCOUNTS]?.addClient(client, random(seed * CLIENTS + client))
    }
    await Promise.all(accounts.map((account) => account.open(system)))
    const until = Date.now() + forMs
    const isOver = () => Date.now() >= until
    const chance = random(seed)
    const [load, troubles, samples] = await Promise.all([
      Promise.all(accounts.map((account) => keepLoading(account, system, isOver, (CLIENTS * 1_000) / perSecond))),
      makeTrouble({ ...where, stripeUrl: system.stripeUrl, chance }, isOver),
      sample(options, system, accounts, isOver),
      buyNowAndThen(accounts, system, isOver),
    ])
    const ended = performance.now()
    const judged = await Promise.all(accounts.map((account) => account.judge(system)))
    return {
      commands: load.reduce((sum, each) => sum + each.commands, 0),
      unanswered: load.reduce((sum, each) => sum + each.unanswered, 0),
      ...{ troubles, samples },
      drainedMs: Math.round(performance.now() - ended),
      violations: judged.flatMap(({ violations }) => violations),
    }
  } finally {
    await system.stop()
  }
}

async function keepLoading(account: AccountUnderLoad, system: Soakable, isOver: () => boolean, thinksMs: number) {
  let [commands, unanswered] = [0, 0]
  // Ends with the time: each load goes on until then, or until something was not answered.
  while (!isOver()) {
    commands += await account.load(system, false, isOver, thinksMs)
    const again = await account.resolve(system)
    unanswered += again
    if (again > 0) await pause(BETWEEN_TRIES_MS)
  }
  return { commands, unanswered }
}

/** One pack at a time; while Stripe fails a purchase waits, and is ended in the end. */
async function buyNowAndThen(accounts: readonly AccountUnderLoad[], system: Soakable, isOver: () => boolean) {
  const buyer = accounts[0]?.payer ?? null
  while (!isOver() && buyer !== null) {
    let isBegun = false
    await buyer.run(system, () => {
      const enough = isBegun || isOver()
      isBegun = true
      return enough
    })
    await pause(BETWEEN_PURCHASES_MS)
    await buyer.resolve(system)
  }
}

async function sample(
  { sampleEveryMs, onSample }: SoakOptions,
  system: Soakable,
  accounts: readonly AccountUnderLoad[],
  isOver: () => boolean,
): Promise<SoakSample[]> {
  const samples: SoakSample[] = []
  const started = performance.now()
  while (!isOver()) {
    await pause(sampleEveryMs)
    const lags = await Promise.all(accounts.map(({ id }) => lagOf(system, id)))
    const lag = lags.reduce<number>((sum, each) => sum + (each ?? 0), 0)
    const memory = await system.memory(() => lagOf(system, accounts[0]?.id ?? ''))
    const taken = { atMs: Math.round(performance.now() - started), ...memory, lag }
    samples.push(taken)
    onSample?.(taken)
  }
  return samples
}

/** `null` where D1 did not answer. */
async function lagOf(system: Soakable, account: string): Promise<number | null> {
  const balance = await ask(system, 'operator', 'GET', `/v1/accounts/${account}/balance`)
  const page = await ask(system, 'operator', 'GET', `/v1/accounts/${account}/entries?limit=1`)
  return balance === null || page === null ? null : Math.max(0, balance.body.version - page.body.complete_to)
}
