/**
 * The subjects side by side: reserves from one client and from many. What is compared is measured in turns that are short
 * and lie close together, because a machine that others use is now faster and now slower.
 */
import type { LoadGenerator, LoadResult } from './load.ts'
import { POSTGRES_ACCOUNT } from './postgres.ts'
import { RUNNER_KEY } from './runtime.ts'
import { BODY, SUBJECTS, type Subject, SubjectAccount } from './subject.ts'

/** How many reserves each part of a measurement makes. */
export interface Size {
  readonly warmUp: number
  readonly quiet: number
  /** In each of the two turns of it. */
  readonly busy: number
  readonly sustained: number
}

/** Together fewer than the 10,000 reservations that one account may have open. */
export const FULL: Size = { warmUp: 500, quiet: 1_000, busy: 1_500, sustained: 4_000 }

/** For a look at whether the ratios still are what they were, roughly. */
export const SHORT: Size = { warmUp: 100, quiet: 0, busy: 600, sustained: 0 }

export const BUSY_CONNECTIONS = 128

export interface Measurement {
  /** One connection. */
  readonly quiet: LoadResult
  /** All connections, and nothing goes to D1. */
  readonly busy: LoadResult
  /** All connections for longer, while what came before goes to D1. Only the real object. */
  readonly sustained: LoadResult | null
}

/**
 * All subjects. Each round begins with another, so that none always comes after the same one; and what is busy is measured
 * once in that order and once backwards, so that a machine that gets slower meanwhile is felt by all alike.
 */
export async function measureAll(url: URL, generator: LoadGenerator, round: number, size: Size = FULL) {
  const order = SUBJECTS.map((_, turn) => SUBJECTS[(round + turn) % SUBJECTS.length] ?? 'real')
  const accounts = await inTurn(order, (subject) => SubjectAccount.open(subject, `bench-${round}`, url, generator))
  const each = <T>(measure: (account: SubjectAccount) => Promise<T>, subjects = order) =>
    inTurn(subjects, (subject) => measure(accounts[subject]))
  await each(async (account) => {
    await account.reserve(BUSY_CONNECTIONS, size.warmUp)
    await account.holdHistory()
  })
  const quiet = await each((account) => account.reserve(1, size.quiet))
  const first = await each((account) => account.reserve(BUSY_CONNECTIONS, size.busy))
  const second = await each((account) => account.reserve(BUSY_CONNECTIONS, size.busy), order.toReversed())
  await each((account) => account.releaseHistory())
  const sustained = await accounts.real.reserve(BUSY_CONNECTIONS, size.sustained)
  await each((account) => account.verify())
  const measurement = (subject: Subject): Measurement => ({
    quiet: quiet[subject],
    busy: together(first[subject], second[subject]),
    sustained: subject === 'real' ? sustained : null,
  })
  return { real: measurement('real'), noop: measurement('noop'), naive: measurement('naive') }
}

/** How many reserves a second the real object reaches. */
export async function measureMost(url: URL, generator: LoadGenerator): Promise<number> {
  const account = await SubjectAccount.open('real', 'bench-most', url, generator)
  await account.reserve(BUSY_CONNECTIONS, FULL.warmUp)
  await account.holdHistory()
  const { perSecond } = await account.reserve(BUSY_CONNECTIONS, 2 * FULL.busy)
  await account.releaseHistory()
  await account.verify()
  return perSecond
}

/** The same reserves at the service in front of PostgreSQL: only over all connections, on one row of funds. */
export function measurePostgres(url: URL, generator: LoadGenerator, round: number): Promise<LoadResult> {
  const target = { host: url.hostname, port: Number(url.port), path: `/v1/accounts/${POSTGRES_ACCOUNT}` }
  const load = { ...target, key: RUNNER_KEY, body: BODY, settle: null, connections: BUSY_CONNECTIONS }
  return generator.run({ ...load, requests: 2 * FULL.busy, firstId: round * 2 * FULL.busy })
}

async function inTurn<T>(
  subjects: readonly Subject[],
  act: (subject: Subject) => Promise<T>,
): Promise<Record<Subject, T>> {
  const done: Partial<Record<Subject, T>> = {}
  for (const subject of subjects) done[subject] = await act(subject)
  return done as Record<Subject, T>
}

/** Two loads of the same size: their rate is that of all requests in all of the time. */
function together(one: LoadResult, other: LoadResult): LoadResult {
  const middle = (of: (load: LoadResult) => number) => (of(one) + of(other)) / 2
  return {
    perSecond: 1 / middle(({ perSecond }) => 1 / perSecond),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    dropped: one.dropped + other.dropped,
    statuses: { '201': (one.statuses['201'] ?? 0) + (other.statuses['201'] ?? 0) },
  }
}
