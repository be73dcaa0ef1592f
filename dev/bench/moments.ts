/** Two things that happen seldom and all at once: 10,000 expiries, and D1 coming back after an outage. */
import { fund, historyIsComplete, operatorApi } from './api.ts'
import { openReservations } from './history.ts'

const DUE_IN_MS = 2_000
/** 10,000 expiries take a second or two; what others wait for after that is something else. */
const EXPIRING_MS = 2_000
/** Every expiry is over long before. */
const WATCHED_MS = 8_000
const REVIEWS_BEHIND = 50_000

export interface ManyDue {
  /** The longest that another account waited for an answer while nothing was due, and while everything was. */
  readonly usualMs: number
  readonly longestMs: number
}

/** 10,000 reservations of one account run out in one moment; another account is asked for its balance all the while. */
export async function manyDue(url: URL): Promise<ManyDue> {
  const api = operatorApi(url)
  await fund(api, 'due', 1_000_000)
  await fund(api, 'other', 1)
  await openReservations(api, 'due')
  const { version } = (await api('GET', '/v1/accounts/due/balance')) as { version: number }
  await historyIsComplete(api, '/v1/accounts/due', version)
  const dueAt = Date.now() + DUE_IN_MS
  await api('POST', '/bench/due/past', { closed: 0, sentFrom: dueAt + WATCHED_MS, heldUntil: dueAt })
  await api('POST', '/bench/due/evict')
  // Opens it, which arms its alarm.
  await api('GET', '/v1/accounts/due/balance')
  const waits: { readonly at: number; readonly ms: number }[] = []
  while (Date.now() < dueAt + WATCHED_MS) {
    const [at, began] = [Date.now(), performance.now()]
    await api('GET', '/v1/accounts/other/balance')
    waits.push({ at, ms: performance.now() - began })
  }
  const { reserved } = (await api('GET', '/v1/accounts/due/balance')) as { reserved: number }
  if (reserved !== 0) throw new Error(`${reserved} credits are still held`)
  const isExpiring = (at: number, ms: number) => at + ms >= dueAt && at < dueAt + EXPIRING_MS
  const longest = (isDue: boolean) =>
    Math.max(...waits.filter(({ at, ms }) => isExpiring(at, ms) === isDue).map(({ ms }) => ms))
  return { usualMs: longest(false), longestMs: longest(true) }
}

/** Seconds until history has 100,000 entries that it lacked. */
export async function catchUpSeconds(url: URL): Promise<number> {
  const api = operatorApi(url)
  await fund(api, 'behind', 1_000)
  await historyIsComplete(api, '/v1/accounts/behind', 1)
  await api('POST', '/bench/behind/past', { closed: REVIEWS_BEHIND, sentFrom: 0, heldUntil: null })
  await api('POST', '/bench/behind/evict')
  const began = performance.now()
  await api('GET', '/v1/accounts/behind/balance')
  await historyIsComplete(api, '/v1/accounts/behind', 1 + 2 * REVIEWS_BEHIND)
  return (performance.now() - began) / 1_000
}
