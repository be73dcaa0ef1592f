/**
 * Reads of history: pages of entries by key, sums of usage, and the directory. Never asked for a decision. Each of these
 * throws what D1 throws; a page that cannot be read is not an empty page.
 */
import { and, asc, desc, eq, gte, inArray, lt, lte, max, type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { EpochMs } from '../ledger/amounts.ts'
import type { EntryKind } from '../ledger/entry.ts'
import { firstFrom } from './halving.ts'
import { accounts, entries, usage } from './tables.ts'

export type HistoryEntry = typeof entries.$inferSelect
export type DirectoryLine = typeof accounts.$inferSelect

export interface EntryFilter {
  readonly kind?: EntryKind | undefined
  /** From this instant, up to but without `to`. */
  readonly from?: EpochMs | undefined
  readonly to?: EpochMs | undefined
  readonly reservation?: string | undefined
}

export const USAGE_GROUPS = ['day', 'tier', 'repository'] as const
export type UsageGroup = (typeof USAGE_GROUPS)[number]

/** Sums in millicredits. `cost` is what the settled reviews cost, whoever paid for it. */
export interface UsageLine {
  readonly group: string
  readonly reviews: number
  readonly charged: number
  readonly absorbed: number
  readonly cost: number
  readonly byokReviews: number
  readonly byokCost: number
}

/** Newest first, before the given number. */
export function readEntries(
  db: D1Database,
  account: string,
  filter: EntryFilter,
  before: number | null,
  limit: number,
): Promise<HistoryEntry[]> {
  const conditions: SQL[] = [eq(entries.account, account)]
  if (filter.kind !== undefined) conditions.push(eq(entries.kind, filter.kind))
  if (filter.reservation !== undefined) conditions.push(eq(entries.reservation, filter.reservation))
  if (filter.from !== undefined) conditions.push(gte(entries.seq, firstFrom(account, filter.from)))
  // One upper bound of two, because SQLite would look up by one and pass over all that the other leaves out.
  const end = before ?? Number.MAX_SAFE_INTEGER
  const to = filter.to === undefined ? end : sql`min(${end}, ${firstFrom(account, filter.to)})`
  conditions.push(lt(entries.seq, to))
  const { index, more } = lookUp(filter)
  const found = sql`(
    SELECT seq FROM ${entries} ${index} WHERE ${and(...conditions, more)} ORDER BY seq DESC LIMIT ${limit}
  )`
  return drizzle(db)
    .select()
    .from(entries)
    .where(and(eq(entries.account, account), inArray(entries.seq, found)))
    .orderBy(desc(entries.seq))
}

/** By what entries are found. SQLite is told, because left alone it reads the whole ledger rather than an index. */
function lookUp({ reservation, kind }: EntryFilter): { readonly index: SQL; readonly more?: SQL } {
  if (reservation !== undefined) return { index: sql`INDEXED BY entries_by_reservation` }
  if (kind === undefined || EVERY_REVIEW_HAS.has(kind)) return { index: sql`` }
  // In the index's own words: only then SQLite knows that it has them all.
  return { index: sql`INDEXED BY entries_by_kind`, more: sql`kind NOT IN ('reserve', 'settle')` }
}

/** Of these kinds a page is found anywhere in the ledger; the others have an index, which costs a write per entry. */
const EVERY_REVIEW_HAS: ReadonlySet<string> = new Set<EntryKind>(['reserve', 'settle'])

/** The number of the last entry that history has of an account; 0 if none. */
export async function readWatermark(db: D1Database, account: string): Promise<number> {
  const [row] = await drizzle(db)
    .select({ watermark: max(entries.seq) })
    .from(entries)
    .where(eq(entries.account, account))
  return row?.watermark ?? 0
}

/** Rows as they stand, after one number and up to another, for the audit. */
export async function readHistoryRows(
  db: D1Database,
  account: string,
  after: number,
  upTo: number,
): Promise<Record<string, string | number | null>[]> {
  const { results } = await db
    .prepare('SELECT * FROM entries WHERE account = ? AND seq > ? AND seq <= ? ORDER BY seq')
    .bind(account, after, upTo)
    .all<Record<string, string | number | null>>()
  return results
}

/** Sums from one day to another, both of them counted (`YYYY-MM-DD`, UTC), by day, tier or repository. */
export function readUsage(
  db: D1Database,
  account: string,
  range: { readonly from?: string | undefined; readonly to?: string | undefined },
  by: UsageGroup,
): Promise<UsageLine[]> {
  const conditions: SQL[] = [eq(usage.account, account)]
  if (range.from !== undefined) conditions.push(gte(usage.day, range.from))
  if (range.to !== undefined) conditions.push(lte(usage.day, range.to))
  const group = usage[by]
  return drizzle(db)
    .select({
      group,
      reviews: sum(usage.reviews),
      charged: sum(usage.charged),
      absorbed: sum(usage.absorbed),
      cost: sum(usage.cost),
      byokReviews: sum(usage.byokReviews),
      byokCost: sum(usage.byokCost),
    })
    .from(usage)
    .where(and(...conditions))
    .groupBy(group)
    .orderBy(by === 'day' ? asc(group) : desc(sum(usage.charged)), asc(group))
    .limit(MAX_USAGE_LINES)
}

/** The dearest repositories; a year of days. Whoever has more asks for a shorter time. */
const MAX_USAGE_LINES = 1_000

/** Where a page of the directory begins: behind this account. */
export interface DirectoryPosition {
  readonly createdAt: EpochMs
  readonly id: string
}

/** One account's line; `null` if history has none. */
export async function readDirectoryLine(db: D1Database, id: string): Promise<DirectoryLine | null> {
  const [line] = await drizzle(db).select().from(accounts).where(eq(accounts.id, id))
  return line ?? null
}

/** Accounts, newest first. */
export function readDirectory(
  db: D1Database,
  after: DirectoryPosition | null,
  limit: number,
): Promise<DirectoryLine[]> {
  const behind =
    after === null ? undefined : sql`(${accounts.createdAt}, ${accounts.id}) < (${after.createdAt}, ${after.id})`
  return drizzle(db)
    .select()
    .from(accounts)
    .where(behind)
    .orderBy(desc(accounts.createdAt), desc(accounts.id))
    .limit(limit)
}

function sum(column: SQL.Aliased | (typeof usage)[Exclude<keyof typeof usage.$inferSelect, 'account'>]): SQL<number> {
  return sql<number>`sum(${column})`
}
