/** `npm start` as a user runs it: a process of its own, of which the tests see what is printed and what stays behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import { processes } from '../../dev/processes.ts'
import { freePort } from '../../dev/system.ts'

const START = fileURLToPath(new URL('../../dev/start.ts', import.meta.url))

const READY_WITHIN_MS = 60_000
const GONE_WITHIN_MS = 10_000

export interface Printed {
  readonly url: string
  readonly operatorKey: string
  readonly runnerKey: string
}

export class StartCommand {
  readonly port: number
  readonly exited: Promise<number | null>
  readonly #child: ChildProcess
  #output = ''

  private constructor(child: ChildProcess, port: number) {
    this.port = port
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
    this.exited = once(child, 'close').then(([code]) => code as number | null)
  }

  static async run(options: { stateDir: string; varsFile: string; port?: number }): Promise<StartCommand> {
    const port = options.port ?? (await freePort())
    const env = { ...process.env, PORT: String(port), STATE_DIR: options.stateDir, DEV_VARS: options.varsFile }
    return new StartCommand(spawn(process.execPath, [START], { env, stdio: ['ignore', 'pipe', 'pipe'] }), port)
  }

  get output(): string {
    return this.#output
  }

  /** What it prints once it serves. */
  async ready(): Promise<Printed> {
    const find = () => /export URL=(\S+)\s+export OPERATOR_KEY=(\S+)\s+export RUNNER_KEY=(\S+)/.exec(this.#output)
    await Promise.race([
      vi.waitFor(() => expect(find(), this.#output).not.toBeNull(), { timeout: READY_WITHIN_MS, interval: 50 }),
      this.exited.then(() => Promise.reject(new Error(`npm start ended: ${this.#output}`))),
    ])
    const [, url = '', operatorKey = '', runnerKey = ''] = find() ?? []
    return { url, operatorKey, runnerKey }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** The process group of wrangler and workerd, which `npm start` leads from outside. */
  group(): number {
    const leader = processes().find(({ parent }) => parent === this.#child.pid)
    if (leader === undefined) throw new Error('npm start has started nothing')
    expect(leader.group, 'the system is not in a process group of its own').toBe(leader.pid)
    return leader.group
  }
}

/** Waits until none of the group runs. */
export async function expectNothingLeft(group: number): Promise<void> {
  const left = () => processes().filter((each) => each.group === group)
  await vi.waitFor(() => expect(left()).toEqual([]), { timeout: GONE_WITHIN_MS, interval: 50 })
}
