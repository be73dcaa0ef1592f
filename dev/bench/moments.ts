/** Two things that happen seldom and all at once: thousands of expiries, and D1 coming back after an outage. */
import { setTimeout } from 'node:timers/promises'
import { type Api, expectEqual, fund, historyIsComplete, operatorApi } from './api.ts'
import { Connection, requestOf } from './connection.ts'
import { openReservations } from './history.ts'
import { RUNNER_KEY } from './runtime.ts'

/** Watched for so long before anything is due, while all of it expires, and while history takes what that made. */
const WATCHED_MS = 2_000
const ASKED_EVERY_MS = 1
const REVIEWS_BEHIND = 50_000

/** The longest that another account waited for an answer, in three equally long parts of one watch, in milliseconds. */
export interface ManyDue {
  readonly beforeMs: number
  readonly expiringMs: number
  /** While the expiries go to D1, which is on the same thread here. */
  readonly historyMs: number
}

/**
 * Nearly 10,000 reservations of one account run out in one moment; another account is asked for its balance all the
 * while. `turn` keeps the accounts apart.
 */
export async function manyDue(url: URL, turn: number): Promise<ManyDue> {
  const api = operatorApi(url)
  const [account, other] = [`due-${turn}`, `other-${turn}`]
  await fund(api, account, 1_000_000)
  await fund(api, other, 1)
  await openReservations(api, account)
  const { version } = await balanceOf(api, account)
  await historyIsComplete(api, `/v1/accounts/${account}`, version)
  const heldUntil = Date.now() + WATCHED_MS
  const sentFrom = heldUntil + WATCHED_MS
  await api('POST', `/bench/${account}/past`, { closed: 0, sentFrom, heldUntil })
  await api('POST', `/bench/${account}/evict`)
  // Opens it, which arms its alarm.
  await balanceOf(api, account)
  const connection = await Connection.open(url.hostname, Number(url.port))
  try {
    const target = { host: url.hostname, port: Number(url.port), key: RUNNER_KEY }
    const request = requestOf(target, 'GET', `/v1/accounts/${other}/balance`, '')
    const beforeMs = await longestWait(connection, request, heldUntil)
    const expiringMs = await longestWait(connection, request, sentFrom)
    const { reserved, version: expired } = await balanceOf(api, account)
    expectEqual('credits still held', reserved, 0)
    const historyMs = await longestWait(connection, request, sentFrom + WATCHED_MS)
    await historyIsComplete(api, `/v1/accounts/${account}`, expired)
    return { beforeMs, expiringMs, historyMs }
  } finally {
    connection.close()
  }
}

/** What is under way at the end is waited for, and counts: what it waits for began before. */
async function longestWait(connection: Connection, request: string, until: number): Promise<number> {
  let longest = 0
  while (Date.now() < until) {
    const began = performance.now()
    expectEqual('status of a balance', await connection.send(request), 200)
    longest = Math.max(longest, performance.now() - began)
    await setTimeout(ASKED_EVERY_MS)
  }
  return longest
}

async function balanceOf(api: Api, account: string): Promise<{ reserved: number; version: number }> {
  return (await api('GET', `/v1/accounts/${account}/balance`)) as { reserved: number; version: number }
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
