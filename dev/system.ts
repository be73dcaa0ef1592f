/**
 * The whole system on this machine: secrets, migrations, `wrangler dev`. Whatever becomes of the process that started
 * it, nothing of it stays behind.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Group, ROOT, startGroup } from './process-group.ts'
import { ensureSecrets, makeFolder, SystemError } from './secrets.ts'
import { lockState } from './state-lock.ts'

export const DEFAULT_PORT = 8787

/** A cold start on two busy cores takes about 6 s; what takes ten times as long will not come. */
const READY_WITHIN_MS = 60_000
const BETWEEN_LOOKS_MS = 50
const LOOK_MS = 5_000

export interface SystemOptions {
  readonly port?: number
  /** Where balances and history live; by default where wrangler keeps them. */
  readonly stateDir?: string
  readonly varsFile?: string
  /** Gets what the Worker and wrangler print: warnings and errors. */
  readonly onLine?: (line: string) => void
}

export interface System {
  readonly url: string
  readonly operatorKey: string
  readonly runnerKey: string
  /** Leads the process group of all that was started. */
  readonly pid: number
  /** Settles once nothing of the system runs any more; if it was not stopped, the error says why. */
  readonly ended: Promise<SystemError>
  stop(): Promise<void>
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { port = DEFAULT_PORT } = options
  const stateDir = resolve(options.stateDir ?? join(ROOT, '.wrangler', 'state'))
  const varsFile = resolve(options.varsFile ?? defaultVarsFile())
  await checkPort(port)
  makeFolder(stateDir)
  const unlock = lockState(stateDir)
  try {
    const keys = ensureSecrets(varsFile)
    await migrate(stateDir)
    const group = await serve(port, stateDir, varsFile, options.onLine)
    return { ...keys, ...group, ended: group.ended.finally(unlock) }
  } catch (error) {
    unlock()
    throw error
  }
}

async function serve(
  port: number,
  stateDir: string,
  varsFile: string,
  onLine: SystemOptions['onLine'],
): Promise<Omit<System, 'operatorKey' | 'runnerKey'>> {
  const url = `http://127.0.0.1:${port}`
  const args = [
    ...['dev', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
    ...['--persist-to', stateDir, '--env-file', varsFile, '--log-level', 'warn'],
    '--show-interactive-dev-session=false',
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

async function checkPort(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'is taken by another process' : `cannot be used (${code})`
    throw new SystemError(
      `Port ${port} ${why}. Choose another, with a state of its own: PORT=${port + 1} STATE_DIR=.wrangler/second npm start`,
    )
  }
  server.close()
  await once(server, 'close')
}

async function migrate(stateDir: string): Promise<void> {
  const group = startGroup(stateDir, ['d1', 'migrations', 'apply', 'HISTORY', '--local', '--persist-to', stateDir])
  const code = await Promise.race([group.exited, pause(READY_WITHIN_MS, 'too slow', { ref: false })])
  await group.end()
  if (code !== 0) throw failure(`The migrations of D1 could not be applied (${code}).`, group)
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
