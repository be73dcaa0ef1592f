/**
 * Commit sharing. An idle object decides a command at once; while a commit is on its way to disk, commands wait and are
 * then decided together, in order of arrival, in one turn: they reach the disk as one. Before such a turn everybody at the
 * door is let in: otherwise the next commit begins with the few whose requests the runtime happened to read first, and
 * the others wait through many. Each is still a transaction of its own (a savepoint, so that one that fails takes nothing
 * with it), and the runtime's output gate holds every answer until the commit that has its writes is on disk (R1).
 */
import { letOthersIn } from './let-others-in.ts'

interface Job {
  readonly run: () => void
  readonly reject: (reason: unknown) => void
}

export class Turns {
  readonly #ctx: DurableObjectState
  readonly #afterTurn: () => void
  #jobs: Job[] = []
  #syncing = false

  /** `afterTurn` runs once after the decisions of a turn, before any of them is answered. */
  constructor(ctx: DurableObjectState, afterTurn: () => void) {
    this.#ctx = ctx
    this.#afterTurn = afterTurn
  }

  /** Runs `job`, a synchronous decision with its writes, now or in the next turn. */
  run<T>(job: () => T): T | Promise<T> {
    if (this.#syncing) {
      return new Promise<T>((resolve, reject) => {
        this.#jobs.push({ run: () => resolve(job()), reject })
      })
    }
    const answer = job()
    this.#afterTurn()
    this.#syncing = true
    this.#ctx.waitUntil(this.#drain())
    return answer
  }

  /** The same for what no request waits for. */
  start(job: () => void): void {
    void this.#logged(job)
  }

  async #logged(job: () => void): Promise<void> {
    try {
      await this.run(job)
    } catch (error) {
      console.error({ message: 'turn failed', account: this.#ctx.id.name, error: String(error) })
    }
  }

  async #drain(): Promise<void> {
    try {
      // Ends: every round takes all jobs, and jobs come only from requests.
      do {
        await this.#ctx.storage.sync()
        if (this.#jobs.length > 0) await letOthersIn()
      } while (this.#takeTurn())
    } catch (error) {
      // The disk failed, so the runtime is about to replace this object; nobody may take silence for an answer.
      for (const job of this.#jobs.splice(0)) job.reject(error)
    } finally {
      this.#syncing = false
    }
  }

  #takeTurn(): boolean {
    const turn = this.#jobs
    if (turn.length === 0) return false
    this.#jobs = []
    for (const job of turn) {
      try {
        job.run()
      } catch (error) {
        job.reject(error)
      }
    }
    this.#afterTurn()
    return true
  }
}
