/**
 * Whether an account feels its history: reviews, and the first answer after an eviction, with a million closed
 * reservations, 10,000 open ones or 1,000 grants behind them, beside an account that has none of these.
 */
import { type Api, expectEqual, fund, operatorApi } from './api.ts'
import type { LoadGenerator } from './load.ts'
import { BUSY_CONNECTIONS } from './measure.ts'
import { RUNNER_KEY } from './runtime.ts'
import { NOT_MEANWHILE_MS } from './subject.ts'

export const PASTS = ['empty', '10,000 closed', '1,000,000 closed', '10,000 open', '1,000 grants'] as const
export type Past = (typeof PASTS)[number]

/** Of each past in each round; with what is open already, fewer than 10,000 at a time. */
const REVIEWS = 1_500
const OPENINGS = 15
const GRANTED = 1_000_000

const OPEN = 9_800
const GRANTS = 1_000
const PER_BATCH = 1_000

const BODY = JSON.stringify({ credits: 12.5, metadata: { repository: 'acme/api', pull_request: '1042' } })
const SETTLE = JSON.stringify({ cost_usd: '0.1031' })

export interface HistoryRound {
  /** Reviews (reserve and settle) in a second, over all connections. */
  readonly reviewsPerSecond: number
  /** From a request to an evicted object to its answer. */
  readonly openingMs: number
}

export const accountOf = (past: Past) => `past-${past.replaceAll(/[^a-z0-9]+/g, '-')}`

/** The accounts, each with its past. */
export async function preparePasts(url: URL): Promise<void> {
  const api = operatorApi(url)
  for (const past of PASTS) {
    const account = accountOf(past)
    await fund(api, account, GRANTED)
    await PREPARE[past](api, account)
  }
}

const PREPARE: Readonly<Record<Past, (api: Api, account: string) => Promise<unknown>>> = {
  empty: async () => {},
  '10,000 closed': (api, account) => give(api, account, 10_000),
  '1,000,000 closed': (api, account) => give(api, account, 1_000_000),
  '10,000 open': openReservations,
  '1,000 grants': async (api, account) => {
    for (let grant = 1; grant < GRANTS; grant += 1) {
      const gift = { kind: 'promotional', credits: 1_000, reason: 'one of many' }
      await api('PUT', `/v1/accounts/${account}/grants/gift-${grant}`, gift)
    }
  },
}

async function give(api: Api, account: string, closed: number): Promise<void> {
  await api('POST', `/bench/${account}/past`, { closed, sentFrom: Date.now() + NOT_MEANWHILE_MS, heldUntil: null })
  await api('POST', `/bench/${account}/evict`)
}

/** Held for a day, so that none runs out meanwhile. */
export async function openReservations(api: Api, account: string): Promise<void> {
  for (let made = 0; made < OPEN; made += PER_BATCH) {
    const commands = Array.from({ length: Math.min(PER_BATCH, OPEN - made) }, (_, index) => {
      return { op: 'reserve', id: `open-${made + index}`, credits: 1, ttl_seconds: 86_400 }
    })
    await api('POST', `/v1/accounts/${account}/reservations:batch`, { commands })
  }
}

/** One past, once. `round` keeps the ids apart. */
export async function measurePast(
  url: URL,
  generator: LoadGenerator,
  past: Past,
  round: number,
): Promise<HistoryRound> {
  const api = operatorApi(url)
  const path = `/v1/accounts/${accountOf(past)}`
  const common = { host: url.hostname, port: Number(url.port), path, key: RUNNER_KEY, connections: BUSY_CONNECTIONS }
  const before = await balance(api, path)
  const load = { ...common, body: BODY, settle: SETTLE, requests: REVIEWS, firstId: round * REVIEWS }
  const { perSecond, statuses } = await generator.run(load)
  expectEqual(`${past}: reserved`, statuses['201'] ?? 0, REVIEWS)
  expectEqual(`${past}: settled`, statuses['200'] ?? 0, REVIEWS)
  const after = await balance(api, path)
  expectEqual(`${past}: charged`, Math.round((before.available - after.available) * 100), REVIEWS * 1_031)
  expectEqual(`${past}: reserved after it`, after.reserved, before.reserved)
  return { reviewsPerSecond: perSecond, openingMs: await openingMs(api, accountOf(past)) }
}

async function openingMs(api: Api, account: string): Promise<number> {
  const times: number[] = []
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    await api('POST', `/bench/${account}/evict`)
    const began = performance.now()
    await balance(api, `/v1/accounts/${account}`)
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)[Math.floor(OPENINGS / 2)] ?? Number.NaN
}

async function balance(api: Api, path: string): Promise<{ available: number; reserved: number }> {
  return (await api('GET', `${path}/balance`)) as { available: number; reserved: number }
}
