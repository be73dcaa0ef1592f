/**
 * Sends entries to D1. A batch may be sent again at any time, whatever became of it before: entries are inserted once,
 * and the sums by day change only for entries that were not there yet. Both happen in one D1 transaction.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { Entry } from '../ledger/entry.ts'

/** An account's line in the directory. */
export interface AccountLine {
  readonly id: string
  readonly name: string | null
  readonly email: string | null
  readonly region: string | null
  readonly allowDebt: boolean
  readonly createdAt: EpochMs
  readonly updatedAt: EpochMs
}

/**
 * `?1` is the entries as JSON, `?2` the account, `?3` the number of the first entry. A batch that would leave a gap, as
 * after D1 was set back in time, inserts nothing; the watermark then says from where to send.
 */
const WITHOUT_GAP = '?3 <= 1 + (SELECT ifnull(max(seq), 0) FROM entries WHERE account = ?2)'

/** Two entries of one number that agree in these are one entry; two pasts of an account part in the time at the latest. */
const TOLD_APART_BY = ['at', 'kind', 'available', 'reserved', 'debt', 'reservation'] as const

const OTHERWISE = TOLD_APART_BY.map(
  (column) => `kept.${column} IS NOT json_extract(?1, '$[' || CAST(kept.seq - ?3 AS INTEGER) || '].${column}')`,
).join(' OR ')

/**
 * What history has of these numbers already: nothing, unless a batch is sent again. (D1 binds a number as REAL.)
 */
const OF_THESE_NUMBERS = 'account = ?2 AND seq BETWEEN ?3 AND ?3 + json_array_length(?1) - 1'

/**
 * The account was set back in time, and counts from there anew: from there on history has every entry otherwise, so it
 * has the last of them. One among them that differs alone was changed where it lies; that stops no account.
 */
const IS_ANOTHER_PAST = `EXISTS (
  SELECT 1 FROM entries AS kept
  WHERE account = ?2 AND seq = (SELECT max(seq) FROM entries WHERE ${OF_THESE_NUMBERS}) AND (${OTHERWISE}))`

/** A batch goes in whole or, where it would mix two pasts, not at all. */
const FITS = `${WITHOUT_GAP} AND NOT ${IS_ANOTHER_PAST}`

/** Rows that the batch brings and history does not have. */
const NEW_ROWS = `FROM json_each(?1) AS each
  WHERE ${FITS} AND NOT EXISTS (SELECT 1 FROM entries WHERE account = ?2 AND seq = each.value ->> 'seq')`

const ADD_USAGE = `
  INSERT INTO usage (account, day, tier, repository, reviews, charged, absorbed, cost, byok_reviews, byok_cost)
  SELECT ?2,
    strftime('%Y-%m-%d', (each.value ->> 'at') / 1000, 'unixepoch') AS day,
    ifnull(each.value ->> 'tier', '') AS tier,
    ifnull(each.value ->> 'repository', '') AS repository,
    sum((each.value ->> 'mode') = 'credits' AND (each.value ->> 'kind') = 'settle'),
    sum(each.value ->> 'charged'),
    sum(each.value ->> 'absorbed'),
    sum(iif((each.value ->> 'mode') = 'credits', ifnull(each.value ->> 'actual', 0), 0)),
    sum((each.value ->> 'mode') = 'byok' AND (each.value ->> 'kind') = 'settle'),
    sum(iif((each.value ->> 'mode') = 'byok', ifnull(each.value ->> 'actual', 0), 0))
  ${NEW_ROWS} AND (each.value ->> 'kind') IN ('settle', 'expire_reservation')
  GROUP BY day, tier, repository
  HAVING sum((each.value ->> 'kind') = 'settle') > 0 OR sum(each.value ->> 'charged') != 0
  ON CONFLICT (account, day, tier, repository) DO UPDATE SET
    reviews = reviews + excluded.reviews,
    charged = charged + excluded.charged,
    absorbed = absorbed + excluded.absorbed,
    cost = cost + excluded.cost,
    byok_reviews = byok_reviews + excluded.byok_reviews,
    byok_cost = byok_cost + excluded.byok_cost`

/** Columns of `entries` behind `account`; each is a key of the JSON that is sent. */
export const HISTORY_COLUMNS = [
  'seq',
  'at',
  'kind',
  'available_delta',
  'reserved_delta',
  'debt_delta',
  'available',
  'reserved',
  'debt',
  'charged',
  'absorbed',
  'actual',
  'cost_usd',
  'mode',
  'late',
  'reservation',
  'grants',
  'tier',
  'metadata',
  'detail',
  'purchase',
] as const

const ADD_ENTRIES = `
  INSERT INTO entries (account, ${HISTORY_COLUMNS.join(', ')})
  SELECT ?2, ${HISTORY_COLUMNS.map((column) => `each.value ->> '${column}'`).join(', ')}
  FROM json_each(?1) AS each WHERE ${FITS}
  ON CONFLICT (account, seq) DO NOTHING`

/** A batch that was given up may arrive after the one that was sent in its stead: the older line changes nothing then. */
const PUT_ACCOUNT = `
  INSERT INTO accounts (id, name, email, region, allow_debt, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, region = excluded.region,
    allow_debt = excluded.allow_debt, updated_at = excluded.updated_at
  WHERE excluded.updated_at >= accounts.updated_at`

const FIRST_DIFFERING = `
  SELECT min(seq) AS differs_at FROM entries AS kept
  WHERE ${IS_ANOTHER_PAST} AND ${OF_THESE_NUMBERS} AND (${OTHERWISE})`

const WATERMARK = 'SELECT ifnull(max(seq), 0) AS watermark FROM entries WHERE account = ?'

/** What is sent of an entry, as it will stand in D1. */
export type HistoryRow = Readonly<Record<(typeof HISTORY_COLUMNS)[number], string | number | null>>

export function historyRow(entry: Entry): HistoryRow {
  return {
    seq: entry.seq,
    at: entry.at,
    kind: entry.kind,
    available_delta: entry.availableDelta,
    reserved_delta: entry.reservedDelta,
    debt_delta: entry.debtDelta,
    available: entry.available,
    reserved: entry.reserved,
    debt: entry.debt,
    charged: entry.charged,
    absorbed: entry.absorbed,
    actual: entry.actual,
    cost_usd: entry.costUsd,
    mode: entry.mode,
    late: Number(entry.late),
    reservation: entry.reservation,
    grants: JSON.stringify(entry.grants),
    tier: entry.tier,
    metadata: JSON.stringify(entry.metadata),
    detail: entry.detail === null ? null : JSON.stringify(entry.detail),
    purchase: entry.purchase,
  }
}

/** What history has after a batch. */
export interface Sent {
  /** The number of the last entry. */
  readonly watermark: number
  /** The first entry that it has otherwise; then it took nothing of the batch. */
  readonly differsAt: number | null
}

/**
 * Sends entries, oldest first and without a gap, and the account's line in the directory if `describe`. Throws what D1
 * throws: the outcome is then unknown, and the same call may be made again.
 */
export async function sendHistory(
  db: D1Database,
  account: AccountLine,
  entries: readonly Entry[],
  describe: boolean,
): Promise<Sent> {
  const statements: D1PreparedStatement[] = []
  if (describe) {
    const { id, name, email, region, allowDebt, createdAt, updatedAt } = account
    statements.push(db.prepare(PUT_ACCOUNT).bind(id, name, email, region, Number(allowDebt), createdAt, updatedAt))
  }
  const first = entries[0]
  if (first !== undefined) {
    const rows = entries.map((entry) => ({ ...historyRow(entry), repository: entry.metadata['repository'] ?? null }))
    const json = JSON.stringify(rows)
    for (const statement of [FIRST_DIFFERING, ADD_USAGE, ADD_ENTRIES]) {
      statements.push(db.prepare(statement).bind(json, account.id, first.seq))
    }
  }
  statements.push(db.prepare(WATERMARK).bind(account.id))
  const results = await db.batch<{ watermark?: number; differs_at?: number | null }>(statements)
  const watermark = results.at(-1)?.results[0]?.watermark
  if (watermark === undefined) throw new Error('D1 answered no watermark')
  return { watermark, differsAt: first === undefined ? null : (results.at(-4)?.results[0]?.differs_at ?? null) }
}
