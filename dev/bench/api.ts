/** What the benchmark asks beside its loads: as an operator would, over HTTP. */
import { OPERATOR_KEY } from './runtime.ts'

/** The audit reads everything once more, and a long past takes a while to be written. */
const LONGEST_CALL_MS = 120_000

/** History trails by a second and takes 500 entries at a time; if it takes this long, it does not come. */
const HISTORY_TIMEOUT_MS = 120_000
const HISTORY_POLL_MS = 50

export type Api = (method: string, path: string, body?: object) => Promise<unknown>

export function operatorApi(url: URL): Api {
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

/** An account without a trial, with one large gift. */
export async function fund(api: Api, account: string, credits: number): Promise<void> {
  await api('PUT', `/v1/accounts/${account}`, { trial: null })
  await api('PUT', `/v1/accounts/${account}/grants/funds`, { kind: 'promotional', credits, reason: 'benchmark' })
}

export async function historyIsComplete(api: Api, path: string, entries: number): Promise<void> {
  const deadline = performance.now() + HISTORY_TIMEOUT_MS
  for (;;) {
    const page = (await api('GET', `${path}/entries?limit=1`)) as { complete_to: number }
    if (page.complete_to === entries) return
    if (performance.now() > deadline) throw new Error(`history stays at entry ${page.complete_to} of ${entries}`)
    await new Promise((resolve) => setTimeout(resolve, HISTORY_POLL_MS))
  }
}

export function expectEqual(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what}: ${found}, not ${expected}`)
}
