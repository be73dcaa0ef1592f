/** So many lives, seed after seed, on as many cores as there are, or for so long. Ends at the first violation. */
import { availableParallelism } from 'node:os'
import { runPool } from '../pool.ts'
import type { Build } from './builds.ts'
import { Counters, type Sometimes } from './sometimes.ts'
import type { Job, Report } from './thread.ts'

export interface Seeds {
  /** The first, and how many. */
  readonly seed: number
  readonly seeds: number
  /** No seed is begun after this, by `performance.now()`. */
  readonly until?: number
  /** Only these steps of each. */
  readonly only?: readonly number[]
  readonly threads?: number
  readonly build?: Build
  /** After each seed: what was done so far. */
  readonly progress?: (done: Progress) => void
}

export interface Progress {
  readonly seeds: number
  readonly steps: number
  readonly entries: number
}

export interface Summary extends Progress {
  readonly counters: Counters
  readonly missed: readonly Sometimes[]
  /** Each with its seed and the fewest steps that show it; at most one of each thread. */
  readonly violations: readonly Report[]
}

export async function simulateSeeds(options: Seeds): Promise<Summary> {
  const { seed, seeds, until = Number.POSITIVE_INFINITY, only, progress = () => {} } = options
  const { threads = availableParallelism(), build = 'as it is' } = options
  const counters = new Counters()
  const violations: Report[] = []
  let done: Progress = { seeds: 0, steps: 0, entries: 0 }
  let next = seed
  await runPool<Job, Report>({
    ...{ threads: Math.min(threads, seeds), build, script: new URL('worker.ts', import.meta.url) },
    next: () => {
      if (violations.length > 0 || next >= seed + seeds || performance.now() > until) return null
      next += 1
      return { seed: next - 1, only: only ?? null }
    },
    done: (report) => {
      done = { seeds: done.seeds + 1, steps: done.steps + report.steps, entries: done.entries + report.entries }
      counters.add(report.counts)
      if (report.violation !== null) violations.push(report)
      progress(done)
    },
  })
  return { ...done, counters, missed: counters.missed(), violations }
}
