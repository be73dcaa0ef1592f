/**
 * The whole system on this machine: secrets, migrations, Stripe's double, `wrangler dev`, and its cron trigger. Whatever
 * becomes of the process that started it, nothing of it stays behind.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { migrateD1 } from './local-d1.ts'
import type { LocalStripe } from './local-stripe.ts'
import { type Group, ROOT, startGroup } from './process-group.ts'
import { keepSchedule } from './schedule.ts'
import { ensureSecrets, makeFolder, SystemError } from './secrets.ts'
import { lockState } from './state-lock.ts'

export const DEFAULT_PORT = 8787

/** A cold start on two busy cores takes about 6 s; what takes ten times as long will not come. */
const READY_WITHIN_MS = 60_000
const BETWEEN_LOOKS_MS = 50
const LOOK_MS = 5_000

export interface SystemOptions {
  readonly port?: number
  /** Of Stripe's double; by default any that is free, so that several systems need not agree. */
  readonly stripePort?: number
  /** Where balances, history and the double's books live; by default where wrangler keeps its own. */
  readonly stateDir?: string
  readonly varsFile?: string
  /** Gets what the Worker and wrangler print: warnings and errors. */
  readonly onLine?: (line: string) => void
  /** How often the Worker's scheduled handler is called. */
  readonly scheduleEveryMs?: number
}

export interface System {
  readonly url: string
  /** Stripe's double. */
  readonly stripeUrl: string
  readonly operatorKey: string
  readonly runnerKey: string
  /** Leads the process group of all that was started. */
  readonly pid: number
  /** Settles once nothing of the system runs any more; if it was not stopped, the error says why. */
  readonly ended: Promise<SystemError>
  stop(): Promise<void>
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { port = DEFAULT_PORT, stripePort = 0 } = options
  const stateDir = resolve(options.stateDir ?? defaultStateDir())
  const varsFile = resolve(options.varsFile ?? defaultVarsFile())
  await checkPort(port, stripePort)
  makeFolder(stateDir)
  const unlock = lockState(stateDir)
  try {
    const { webhookSecret, ...keys } = ensureSecrets(varsFile)
    const stripe = await startStripe(stripePort, port, stateDir, webhookSecret)
    const started = await startWorker(port, stateDir, varsFile, stripe, options).catch(async (error: unknown) => {
      await stripe.stop()
      throw error
    })
    return { ...keys, ...started, ended: started.ended.finally(unlock) }
  } catch (error) {
    unlock()
    throw error
  }
}

/** What calls Stripe's double: the Worker, with the webhook and the schedule that call the Worker. */
async function startWorker(
  port: number,
  stateDir: string,
  varsFile: string,
  stripe: LocalStripe,
  { onLine, scheduleEveryMs }: SystemOptions,
): Promise<Omit<System, 'operatorKey' | 'runnerKey'>> {
  migrate(stateDir)
  const group = await serve(port, stateDir, varsFile, stripe.url, onLine)
  stripe.deliver()
  const endSchedule = keepSchedule(group.url, scheduleEveryMs)
  // The double is last to go, so that what the Worker still asks it is answered.
  const ended = group.ended.finally(async () => {
    endSchedule()
    await stripe.stop()
  })
  const stop = async () => {
    endSchedule()
    await group.stop()
    await ended
  }
  return { url: group.url, stripeUrl: stripe.url, pid: group.pid, ended, stop }
}

async function startStripe(
  port: number,
  workerPort: number,
  stateDir: string,
  webhookSecret: string,
): Promise<LocalStripe> {
  // Loaded only here: who merely asks whether a system runs, as the demo does, need not wait for all of it.
  const { startLocalStripe } = await import('./local-stripe.ts')
  const webhookUrl = `${urlOf(workerPort)}/v1/stripe/webhook`
  try {
    return await startLocalStripe({ port, stateDir, webhookUrl, webhookSecret })
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException
    if (syscall !== 'listen') throw error
    throw portError(error, port, `Choose another for Stripe's double: STRIPE_DOUBLE_PORT=${port + 1} npm start`)
  }
}

interface Served {
  readonly url: string
  readonly pid: number
  readonly ended: Promise<SystemError>
  stop(): Promise<void>
}

async function serve(
  port: number,
  stateDir: string,
  varsFile: string,
  stripeUrl: string,
  onLine: SystemOptions['onLine'],
): Promise<Served> {
  const url = urlOf(port)
  const args = [
    ...['dev', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
    ...['--persist-to', stateDir, '--env-file', varsFile, '--var', `STRIPE_API_BASE:${stripeUrl}`],
    ...['--log-level', 'warn', '--show-interactive-dev-session=false'],
    // Or else it warns that nobody calls the scheduled handler; we do.
    '--test-scheduled',
  ]
  const group = startGroup(stateDir, args, onLine)
  const ended = group.exited.then(async (code) => {
    // Workerd outlives a wrangler that was killed.
    await group.end()
    return failure(`The system ended by itself (${code}).`, group)
  })
  try {
    await untilReady(url, group, ended)
  } catch (error) {
    await group.end()
    throw error
  }
  return { url, pid: group.pid, ended, stop: group.end }
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

export function defaultStateDir(): string {
  return process.env['STATE_DIR'] ?? join(ROOT, '.wrangler', 'state')
}

export function defaultVarsFile(): string {
  return process.env['DEV_VARS'] ?? join(ROOT, '.dev.vars')
}

/** A port that nobody listens on; somebody else may still be quicker to take it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  server.close()
  await once(server, 'close')
  return address.port
}

async function checkPort(port: number, stripePort: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    const others = `PORT=${port + 1} STRIPE_DOUBLE_PORT=${stripePort + 1} STATE_DIR=.wrangler/second`
    throw portError(error, port, `Choose others, with a state of its own: ${others} npm start`)
  }
  server.close()
  await once(server, 'close')
}

function portError(error: unknown, port: number, advice: string): SystemError {
  const { code } = error as NodeJS.ErrnoException
  const why = code === 'EADDRINUSE' ? 'is taken by another process' : `cannot be used (${code})`
  return new SystemError(`Port ${port} ${why}. ${advice}`)
}

function migrate(stateDir: string): void {
  try {
    migrateD1(stateDir)
  } catch (error) {
    const advice = 'Another STATE_DIR starts anew, and npm run reset forgets what there is.'
    throw new SystemError(`The migrations of D1 could not be applied: ${error}. ${advice}`)
  }
}

async function untilReady(url: string, group: Group, ended: Promise<SystemError>): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline) {
    if (await isHealthy(url)) return
    const error = await Promise.race([ended, pause(BETWEEN_LOOKS_MS)])
    if (error !== undefined) throw error
  }
  throw failure(`Nothing answered at ${url} within ${READY_WITHIN_MS / 1000} s.`, group)
}

/** Whether a system answers there. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(LOOK_MS) })
    const body: unknown = await response.json()
    return response.ok && JSON.stringify(body) === '{"status":"ok"}'
  } catch {
    return false
  }
}

function failure(what: string, { lastLines }: Group): SystemError {
  return new SystemError([what, ...lastLines.map((line) => `  ${line}`)].join('\n'))
}
