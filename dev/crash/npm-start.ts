/** The system as `npm start` runs it, in a process group of its own, until all of it is killed at once. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ROOT, spawnGuarded } from '../process-group.ts'
import { type Process, processes } from '../processes.ts'
import type { Keys } from './api.ts'

const READY_WITHIN_MS = 60_000
const GONE_WITHIN_MS = 10_000
const BETWEEN_LOOKS_MS = 20

export interface Where {
  readonly port: number
  readonly stripePort: number
  readonly stateDir: string
  readonly varsFile: string
  /** Another checkout than this one. */
  readonly root?: string
}

/** What was seen to be gone. */
export interface Death {
  readonly killed: readonly Process[]
}

export interface Running extends Keys {
  readonly stripeUrl: string
  /** `kill -9` of every process of it, at once; ends when all of them are gone and the ports refuse. */
  kill(): Promise<Death>
}

export async function npmStart(where: Where): Promise<Running> {
  const { port, stripePort, stateDir, varsFile, root = ROOT } = where
  const env = { ...process.env, PORT: String(port), STRIPE_DOUBLE_PORT: String(stripePort) }
  const child = spawnGuarded([join(root, 'dev', 'start.ts')], { ...env, STATE_DIR: stateDir, DEV_VARS: varsFile })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const exited = once(child, 'close').then(() => true)
  const deadline = Date.now() + READY_WITHIN_MS
  for (;;) {
    const found = /export URL=(\S+)\s+export OPERATOR_KEY=(\S+)\s+export RUNNER_KEY=(\S+)/.exec(output)
    const [, url, operatorKey, runnerKey] = found ?? []
    if (url !== undefined && operatorKey !== undefined && runnerKey !== undefined) {
      const stripeUrl = `http://127.0.0.1:${stripePort}`
      return { url, operatorKey, runnerKey, stripeUrl, kill: () => kill(child, where) }
    }
    const hasEnded = await Promise.race([exited, pause(BETWEEN_LOOKS_MS, false)])
    if (!hasEnded && Date.now() < deadline) continue
    if (!hasEnded) await kill(child, where)
    throw new Error(`npm start ${hasEnded ? 'ended' : `is not ready within ${READY_WITHIN_MS} ms`}:\n${output}`)
  }
}

async function kill({ pid }: ChildProcess, { port, stripePort }: Where): Promise<Death> {
  const alive = processes()
  // Two groups: that of npm start with Stripe's double in it, and that of wrangler, which npm start has made for it.
  const groups = new Set([pid, ...alive.filter((each) => each.parent === pid).map((each) => each.group)])
  const killed = alive.filter(({ group }) => groups.has(group))
  for (const group of groups) {
    if (group === undefined) continue
    try {
      process.kill(-group, 'SIGKILL')
    } catch {
      // Its guard was quicker.
    }
  }
  await until('the processes are gone', () => processes().every(({ group }) => !groups.has(group)))
  for (const each of [port, stripePort]) await until(`port ${each} refuses`, () => refuses(each))
  return { killed }
}

async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + GONE_WITHIN_MS
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error(`It is not so after ${GONE_WITHIN_MS} ms that ${what}`)
    await pause(BETWEEN_LOOKS_MS)
  }
}

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', () => resolve(true))
  })
}
