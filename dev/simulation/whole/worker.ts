/** One thread of the simulation of whole lives: takes seeds, one after the other, and answers with what became of each. */
import { parentPort, workerData } from 'node:worker_threads'
import { rewriteSources } from '../runtime.ts'
import { type Build, rewriteFor } from './builds.ts'
import type { Job, Report } from './thread.ts'

rewriteSources(rewriteFor(workerData.build as Build))
const { Thread } = await import('./thread.ts')
const thread = new Thread()

parentPort?.on('message', (job: Job) => {
  void thread.run(job).then((report: Report) => parentPort?.postMessage(report))
})
