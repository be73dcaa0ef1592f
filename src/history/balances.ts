/** The last days of an account's balance, read for a preview of auto top-up, with a bound on what is read for it. */
import { desc, eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { TIERS } from '../catalog/tiers.ts'
import { type EpochMs, MILLICREDITS_PER_CREDIT, type Millicredits } from '../ledger/amounts.ts'
import {
  type Past,
  type PastLine,
  type PreviewTerms,
  previewTopUps,
  type TopUpPreview,
} from '../ledger/top-up-preview.ts'
import { entries } from './tables.ts'

export const PREVIEW_DAYS = 30
const DAY_MS = 24 * 60 * 60 * 1000
/** What one request can read and replay in a moment; who has more reviews than that sees their newest days. */
export const MAX_PREVIEW_ENTRIES = 20_000
/** In one text of D1, which may have 2 MB: with the longest ids there are, this many have half of that. */
const ENTRIES_AT_ONCE = 5_000

/** With less than the smallest review takes, nothing can be reviewed. */
export const ENOUGH_CREDITS = TIERS.quick_scan.low

export interface ReadPast {
  readonly past: Past
  /** The number of the last entry that history has; 0 if none. */
  readonly completeTo: number
  /** Whether there may be more entries than are read: then the past begins with the oldest of those that were. */
  readonly isCut: boolean
}

export interface ReadPreview extends TopUpPreview, Pick<ReadPast, 'completeTo' | 'isCut'> {
  readonly from: EpochMs
  readonly to: EpochMs
}

/** What the last 30 days would have seen, or those since the account's first entry. Throws what D1 throws. */
export async function readPreview(
  db: D1Database,
  account: string,
  terms: PreviewTerms,
  now: EpochMs,
): Promise<ReadPreview> {
  const { past, completeTo, isCut } = await readPast(db, account, now - PREVIEW_DAYS * DAY_MS, now)
  const preview = previewTopUps(past, terms, ENOUGH_CREDITS * MILLICREDITS_PER_CREDIT)
  return { ...preview, from: past.from, to: past.to, completeTo, isCut }
}

export async function readPast(db: D1Database, account: string, from: EpochMs, now: EpochMs): Promise<ReadPast> {
  const newest = await readNewest(db, account)
  if (newest === null)
    return { past: { from: now, to: now, available: 0, debt: 0, lines: [] }, completeTo: 0, isCut: false }
  const completeTo = newest.seq
  const rows = await readRows(db, account, from, completeTo)
  const [oldest] = rows
  const isCut = rows.length === MAX_PREVIEW_ENTRIES && completeTo > MAX_PREVIEW_ENTRIES
  const { available, debt } = oldest === undefined ? newest : beforeRow(oldest)
  const past: Past = {
    available,
    debt,
    // Before the first entry there was nothing that could have run low.
    from: oldest !== undefined && (isCut || oldest[0] === 1) ? oldest[1] : from,
    // An object's clock may be ahead of the Worker's; what it wrote down is past all the same (R18).
    to: Math.max(now, newest.at),
    lines: rows.map(toLine),
  }
  return { past, completeTo, isCut }
}

/** As arrays in one text for many: as rows with names, reading them would take several times as long. */
const RANGE = `
  SELECT json_group_array(
    json_array(
      seq, at, available, debt, available_delta, debt_delta, reservation, purchase,
      kind = 'reserve', kind = 'grant' AND ifnull(detail ->> 'kind', '') = 'top_up'
    )
  ) AS lines
  FROM entries WHERE account = ? AND seq > ? AND seq <= ? AND at >= ?`

type Row = readonly [
  seq: number,
  at: EpochMs,
  available: Millicredits,
  debt: Millicredits,
  availableDelta: Millicredits,
  debtDelta: Millicredits,
  reservation: string | null,
  purchase: string | null,
  isReserve: number,
  isTopUp: number,
]

/** Oldest first; entries are numbered without a gap (R19), so ranges of numbers are pages. */
async function readRows(db: D1Database, account: string, from: EpochMs, newest: number): Promise<Row[]> {
  const first = Math.max(0, newest - MAX_PREVIEW_ENTRIES)
  const range = db.prepare(RANGE)
  const ranges: D1PreparedStatement[] = []
  for (let after = first; after < newest; after += ENTRIES_AT_ONCE) {
    ranges.push(range.bind(account, after, Math.min(newest, after + ENTRIES_AT_ONCE), from))
  }
  const answers = await db.batch<{ lines: string }>(ranges)
  const rows = answers.flatMap(({ results: [row] }) => (row === undefined ? [] : (JSON.parse(row.lines) as Row[])))
  // SQLite reads by key but does not promise it, and would take as long again to sort them.
  return rows.sort(([a], [b]) => a - b)
}

function beforeRow([, , available, debt, availableDelta, debtDelta]: Row) {
  return { available: available - availableDelta, debt: debt - debtDelta }
}

function toLine(row: Row): PastLine {
  const [, at, available, , availableDelta, debtDelta, reservation, purchase, isReserve, isTopUp] = row
  const flow = availableDelta - debtDelta
  return { at, available, flow, reservation, purchase, isReserve: isReserve === 1, isTopUp: isTopUp === 1 }
}

async function readNewest(db: D1Database, account: string) {
  const [newest] = await drizzle(db)
    .select({ seq: entries.seq, at: entries.at, available: entries.available, debt: entries.debt })
    .from(entries)
    .where(eq(entries.account, account))
    .orderBy(desc(entries.seq))
    .limit(1)
  return newest ?? null
}
