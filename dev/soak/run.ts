/**
 * A steady load on the whole system while D1 and Stripe fail now and then. What the clients sent is judged in the end as
 * after a crash; on the way memory and the lag of history are sampled.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { random } from '../../test/core/ledger/random.ts'
import { AccountUnderLoad } from '../crash/account.ts'
import { ask } from '../crash/api.ts'
import { startSystem } from '../system.ts'
import type { Sample } from './growth.ts'
import { makeTrouble, type Troubles } from './trouble.ts'

const CLIENTS = 16
const ACCOUNTS = 4
const BETWEEN_PURCHASES_MS = 5_000
/** After a command that nobody answered, its client asks again after this. */
const BETWEEN_TRIES_MS = 500
const MEGABYTE_KB = 1_024

export interface SoakOptions {
  readonly forMs: number
  readonly perSecond: number
  readonly seed: number
  readonly sampleEveryMs: number
  readonly where: { readonly port: number; readonly stateDir: string; readonly varsFile: string }
  readonly onSample?: (sample: SoakSample) => void
}

export interface SoakSample {
  readonly atMs: number
  /** Of the process of workerd that runs our code, and of wrangler's own. */
  readonly megabytes: number
  readonly proxyMegabytes: number
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
  const system = await startSystem(where)
  try {
    const accounts = Array.from({ length: ACCOUNTS }, (_, at) => new AccountUnderLoad(`soak-${at}`))
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

type System = Awaited<ReturnType<typeof startSystem>>

async function keepLoading(account: AccountUnderLoad, system: System, isOver: () => boolean, thinksMs: number) {
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
async function buyNowAndThen(accounts: readonly AccountUnderLoad[], system: System, isOver: () => boolean) {
  const [buyer] = accounts.map((account) => account.buyer)
  while (!isOver() && buyer !== undefined) {
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
  system: System,
  accounts: readonly AccountUnderLoad[],
  isOver: () => boolean,
): Promise<SoakSample[]> {
  const samples: SoakSample[] = []
  const started = performance.now()
  while (!isOver()) {
    await pause(sampleEveryMs)
    const lags = await Promise.all(accounts.map(({ id }) => lagOf(system, id)))
    const lag = lags.reduce<number>((sum, each) => sum + (each ?? 0), 0)
    const taken = { atMs: Math.round(performance.now() - started), ...memoryOf(system.pid), lag }
    samples.push(taken)
    onSample?.(taken)
  }
  return samples
}

/** `null` where D1 did not answer. */
async function lagOf(system: System, account: string): Promise<number | null> {
  const balance = await ask(system, 'operator', 'GET', `/v1/accounts/${account}/balance`)
  const page = await ask(system, 'operator', 'GET', `/v1/accounts/${account}/entries?limit=1`)
  return balance === null || page === null ? null : Math.max(0, balance.body.version - page.body.complete_to)
}

/**
 * Two processes of workerd run: ours, and the one with which wrangler stands in front of it and that has none of our code.
 * What grows in both grows in the tool.
 */
function memoryOf(group: number): { megabytes: number; proxyMegabytes: number } {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,pgid=,rss=,comm='], { encoding: 'utf8' }).split('\n')
  const memory = { megabytes: 0, proxyMegabytes: 0 }
  for (const line of lines) {
    const [pid, of, rss, command] = line.trim().split(/\s+/)
    if (Number(of) !== group || command !== 'workerd') continue
    memory[hasDatabase(Number(pid)) ? 'megabytes' : 'proxyMegabytes'] += Number(rss) / MEGABYTE_KB
  }
  return memory
}

/** Where the system does not say which files a process has open, both count as ours. */
function hasDatabase(pid: number): boolean {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).some((name) => isObject(join(folder, name)))
  } catch {
    return true
  }
}

function isObject(descriptor: string): boolean {
  try {
    return readlinkSync(descriptor).includes('/do/')
  } catch {
    // It was closed meanwhile.
    return false
  }
}

/** Of the part after the first third, in which code and caches become warm. */
export function warm(samples: readonly SoakSample[], of: 'megabytes' | 'proxyMegabytes'): readonly Sample[] {
  return samples.slice(Math.floor(samples.length / 3)).map((sample) => ({ atMs: sample.atMs, value: sample[of] }))
}
