/** What is listed of an account's reservations and grants: pages for people to read. No decision asks for any of it. */
import type { Grant } from '../ledger/grants.ts'
import type { Reservation, ReservationState } from '../ledger/reservation.ts'
import type { Page } from './requests.ts'
import { grantFromRow, integer, type Row, reservationFromRow, rowsOf } from './rows.ts'

/** A page of closed reservations reads so much of the ledger at the most: a few milliseconds. */
const MAX_ENTRIES_PER_PAGE = 2_000

export interface ReservationPage {
  readonly reservations: readonly Reservation[]
  /** The next page begins before this number; `null` if there is none. */
  readonly next: number | null
}

export class Lists {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /**
   * Newest first, before the given entry number; with a `state`, only those. Closed ones have no index of their own, so
   * a page looks at a bounded stretch of the ledger: it may be short and yet not the last. `next` is where to go on.
   */
  reservations(state: ReservationState | null, { before, limit }: Page): ReservationPage {
    const bound = before ?? Number.MAX_SAFE_INTEGER
    if (state === 'held') {
      const held = "SELECT * FROM reservations WHERE state = 'held' AND ordinal < ? ORDER BY ordinal DESC LIMIT ?"
      return toPage(rowsOf(this.#sql, held, bound, limit + 1), limit, 1)
    }
    const [newest] = rowsOf(this.#sql, 'SELECT seq FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT 1', bound)
    const last = newest === undefined ? 0 : integer(newest, 'seq')
    const first = Math.max(1, last - MAX_ENTRIES_PER_PAGE + 1)
    const rows = rowsOf(
      this.#sql,
      `SELECT reservations.* FROM entries JOIN reservations ON reservations.id = entries.reservation
       WHERE entries.kind = 'reserve' AND entries.seq BETWEEN ? AND ? AND (? IS NULL OR reservations.state = ?)
       ORDER BY entries.seq DESC LIMIT ?`,
      ...[first, last, state, state, limit + 1],
    )
    return toPage(rows, limit, first)
  }

  /** Those that have been held for longest: whatever is stuck is among them, however many are held. */
  longestHeld(limit: number): Reservation[] {
    const held = "SELECT * FROM reservations WHERE state = 'held' ORDER BY ordinal LIMIT ?"
    return rowsOf(this.#sql, held, limit).map(reservationFromRow)
  }

  /** Newest first, before the given entry number. */
  grants({ before, limit }: Page): Grant[] {
    const grants = 'SELECT * FROM grants WHERE ordinal < ? ORDER BY ordinal DESC LIMIT ?'
    return rowsOf(this.#sql, grants, before ?? Number.MAX_SAFE_INTEGER, limit).map(grantFromRow)
  }
}

/** `rows` are one more than the page if there are so many; `first` is the oldest entry that was looked at. */
function toPage(rows: readonly Row[], limit: number, first: number): ReservationPage {
  const reservations = rows.slice(0, limit).map(reservationFromRow)
  const last = rows.length > limit ? reservations.at(-1)?.ordinal : undefined
  return { reservations, next: last ?? (first > 1 ? first : null) }
}
