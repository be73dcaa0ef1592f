/**
 * Looks back over a stretch of time, for the dashboard: use by day and tier, the balance at the end of each day, and the
 * dearest pull requests. What each of them reads is bounded, however long the ledger is.
 */
import { and, asc, eq, gte, lte, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import { withHalving } from './halving.ts'
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
  /** On the customer's own key. */
  readonly byokCost: Millicredits
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
  readonly look: Look
}

/** The days of a leap year, and the instant before them. */
const MAX_MOMENTS = 367

/**
 * How many entries are looked at for the dearest pull requests: on the page as it comes, 1,000 reviews, which take about
 * 2 ms whatever the history; and 10,000, in about 20 ms, when somebody asks to look further. An index by pull request
 * would cost one more row written for every review, for ever, to make faster what is looked at now and then.
 */
export const LOOKS = { near: 2_000, further: 20_000 } as const
export type Look = keyof typeof LOOKS

/** Both days counted. One row is read for each day, tier and repository: not more with more reviews. */
export function readTierDays(db: D1Database, account: string, from: string, to: string): Promise<TierDay[]> {
  return drizzle(db)
    .select({
      day: usage.day,
      tier: usage.tier,
      charged: sql<number>`sum(${usage.charged})`,
      byokCost: sql<number>`sum(${usage.byokCost})`,
    })
    .from(usage)
    .where(and(eq(usage.account, account), gte(usage.day, from), lte(usage.day, to)))
    .groupBy(usage.day, usage.tier)
    .orderBy(asc(usage.day), asc(usage.tier))
}

/** The account as it was just before each instant, the earliest first. */
export async function readMoments(db: D1Database, account: string, instants: readonly EpochMs[]): Promise<Moment[]> {
  if (instants.length > MAX_MOMENTS) throw new Error(`${instants.length} moments are more than ${MAX_MOMENTS}`)
  return drizzle(db).all<Moment>(sql`${withHalving(account, instants)}
    SELECT before, low AS seq, ifnull(available, 0) AS available, ifnull(reserved, 0) AS reserved
    FROM halving LEFT JOIN entries ON account = ${account} AND seq = low
    WHERE low = high ORDER BY before`)
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
export async function readDearest(
  db: D1Database,
  account: string,
  stretch: Stretch,
  limit: number,
  look: Look,
): Promise<Dearest> {
  const [first, last] = await readMoments(db, account, [stretch.from, stretch.to])
  if (first === undefined || last === undefined) return { pullRequests: [], since: null, look }
  const after = Math.max(first.seq, last.seq - LOOKS[look])
  const [found, oldest] = await db.batch<Record<string, unknown>>([
    db.prepare(DEAREST).bind(account, after, last.seq, limit),
    db.prepare('SELECT at FROM entries WHERE account = ? AND seq = ?').bind(account, after + 1),
  ])
  const pullRequests = (found?.results ?? []) as unknown as DearPullRequest[]
  return { pullRequests, since: after === first.seq ? null : Number(oldest?.results[0]?.['at']), look }
}
