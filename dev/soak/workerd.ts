/**
 * The system that is soaked: the Worker as it is deployed, in workerd alone, with Stripe's double and its cron trigger
 * beside it. Without wrangler's development server, in which memory grows whatever Worker it serves.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { migrateD1 } from '../local-d1.ts'
import { startLocalStripe } from '../local-stripe.ts'
import { processes } from '../processes.ts'
import { keepSchedule } from '../schedule.ts'
import { ensureSecrets, makeFolder, SECRETS } from '../secrets.ts'
import { bundled, convertV4MiniflareOptions, Miniflare, type Variables } from '../workerd.ts'
import { liveHeapMb } from './heap.ts'

const NAME = 'soak'
const OUR_WORKER = `core:user:${NAME}`
/** D1 on this machine is two Workers of Miniflare's in the same process; what they have not collected is not ours to judge. */
const D1_WORKERS = ['d1:db:entry', 'd1:db']
const KB_PER_MB = 1_024

export interface Soakable {
  readonly url: string
  readonly stripeUrl: string
  readonly operatorKey: string
  readonly runnerKey: string
  /** `request` reaches our Worker and D1. */
  readonly memory: (request: () => Promise<unknown>) => Promise<Memory>
  readonly stop: () => Promise<void>
}

export interface Memory {
  /** What our code keeps alive, right after a collection. */
  readonly liveMb: number
  /** Of the whole process, in which D1 runs as well, after all of them have collected. */
  readonly residentMb: number
}

export interface Where {
  readonly port: number
  readonly stateDir: string
  readonly varsFile: string
  /** Gets what the Worker prints: warnings and errors. */
  readonly onLine: (line: string) => void
}

export async function startWorkerd(where: Where): Promise<Soakable> {
  const { port, stateDir, varsFile } = where
  makeFolder(stateDir)
  migrateD1(stateDir)
  const { webhookSecret, ...keys } = ensureSecrets(varsFile)
  const url = `http://127.0.0.1:${port}`
  const webhookUrl = `${url}/v1/stripe/webhook`
  const stripe = await startLocalStripe({ port: 0, stateDir, webhookUrl, webhookSecret })
  const miniflare = new Miniflare(options(where, { ...secretsIn(varsFile), STRIPE_API_BASE: stripe.url }))
  const end = async () => {
    await miniflare.dispose()
    // Last to go, so that what the Worker still asks it is answered.
    await stripe.stop()
  }
  try {
    const entry = await miniflare.ready
    const inspector = await miniflare.getInspectorURL()
    stripe.deliver()
    const endSchedule = keepSchedule(entry.origin)
    const stop = () => {
      endSchedule()
      return end()
    }
    return { ...keys, url, stripeUrl: stripe.url, memory: (request) => memoryOf(inspector, request), stop }
  } catch (error) {
    await end()
    throw error
  }
}

async function memoryOf(inspector: URL, request: () => Promise<unknown>): Promise<Memory> {
  for (const worker of D1_WORKERS) await liveHeapMb(inspector, worker, request)
  const liveMb = await liveHeapMb(inspector, OUR_WORKER, request)
  return { liveMb, residentMb: residentMb() }
}

function options({ port, stateDir, onLine }: Where, variables: Variables) {
  return convertV4MiniflareOptions({
    ...bundled('src/index.ts', join(stateDir, 'bundle'), variables),
    name: NAME,
    // Where `npm start` keeps it, so that the same tools find it.
    resourcePersistencePath: join(stateDir, 'v3'),
    unsafeDirectSockets: [{ host: '127.0.0.1', port }],
    unsafeTriggerHandlers: true,
    inspectorPort: 0,
    handleStructuredLogs: ({ message }) => onLine(message),
  })
}

function secretsIn(varsFile: string): Variables {
  const found = parseEnv(readFileSync(varsFile, 'utf8'))
  return Object.fromEntries(SECRETS.map(({ name }) => [name, found[name] ?? '']))
}

function residentMb(): number {
  const workerd = processes().find(({ parent, command }) => parent === process.pid && command === 'workerd')
  if (workerd === undefined) throw new Error('workerd runs no more')
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(workerd.pid)], { encoding: 'utf8' })) / KB_PER_MB
}
