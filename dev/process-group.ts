/** Wrangler and all that it starts, as one group of processes that ends with us, however suddenly. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { SECRETS, SystemError } from './secrets.ts'

/** Wrangler ends by itself within 2 s. */
const END_WITHIN_MS = 5_000
/** Enough for a stack trace and what led to it. */
const MAX_LAST_LINES = 40

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
const WRANGLER = join(ROOT, 'node_modules', 'wrangler', 'wrangler-dist', 'cli.js')

export interface Group {
  readonly pid: number
  readonly lastLines: readonly string[]
  /** The exit code, or the signal. */
  readonly exited: Promise<number | string>
  end(): Promise<void>
}

/**
 * Wrangler in a process group of its own, because killing wrangler alone leaves workerd serving. The group has a guard
 * that reads from a pipe of ours: if we die, however suddenly, the pipe ends, and the guard kills the group.
 */
export function startGroup(stateDir: string, args: readonly string[], onLine?: (line: string) => void): Group {
  const child = spawnGuarded(['--no-warnings', WRANGLER, ...args], wranglerEnv(stateDir))
  const { pid } = child
  if (pid === undefined) throw new SystemError('No process could be started: is there a shell (sh)?')
  const lastLines: string[] = []
  const keep = (line: string) => {
    lastLines.push(line)
    if (lastLines.length > MAX_LAST_LINES) lastLines.shift()
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      const text = stripVTControlCharacters(line).trimEnd()
      // What was shown already need not be said again when it ends.
      if (text !== '') (onLine ?? keep)(text)
    })
  }
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  return { pid, lastLines, exited, end: () => endGroup(child, pid, exited) }
}

/** Node with these arguments, leading a group of its own that does not outlive us. */
export function spawnGuarded(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const guarded = '(cat <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-'
  return spawn('sh', ['-c', guarded, 'sh', process.execPath, ...args], {
    ...{ cwd: ROOT, detached: true, env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
}

async function endGroup(child: ChildProcess, pid: number, exited: Promise<unknown>): Promise<void> {
  // Wrangler closes its children itself, and tidily, when it has the time to.
  child.kill('SIGTERM')
  await Promise.race([exited, pause(END_WITHIN_MS, undefined, { ref: false })])
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group has ended already.
  }
  await exited
}

/** Ours, without what would decide in place of the given files and options. */
function wranglerEnv(stateDir: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_LOG_PATH: join(stateDir, 'logs'),
    // The registry of running Workers is the user's otherwise, and several systems would meet in it.
    WRANGLER_REGISTRY_PATH: join(stateDir, 'registry'),
  }
  for (const name of ['CLOUDFLARE_ENV', 'STRIPE_API_BASE', ...SECRETS.map((secret) => secret.name)]) delete env[name]
  return env
}
