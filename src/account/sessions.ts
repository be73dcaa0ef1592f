/**
 * Ways into the dashboard: a one-time link, and the session that it becomes. Checked in the same RPC as what the caller
 * asks for, so logging out holds from the next request on.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import { equalInConstantTime } from './keys.ts'
import { type Answer, refused } from './requests.ts'
import { integer, optionalText, type Row, text } from './rows.ts'

/** From the operator's page to the customer's click. */
const LINK_LIVES_MS = 5 * 60_000
/** A working day; after it a new link is one click away. */
const SESSION_LIVES_MS = 12 * 60 * 60_000
/** Links and sessions that are good at the same time; more are minted in a loop. */
const MAX_SESSIONS = 200

export interface LinkRequest {
  readonly id: string
  readonly hash: string
  readonly returnUrl: string | null
}

export class Sessions {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  admits(id: string, hash: string, now: EpochMs): boolean {
    const row = this.#row(id)
    if (row === null || row['entered_at'] === null || now >= integer(row, 'expires_at')) return false
    return equalInConstantTime(text(row, 'hash'), hash)
  }

  /** A link for one use. What is over is forgotten on the way. */
  mint({ id, hash, returnUrl }: LinkRequest, now: EpochMs): Answer<{ expiresAt: EpochMs }> {
    const same = this.#row(id)
    // The Worker asks again when an answer was lost on the way to it; nobody has been shown the link yet.
    if (same !== null && text(same, 'hash') === hash) return { ok: true, expiresAt: integer(same, 'expires_at') }
    this.#sql.exec('DELETE FROM sessions WHERE expires_at <= ?', now)
    const { count } = this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM sessions').one()
    if (count >= MAX_SESSIONS) return refused({ code: 'too_many', limit: 'sessions', maximum: MAX_SESSIONS })
    const expiresAt = now + LINK_LIVES_MS
    const mint = 'INSERT INTO sessions (id, hash, return_url, created_at, expires_at) VALUES (?, ?, ?, ?, ?)'
    this.#sql.exec(mint, id, hash, returnUrl, now, expiresAt)
    return { ok: true, expiresAt }
  }

  /** The link becomes a session under another secret, so whoever saw the link has nothing. */
  enter(id: string, linkHash: string, sessionHash: string, now: EpochMs): Answer<{ expiresAt: EpochMs }> {
    const row = this.#row(id)
    if (row === null || now >= integer(row, 'expires_at')) return refused({ code: 'unauthorized' })
    // Asked again, likewise: the session that came of it is this very one.
    if (this.admits(id, sessionHash, now)) return { ok: true, expiresAt: integer(row, 'expires_at') }
    if (row['entered_at'] !== null || !equalInConstantTime(text(row, 'hash'), linkHash))
      return refused({ code: 'unauthorized' })
    const expiresAt = now + SESSION_LIVES_MS
    const enter = 'UPDATE sessions SET hash = ?, entered_at = ?, expires_at = ? WHERE id = ?'
    this.#sql.exec(enter, sessionHash, now, expiresAt, id)
    return { ok: true, expiresAt }
  }

  /** Where the operator wants the customer to come back to. */
  end(id: string): string | null {
    const row = this.#row(id)
    this.#sql.exec('DELETE FROM sessions WHERE id = ?', id)
    return row === null ? null : optionalText(row, 'return_url')
  }

  #row(id: string): Row | null {
    return this.#sql.exec<Row>('SELECT * FROM sessions WHERE id = ?', id).toArray()[0] ?? null
  }
}
