/**
 * One subject, once: a new account with plenty of credits, reserves from one client and from many, and then the proof
 * that what was measured was right. A figure of a ledger that lost something is no figure.
 */
import type { LoadGenerator, LoadResult } from './load.ts'
import { OPERATOR_KEY, RUNNER_KEY } from './runtime.ts'

export type Subject = 'real' | 'noop' | 'naive'

/** Where each is served. */
const PREFIX: Readonly<Record<Subject, string>> = { real: '', noop: '/noop', naive: '/naive' }

/** Together fewer than the 10,000 reservations that one account may have open. */
const WARM_UP_REQUESTS = 500
export const QUIET_REQUESTS = 1_000
/** Little more than the second after which history follows. */
export const BUSY_REQUESTS = 3_000
const SUSTAINED_REQUESTS = 4_000

export const BUSY_CONNECTIONS = 128

const CREDITS = 12.5
const GRANTED = 10_000_000
const BODY = JSON.stringify({ credits: CREDITS, metadata: { repository: 'acme/api', pull_request: '1042' } })

/** History trails by a second and takes 500 entries at a time; if it takes this long, it does not come. */
const HISTORY_TIMEOUT_MS = 30_000
const HISTORY_POLL_MS = 50

/** The audit reads everything once more, and is still done in a second or two. */
const LONGEST_CALL_MS = 30_000

export interface Measurement {
  /** One connection. */
  readonly quiet: LoadResult
  /** All connections. */
  readonly busy: LoadResult
  /** All connections for longer, while what came before goes to D1, here on the same thread. Only the real object. */
  readonly sustained: LoadResult | null
}

export async function measure(
  url: URL,
  generator: LoadGenerator,
  subject: Subject,
  account: string,
): Promise<Measurement> {
  const path = `${PREFIX[subject]}/v1/accounts/${account}`
  const api = operatorApi(url)
  if (subject === 'real') await api('PUT', path, { trial: null })
  await api('PUT', `${path}/grants/funds`, { kind: 'promotional', credits: GRANTED, reason: 'benchmark' })
  let made = 0
  const load = async (connections: number, requests: number) => {
    const common = { host: url.hostname, port: Number(url.port), path, key: RUNNER_KEY, body: BODY }
    // What earlier reserves still send to history is not this load's time, nor the next subject's.
    if (subject === 'real') await historyIsComplete(api, path, made + 1)
    const result = await generator.run({ ...common, connections, requests, firstId: made })
    made += requests
    expectEqual(`${subject}: reservations made`, result.statuses['201'] ?? 0, requests)
    return result
  }
  await load(BUSY_CONNECTIONS, WARM_UP_REQUESTS)
  const quiet = await load(1, QUIET_REQUESTS)
  const busy = await load(BUSY_CONNECTIONS, BUSY_REQUESTS)
  const sustained = subject === 'real' ? await load(BUSY_CONNECTIONS, SUSTAINED_REQUESTS) : null
  if (subject !== 'noop') {
    const balance = (await api('GET', `${path}/balance`)) as { reserved: number; available: number }
    expectEqual(`${subject}: credits reserved`, balance.reserved, made * CREDITS)
    expectEqual(`${subject}: credits available`, balance.available, GRANTED - made * CREDITS)
  }
  if (subject === 'real') {
    await historyIsComplete(api, path, made + 1)
    const audit = (await api('GET', `${path}/audit`)) as { ok: boolean; checked: { history: number } }
    if (!audit.ok) throw new Error(`the audit found differences: ${JSON.stringify(audit)}`)
    expectEqual('entries in history', audit.checked.history, made + 1)
  }
  return { quiet, busy, sustained }
}

async function historyIsComplete(api: Api, path: string, entries: number): Promise<void> {
  const deadline = performance.now() + HISTORY_TIMEOUT_MS
  for (;;) {
    const page = (await api('GET', `${path}/entries?limit=1`)) as { complete_to: number }
    if (page.complete_to === entries) return
    if (performance.now() > deadline) throw new Error(`history stays at entry ${page.complete_to} of ${entries}`)
    await new Promise((resolve) => setTimeout(resolve, HISTORY_POLL_MS))
  }
}

type Api = (method: string, path: string, body?: object) => Promise<unknown>

function operatorApi(url: URL): Api {
  return async (method, path, body) => {
    const response = await fetch(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(LONGEST_CALL_MS),
      headers: { Authorization: `Bearer ${OPERATOR_KEY}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }
}

function expectEqual(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what}: ${found}, not ${expected}`)
}
