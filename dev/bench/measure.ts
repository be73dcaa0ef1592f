/**
 * One subject, or all in turn: a new account with plenty of credits, reserves from one client and from many, and then the
 * proof that what was measured was right. A figure of a ledger that lost something is no figure.
 */
import { expectEqual, historyIsComplete, operatorApi } from './api.ts'
import type { LoadGenerator, LoadResult } from './load.ts'
import { POSTGRES_ACCOUNT } from './postgres.ts'
import { RUNNER_KEY } from './runtime.ts'

export type Subject = 'real' | 'noop' | 'naive'

/** Where each is served. */
const PREFIX: Readonly<Record<Subject, string>> = { real: '', noop: '/noop', naive: '/naive' }

/** How many reserves each part of a measurement makes. */
export interface Size {
  readonly warmUp: number
  readonly quiet: number
  readonly busy: number
  readonly sustained: number
}

/**
 * Together fewer than the 10,000 reservations that one account may have open. What is busy is over within the second after
 * which history follows, also where a machine is slow for a moment; with 3,000 it was not always, and D1, which is on the
 * same thread here, was a part of the ratio in some rounds and not in others.
 */
export const FULL: Size = { warmUp: 500, quiet: 1_000, busy: 1_800, sustained: 4_000 }

/** For a look at whether the ratios still are what they were, roughly. */
export const SHORT: Size = { warmUp: 100, quiet: 0, busy: 450, sustained: 0 }

export const BUSY_CONNECTIONS = 128

const CREDITS = 12.5
const GRANTED = 10_000_000
export const BODY = JSON.stringify({ credits: CREDITS, metadata: { repository: 'acme/api', pull_request: '1042' } })

export interface Measurement {
  /** One connection. */
  readonly quiet: LoadResult
  /** All connections. */
  readonly busy: LoadResult
  /** All connections for longer, while what came before goes to D1, here on the same thread. Only the real object. */
  readonly sustained: LoadResult | null
}

const SUBJECTS: readonly Subject[] = ['real', 'noop', 'naive']

/** All subjects in turn. Each round begins with another, so that none always comes after the same one. */
export async function measureAll(url: URL, generator: LoadGenerator, round: number, size: Size = FULL) {
  const measured: Partial<Record<Subject, Measurement>> = {}
  for (let turn = 0; turn < SUBJECTS.length; turn += 1) {
    const subject = SUBJECTS[(round + turn) % SUBJECTS.length] ?? 'real'
    measured[subject] = await measure(url, generator, subject, `bench-${round}`, size)
  }
  return measured as Record<Subject, Measurement>
}

export async function measure(
  url: URL,
  generator: LoadGenerator,
  subject: Subject,
  account: string,
  size: Size = FULL,
): Promise<Measurement> {
  const path = `${PREFIX[subject]}/v1/accounts/${account}`
  const api = operatorApi(url)
  if (subject === 'real') await api('PUT', path, { trial: null })
  await api('PUT', `${path}/grants/funds`, { kind: 'promotional', credits: GRANTED, reason: 'benchmark' })
  let made = 0
  const load = async (connections: number, requests: number) => {
    const common = { host: url.hostname, port: Number(url.port), path, key: RUNNER_KEY, body: BODY, settle: null }
    // What earlier reserves still send to history is not this load's time, nor the next subject's.
    if (subject === 'real') await historyIsComplete(api, path, made + 1)
    const result = await generator.run({ ...common, connections, requests, firstId: made })
    made += requests
    expectEqual(`${subject}: reservations made`, result.statuses['201'] ?? 0, requests)
    return result
  }
  await load(BUSY_CONNECTIONS, size.warmUp)
  const quiet = await load(1, size.quiet)
  const busy = await load(BUSY_CONNECTIONS, size.busy)
  const sustained = subject === 'real' ? await load(BUSY_CONNECTIONS, size.sustained) : null
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

/** The same reserves at the service in front of PostgreSQL: only over all connections, on one row of funds. */
export function measurePostgres(url: URL, generator: LoadGenerator, round: number): Promise<LoadResult> {
  const target = { host: url.hostname, port: Number(url.port), path: `/v1/accounts/${POSTGRES_ACCOUNT}` }
  const load = { ...target, key: RUNNER_KEY, body: BODY, settle: null, connections: BUSY_CONNECTIONS }
  return generator.run({ ...load, requests: FULL.busy, firstId: round * FULL.busy })
}
