/**
 * What an alarm does beside the ledger's own due work: jobs that ask others (D1, Stripe) and may be slow. They run
 * beside each other, each with its own pauses; and because no further alarm comes while one is under way, whatever falls
 * due meanwhile is done on time here.
 */
import type { EpochMs } from '../ledger/amounts.ts'

/** Something to do now and then. `run` never throws and keeps its own time limit. */
export interface Job {
  /** When there is something to do; `null` if there is not. */
  wakeAt(): EpochMs | null
  run(): Promise<void>
}

/** Within one alarm a job runs again after this: long enough that a burst of entries goes to history in one batch. */
const BETWEEN_RUNS_MS = 1_000

/** What jobs ask for anew within one alarm is left to the next after so many. */
const MAX_STARTS = 50

export class Jobs {
  readonly #jobs: readonly Job[]
  readonly #running = new Map<Job, Promise<void>>()
  /** When each job may run again in this alarm. */
  readonly #againAt = new Map<Job, EpochMs>()
  #poke: () => void = () => {}

  constructor(jobs: readonly Job[]) {
    this.#jobs = jobs
  }

  /** Something may have become due sooner than thought. */
  poke(): void {
    this.#poke()
  }

  /** When an alarm would have to come, were what is being done lost now. */
  dueAt(): EpochMs | null {
    return earliest(this.#jobs.map((job) => this.#lostAt(job)))
  }

  #lostAt(job: Job): EpochMs | null {
    const at = job.wakeAt()
    return at !== null && this.#running.has(job) ? Math.max(at, Date.now() + LOST_AFTER_MS) : at
  }

  /** When there is something to do that is not being done. */
  wakeAt(): EpochMs | null {
    return earliest(this.#jobs.filter((job) => !this.#running.has(job)).map((job) => this.#nextRun(job)))
  }

  /** Runs what there is to do; `doDue` does the ledger's due work, and says when it has to be called again. */
  async run(doDue: () => Promise<EpochMs | null>): Promise<void> {
    let starts = 0
    // Ends: jobs keep their time limits, and no more than so many are started.
    for (;;) {
      const dueAt = await doDue()
      for (const job of starts < MAX_STARTS ? this.#jobs : []) if (this.#start(job)) starts += 1
      if (this.#running.size === 0) break
      await this.#until(earliest([dueAt, starts < MAX_STARTS ? this.wakeAt() : null]))
    }
    this.#againAt.clear()
  }

  #start(job: Job): boolean {
    const at = this.#nextRun(job)
    if (this.#running.has(job) || at === null || at > Date.now()) return false
    this.#running.set(job, this.#runOnce(job))
    return true
  }

  async #runOnce(job: Job): Promise<void> {
    try {
      await job.run()
    } finally {
      this.#running.delete(job)
      this.#againAt.set(job, Date.now() + BETWEEN_RUNS_MS)
    }
  }

  #nextRun(job: Job): EpochMs | null {
    const at = job.wakeAt()
    return at === null ? null : Math.max(at, this.#againAt.get(job) ?? at)
  }

  /** Until a job ends, something is due, or somebody says so. */
  async #until(at: EpochMs | null): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#poke = resolve
    const timer = at === null ? null : setTimeout(resolve, Math.min(Math.max(0, at - Date.now()), LONGEST_TIMER_MS))
    await Promise.race([promise, ...this.#running.values()])
    if (timer !== null) clearTimeout(timer)
    this.#poke = () => {}
  }
}

/** A job that is under way for so long would have ended. */
const LOST_AFTER_MS = 60_000
/** A timer takes no more than 2^31 ms. */
const LONGEST_TIMER_MS = 60_000

export function earliest(times: readonly (EpochMs | null)[]): EpochMs | null {
  const known = times.filter((at) => at !== null)
  return known.length === 0 ? null : Math.min(...known)
}
