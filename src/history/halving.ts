/**
 * Finds instants in a ledger by halving. Entries are in the order of their time (R18) and without a gap (R19), so the
 * last one before an instant takes 17 rows by primary key in a ledger of 100,000: a period costs the same wherever it
 * lies, without an index by time that every entry would pay for.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { EpochMs } from '../ledger/amounts.ts'

/**
 * The beginning of a query with a table `halving`, whose rows with `low = high` are the answers: `before`, the instant,
 * and `low`, the number of the last entry before it, 0 if there is none. In each step that entry is in `low` to `high`.
 */
export function withHalving(account: string, instants: readonly EpochMs[]): SQL {
  return sql`
    WITH RECURSIVE halving (before, low, high) AS (
      SELECT value, 0, (SELECT ifnull(max(seq), 0) FROM entries WHERE account = ${account})
      FROM json_each(${JSON.stringify(instants)})
      UNION ALL
      SELECT before, iif(middle.at < before, middle.seq, low), iif(middle.at < before, high, middle.seq - 1)
      FROM halving JOIN entries AS middle ON middle.account = ${account} AND middle.seq = (low + high + 1) / 2
      WHERE low < high
    )`
}

/** The number of the first entry at or after an instant, as a part of another query. */
export function firstFrom(account: string, at: EpochMs): SQL<number> {
  return sql`(${withHalving(account, [at])} SELECT low + 1 FROM halving WHERE low = high)`
}
