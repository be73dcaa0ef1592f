/** So many attempts of auto top-up, seed after seed, on as many cores as there are. Ends at the first violation. */
import { availableParallelism } from 'node:os'
import type { Build } from './builds.ts'
import { runPool } from './pool.ts'
import type { Job, Report } from './simulator.ts'
import { Counters, type Sometimes } from './sometimes.ts'

export interface TopUps {
  readonly topUps: number
  readonly seed: number
  readonly threads?: number
  readonly build?: Build
  /** After each seed. */
  readonly progress?: (attempts: number) => void
}

export interface Summary {
  readonly attempts: number
  readonly counters: Counters
  readonly missed: readonly Sometimes[]
  /** Each with its seed and step; at most one of each thread. */
  readonly violations: readonly string[]
}

/** Years of an account that tops up a few times in a month. */
export const ATTEMPTS_PER_SEED = 60

export async function simulateTopUps(options: TopUps): Promise<Summary> {
  const { topUps, seed, threads = availableParallelism(), build = 'as it is', progress = () => {} } = options
  const counters = new Counters()
  const violations: string[] = []
  let next = seed
  let attempts = 0
  // Which seeds are run must not depend on which thread was faster.
  const last = seed + Math.ceil(topUps / ATTEMPTS_PER_SEED) - 1
  await runPool<Job, Report>({
    ...{ threads, build, script: new URL('worker.ts', import.meta.url) },
    next: () => {
      if (violations.length > 0 || (next > last && attempts >= topUps)) return null
      next += 1
      return { seed: next - 1, attempts: ATTEMPTS_PER_SEED }
    },
    done: (report) => {
      attempts += report.attempts
      counters.add(report.counts)
      if (report.violation !== null) violations.push(report.violation)
      progress(attempts)
    },
  })
  return { attempts, counters, missed: counters.missed(), violations }
}
