/**
 * Rounds of load, `kill -9`, restart and judgement. All rounds share one state; and a restart serves twice: it is what the
 * round that ends is judged by, and what the next one loads.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Random, random } from '../../test/core/ledger/random.ts'
import { AccountUnderLoad } from './account.ts'
import { Buyer } from './buyer.ts'
import { npmStart, type Running, type Where } from './npm-start.ts'
import { TopUpCustomer } from './top-up.ts'

const CLIENTS = 15
const ACCOUNTS = 4
/** Accounts are used for so many rounds: an audit reads an account's whole ledger, and each round audits. */
const ROUNDS_PER_ERA = 10
const SHORTEST_LOAD_MS = 50
/** Longer than the second by which history trails, so that D1 is hit as well. */
const LONGEST_LOAD_MS = 2_000
/** Auto top-up begins so long before the kill at most: each step of its charges is met. */
const LONGEST_CHARGES_MS = 1_000

export interface CrashOptions extends Where {
  readonly rounds: number
  readonly seed: number
  readonly report?: (round: RoundReport) => void
}

export interface RoundReport {
  readonly round: number
  readonly killed: readonly string[]
  readonly loadedMs: number
  readonly acknowledged: number
  readonly unanswered: number
  /** Of those: done all the same, as the answer to asking again says. */
  readonly doneUnseen: number
  /** Packs of the round's own customer, who has auto top-up. */
  readonly toppedUp: number
  /** Whether one of them was being charged when everything was killed. */
  readonly wasCharging: boolean
  readonly restartMs: number
  readonly judgedMs: number
  readonly violations: readonly string[]
}

export interface CrashSummary {
  readonly rounds: readonly RoundReport[]
  readonly purchases: number
  readonly entries: number
  readonly violations: readonly string[]
}

/** Ends after the first round with a violation. */
export async function crash(options: CrashOptions): Promise<CrashSummary> {
  const reports: RoundReport[] = []
  let [purchases, entries] = [0, 0]
  let system = await npmStart(options)
  try {
    let era: readonly AccountUnderLoad[] = []
    for (let round = 1; round <= options.rounds; round += 1) {
      const chance = random(options.seed * 1_000_003 + round)
      if (round % ROUNDS_PER_ERA === 1) era = await openEra(system, `${Date.now()}-${round}`, chance)
      const { report, restarted } = await runRound(round, system, era, chance, options)
      system = restarted
      reports.push(report)
      options.report?.(report)
      const isLast = round === options.rounds || round % ROUNDS_PER_ERA === 0 || report.violations.length > 0
      if (isLast) purchases += era.reduce((sum, { payer }) => sum + (payer?.count ?? 0), 0)
      if (isLast) entries += era.reduce((sum, { seq }) => sum + seq, 0)
      if (report.violations.length > 0) break
    }
  } finally {
    await system.kill()
  }
  return { rounds: reports, purchases, entries, violations: reports.flatMap(({ violations }) => violations) }
}

async function openEra(system: Running, name: string, chance: Random): Promise<AccountUnderLoad[]> {
  const accounts = Array.from({ length: ACCOUNTS }, (_, at) => {
    const id = `crash-${name}-${at}`
    return new AccountUnderLoad(id, at === 0 ? new Buyer(id) : null)
  })
  for (let client = 0; client < CLIENTS; client += 1) {
    accounts[client % ACCOUNTS]?.addClient(client, random(chance.below(2 ** 31)))
  }
  await Promise.all(accounts.map((account) => account.open(system)))
  return accounts
}

async function runRound(
  round: number,
  system: Running,
  era: readonly AccountUnderLoad[],
  chance: Random,
  where: Where,
): Promise<{ report: RoundReport; restarted: Running }> {
  const loadedMs = SHORTEST_LOAD_MS + chance.below(LONGEST_LOAD_MS - SHORTEST_LOAD_MS)
  const agreesAfterMs = Math.max(0, loadedMs - chance.below(LONGEST_CHARGES_MS))
  const topUp = new TopUpCustomer(`${era[0]?.id}-${round}`, agreesAfterMs)
  const accounts = [...era, new AccountUnderLoad(topUp.account, topUp)]
  await accounts.at(-1)?.open(system)
  let isOver = false
  const load = Promise.all(accounts.map((account) => account.load(system, true, () => isOver)))
  await pause(loadedMs)
  const killedMs = Date.now()
  const { killed } = await system.kill()
  isOver = true
  const sent = (await load).reduce((sum, count) => sum + count, 0)
  const killedAt = performance.now()
  const restarted = await npmStart(where)
  const restartedAt = performance.now()
  const judged = await Promise.all(accounts.map((account) => account.judge(restarted)))
  const unanswered = judged.reduce((sum, each) => sum + each.unanswered, 0)
  const report = {
    ...{ round, loadedMs, unanswered },
    killed: killed.map(({ pid, command }) => `${command} ${pid}`),
    acknowledged: sent - unanswered,
    doneUnseen: judged.reduce((sum, each) => sum + each.doneUnseen, 0),
    toppedUp: topUp.count,
    wasCharging: await topUp.wasCharging(restarted, killedMs),
    restartMs: Math.round(restartedAt - killedAt),
    judgedMs: Math.round(performance.now() - restartedAt),
    violations: judged.flatMap(({ violations }) => violations),
  }
  return { report, restarted }
}
