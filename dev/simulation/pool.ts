/** Seeds on all cores: a thread each, because a run has its thread's clock, timers and chance to itself. */
import { Worker } from 'node:worker_threads'

export interface Done {
  /** With the seed and the step; `null` if all was well. */
  readonly violation: string | null
}

export interface PoolOptions<Job, Report extends Done> {
  readonly threads: number
  /** What a thread runs: it is sent jobs, and answers each with a report. */
  readonly script: URL
  readonly build: string
  /** The next seed; `null` when there are enough. */
  readonly next: () => Job | null
  readonly done: (report: Report) => void
}

/** Until no thread has anything to do. */
export async function runPool<Job, Report extends Done>(options: PoolOptions<Job, Report>): Promise<void> {
  const { threads, script, build, next, done } = options
  // Its warnings (SQLite and type stripping are experimental) say nothing new each time.
  const newWorker = () => new Worker(script, { workerData: { build }, execArgv: ['--no-warnings'] })
  const workers = Array.from({ length: threads }, newWorker)
  try {
    await Promise.all(workers.map((worker) => work(worker, next, done)))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

async function work<Job, Report extends Done>(
  worker: Worker,
  next: () => Job | null,
  done: (report: Report) => void,
): Promise<void> {
  for (let job = next(); job !== null; job = next()) {
    const { promise, resolve, reject } = Promise.withResolvers<Report>()
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.postMessage(job)
    const report = await promise
    worker.off('error', reject)
    done(report)
    if (report.violation !== null) return
  }
}
