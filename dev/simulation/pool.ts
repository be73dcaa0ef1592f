/** Seeds on all cores: a thread each, because a run has its thread's clock, timers and chance to itself. */
import { Worker } from 'node:worker_threads'
import type { Build } from './builds.ts'
import type { Counts } from './sometimes.ts'

export interface Job {
  readonly seed: number
  readonly attempts: number
}

export interface Report {
  readonly seed: number
  readonly attempts: number
  readonly counts: Counts
  /** With the seed and the step; `null` if all was well. */
  readonly violation: string | null
}

export interface PoolOptions {
  readonly threads: number
  readonly build: Build
  /** The next seed; `null` when there are enough. */
  readonly next: () => Job | null
  readonly done: (report: Report) => void
}

/** Until no thread has anything to do. */
export async function runPool({ threads, build, next, done }: PoolOptions): Promise<void> {
  const workers = Array.from({ length: threads }, () => newWorker(build))
  try {
    await Promise.all(workers.map((worker) => work(worker, next, done)))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function newWorker(build: Build): Worker {
  // Its warnings (SQLite and type stripping are experimental) say nothing new each time.
  return new Worker(new URL('worker.ts', import.meta.url), { workerData: { build }, execArgv: ['--no-warnings'] })
}

async function work(worker: Worker, next: PoolOptions['next'], done: PoolOptions['done']): Promise<void> {
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
