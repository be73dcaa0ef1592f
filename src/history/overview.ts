/**
 * Looks back over a stretch of time, for the dashboard: use by day and tier, the balance at the end of each day, and the
 * dearest pull requests. What each of them reads is bounded, however long the ledger is.
 */
import { and, asc, eq, gte, lte, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import { usage } from './tables.ts'

/** From this instant, up to but without `to`. */
export interface Stretch {
  readonly from: EpochMs
  readonly to: EpochMs
}

/** What one tier was charged on one day (`YYYY-MM-DD`, UTC); the tier is '' where a review had none. */
export interface TierDay {
  readonly day: string
  readonly tier: string
  readonly charged: Millicredits
}

/** The last entry before an instant: its number, 0 if there was none, and the balance after it. */
export interface Moment {
  readonly before: EpochMs
  readonly seq: number
  readonly available: Millicredits
  readonly reserved: Millicredits
}

export interface DearPullRequest {
  readonly repository: string
  readonly pullRequest: string
  readonly reviews: number
  readonly charged: Millicredits
  /** On the customer's own key. */
  readonly byokCost: Millicredits
}

export interface Dearest {
  readonly pullRequests: readonly DearPullRequest[]
  /** When not all of the stretch was looked at: the instant from which on it was. */
  readonly since: EpochMs | null
}

/** The days of a leap year, and the instant before them. */
const MAX_MOMENTS = 367

/**
 * Entries that are looked at for the dearest pull requests: 10,000 reviews, read in about 20 ms. An index by pull request
 * would cost one more row written for every review, for ever, to make faster what is looked at now and then. Whoever has
 * more reviews in a stretch is told so, and asks for a shorter one.
 */
export const MAX_ENTRIES_LOOKED_AT = 20_000

/** Both days counted. One row is read for each day, tier and repository: not more with more reviews. */
export function readTierDays(db: D1Database, account: string, from: string, to: string): Promise<TierDay[]> {
  return drizzle(db)
    .select({ day: usage.day, tier: usage.tier, charged: sql<number>`sum(${usage.charged})` })
    .from(usage)
    .where(and(eq(usage.account, account), gte(usage.day, from), lte(usage.day, to)))
    .groupBy(usage.day, usage.tier)
    .orderBy(asc(usage.day), asc(usage.tier))
}

/**
 * Entries are in the order of their time (R18) and without a gap (R19), so the last one before an instant is found by
 * halving: 17 rows by primary key in a ledger of 100,000, without an index by time that every entry would pay for.
 * In each step the entry looked for is in `low` to `high`; 0 is "none".
 */
const MOMENTS = `
  WITH RECURSIVE halving (before, low, high) AS (
    SELECT value, 0, (SELECT ifnull(max(seq), 0) FROM entries WHERE account = ?1) FROM json_each(?2)
    UNION ALL
    SELECT before, iif(at < before, seq, low), iif(at < before, high, seq - 1)
    FROM halving JOIN entries ON account = ?1 AND seq = (low + high + 1) / 2
    WHERE low < high
  )
  SELECT before, low AS seq, ifnull(available, 0) AS available, ifnull(reserved, 0) AS reserved
  FROM halving LEFT JOIN entries ON account = ?1 AND seq = low
  WHERE low = high ORDER BY before`

/** The account as it was just before each instant, the earliest first. */
export async function readMoments(db: D1Database, account: string, instants: readonly EpochMs[]): Promise<Moment[]> {
  if (instants.length > MAX_MOMENTS) throw new Error(`${instants.length} moments are more than ${MAX_MOMENTS}`)
  const { results } = await db.prepare(MOMENTS).bind(account, JSON.stringify(instants)).all<Moment>()
  return results
}

const DEAREST = `
  SELECT ifnull(metadata ->> 'repository', '') AS repository, metadata ->> 'pull_request' AS pullRequest,
    sum(kind = 'settle') AS reviews, sum(charged) AS charged,
    sum(iif(mode = 'byok', ifnull(actual, 0), 0)) AS byokCost
  FROM entries
  WHERE account = ?1 AND seq > ?2 AND seq <= ?3 AND kind IN ('settle', 'expire_reservation')
    AND metadata ->> 'pull_request' IS NOT NULL
  GROUP BY 1, 2 HAVING sum(charged) + byokCost > 0
  ORDER BY sum(charged) + byokCost DESC, 1, 2 LIMIT ?4`

/** Pull requests by what their reviews cost the customer, credits and own key together, the dearest first. */
export async function readDearest(db: D1Database, account: string, stretch: Stretch, limit: number): Promise<Dearest> {
  const [first, last] = await readMoments(db, account, [stretch.from, stretch.to])
  if (first === undefined || last === undefined) return { pullRequests: [], since: null }
  const after = Math.max(first.seq, last.seq - MAX_ENTRIES_LOOKED_AT)
  const [found, oldest] = await db.batch<Record<string, unknown>>([
    db.prepare(DEAREST).bind(account, after, last.seq, limit),
    db.prepare('SELECT at FROM entries WHERE account = ? AND seq = ?').bind(account, after + 1),
  ])
  const pullRequests = (found?.results ?? []) as unknown as DearPullRequest[]
  return { pullRequests, since: after === first.seq ? null : Number(oldest?.results[0]?.['at']) }
}
