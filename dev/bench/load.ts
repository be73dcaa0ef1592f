/** Starts the load generator and hands it one load after the other. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Target } from './connection.ts'

/** `requests` reserves over `connections` connections, with ids from `firstId` on; each then settled, where `settle` says how. */
export interface Load extends Target {
  /** The account's path. */
  readonly path: string
  /** ASCII, the same for every request. */
  readonly body: string
  readonly settle: string | null
  /** Sent at this rate, whether or not earlier ones are answered; as fast as they are answered without. */
  readonly ratePerSecond?: number
  readonly connections: number
  readonly requests: number
  readonly firstId: number
}

export interface LoadResult {
  /** With a rate: how many found no connection free when it was their time. */
  readonly dropped: number
  /** In the two thirds of the load that see all connections warm and at work. */
  readonly perSecond: number
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A load takes seconds; one that takes this long hangs. */
const LONGEST_LOAD_MS = 60_000

export class LoadGenerator {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'generator.ts'))

  /** One at a time. */
  run(load: Load): Promise<LoadResult> {
    const child = this.#child
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish({ error: 'the load did not end' }), LONGEST_LOAD_MS)
      const exited = () => finish({ error: 'the load generator exited' })
      const finish = (answer: LoadResult | { readonly error: string }) => {
        clearTimeout(timer)
        child.off('message', finish)
        child.off('exit', exited)
        if ('error' in answer) reject(new Error(answer.error))
        else resolve(answer)
      }
      child.on('message', finish)
      child.on('exit', exited)
      child.send(load)
    })
  }

  close(): void {
    this.#child.kill()
  }
}
