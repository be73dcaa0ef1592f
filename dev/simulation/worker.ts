/** One thread of the simulation: takes seeds, one after the other, and answers with what became of each. */
import { parentPort, workerData } from 'node:worker_threads'
import './runtime.ts'
import type { Build } from './builds.ts'
import type { Job, Report } from './simulator.ts'

const { Simulator } = await import('./simulator.ts')
const simulator = new Simulator(workerData.build as Build)

parentPort?.on('message', (job: Job) => {
  void simulator.run(job).then((report: Report) => parentPort?.postMessage(report))
})
