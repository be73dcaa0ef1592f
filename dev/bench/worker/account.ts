/**
 * The real object, which can be given a past: so many closed reviews that no benchmark could wait for. They are written
 * straight into its tables, as the ledger would have left them; then the object is thrown away and opened again.
 */
import { Account } from '../../../src/account/object.ts'

/** One statement writes so many reviews; a million at once would be held in memory. */
const REVIEWS_PER_STATEMENT = 100_000

const CREDITS = 1_000

/** A review holds a credit and gives it back, so that every balance after it is the one before. */
const ADD_ENTRIES = `
  INSERT INTO entries (seq, at, kind, available_delta, reserved_delta, debt_delta, available, reserved, debt, charged,
    absorbed, mode, late, reservation, grants, metadata, total_granted, total_charged, total_absorbed, total_expired,
    total_voided, total_taken_back, open)
  WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 2 * ?1 - 1)
  SELECT last.seq + 1 + n, last.at, iif(n % 2, 'release', 'reserve'), iif(n % 2, ?2, -?2), iif(n % 2, -?2, ?2), 0,
    last.available - iif(n % 2, 0, ?2), last.reserved + iif(n % 2, 0, ?2), last.debt, 0,
    0, 'credits', 0, 'past-' || (last.seq + n / 2 * 2), '[]', '{"repository":"acme/api"}', last.total_granted,
    last.total_charged, last.total_absorbed, last.total_expired, last.total_voided, last.total_taken_back,
    last.open + iif(n % 2, 0, 1)
  FROM number, (SELECT * FROM entries ORDER BY seq DESC LIMIT 1) AS last`

/** Before the entries: it counts from the same last one. */
const ADD_RESERVATIONS = `
  INSERT INTO reservations (id, state, mode, held, parts, charged, returned, absorbed, accrued, max_credits, overage,
    on_expiry, late, metadata, ttl_ms, request, created_at, expires_at, closed_at, ordinal)
  WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ?1 - 1)
  SELECT 'past-' || (last.seq + n * 2), 'released', 'credits', ?2, '[{"grant":"funds","held":1000,"charged":0,"lost":0}]',
    0, ?2, 0, 0, 2 * ?2, 'available', 'release', 0, '{"repository":"acme/api"}', 900000, '{"credits":1}', last.at,
    last.at + 900000, last.at, last.seq + 1 + n * 2
  FROM number, (SELECT * FROM entries ORDER BY seq DESC LIMIT 1) AS last`

export interface Past {
  /** Reviews that were reserved and released. */
  readonly closed: number
  /** When history may get what it lacks. It does not matter to what is measured before, and shares the thread here. */
  readonly sentFrom: number
  /** When everything runs out that is held; `null` leaves it as it is. */
  readonly heldUntil: number | null
}

export class BenchAccount extends Account {
  async give({ closed, sentFrom, heldUntil }: Past): Promise<void> {
    const { storage } = this.ctx
    for (let left = closed; left > 0; left -= REVIEWS_PER_STATEMENT) {
      const reviews = Math.min(left, REVIEWS_PER_STATEMENT)
      storage.sql.exec(ADD_RESERVATIONS, reviews, CREDITS)
      storage.sql.exec(ADD_ENTRIES, reviews, CREDITS)
    }
    // Nothing of it was announced, so it has nothing to teach.
    storage.sql.exec('UPDATE learning SET learned_to = (SELECT max(seq) FROM entries)')
    storage.sql.exec('UPDATE outbox SET retry_at = ?', sentFrom)
    if (heldUntil !== null) storage.sql.exec("UPDATE reservations SET expires_at = ? WHERE state = 'held'", heldUntil)
    await storage.sync()
  }

  /** The next request opens it anew. Never answers. */
  async evict(): Promise<void> {
    this.ctx.abort('evicted by the benchmark')
  }
}
