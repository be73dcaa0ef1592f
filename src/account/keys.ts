/**
 * The account's own keys, as the object knows them: a hash each, never the key. Checked in the same RPC as the command
 * that comes with it, so a revocation holds from the next command on.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import { type AccountKey, type AccountScope, type Answer, type MintRequest, refused } from './requests.ts'
import { integer, optionalInteger, optionalText, type Row, text } from './rows.ts'

/** Keys that can be used at the same time; above this an account mints in a loop. */
const MAX_VALID_KEYS = 100

/** Where a page of the list of keys begins: behind this one. */
export interface KeyPosition {
  readonly createdAt: EpochMs
  readonly id: string
}

export class Keys {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  admits(id: string, hash: string, now: EpochMs): boolean {
    const row = this.#row(id)
    if (row === null || !equalInConstantTime(text(row, 'hash'), hash)) return false
    return isValid(keyFromRow(row), now)
  }

  /** A repeated mint (by its idempotency key) answers with the key that was made, which the caller has already seen. */
  mint(request: MintRequest, now: EpochMs): Answer<{ key: AccountKey; replayed: boolean }> {
    const known = request.idempotencyKey === null ? null : this.#mintedWith(request.idempotencyKey)
    if (known !== null) {
      const field = firstChange(known, request)
      if (field !== null) return refused({ code: 'changed_field', field, key: known })
      // The Worker's own second try, as below: nobody has been shown this key yet.
      return { ok: true, key: known, replayed: known.id !== request.id }
    }
    if (request.expiresAt !== null && request.expiresAt <= now) {
      return refused({ code: 'invalid', field: 'expires_at', message: 'is not in the future' })
    }
    const { id, scope, name, hash, expiresAt, idempotencyKey } = request
    const same = this.#row(id)
    // The Worker asks again when an answer was lost on the way to it; nobody has been shown the key yet.
    if (same !== null && text(same, 'hash') === hash) return { ok: true, key: keyFromRow(same), replayed: false }
    if (this.#countValid(now) >= MAX_VALID_KEYS) {
      return refused({ code: 'too_many', limit: 'keys', maximum: MAX_VALID_KEYS })
    }
    this.#sql.exec(
      'INSERT INTO keys (id, scope, name, hash, created_at, expires_at, idempotency_key) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[id, scope, name, hash, now, expiresAt, idempotencyKey],
    )
    return { ok: true, key: { id, scope, name, createdAt: now, expiresAt, revokedAt: null }, replayed: false }
  }

  /** Newest first, behind the given one. */
  list(after: KeyPosition | null, limit: number): AccountKey[] {
    const { createdAt, id } = after ?? { createdAt: Number.MAX_SAFE_INTEGER, id: '' }
    return this.#sql
      .exec<Row>(
        'SELECT * FROM keys WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?',
        ...[createdAt, id, limit],
      )
      .toArray()
      .map(keyFromRow)
  }

  revoke(id: string, now: EpochMs): Answer<{ key: AccountKey; replayed: boolean }> {
    const row = this.#row(id)
    if (row === null) return refused({ code: 'unknown_key' })
    const key = keyFromRow(row)
    if (key.revokedAt !== null) return { ok: true, key, replayed: true }
    this.#sql.exec('UPDATE keys SET revoked_at = ? WHERE id = ?', now, id)
    return { ok: true, key: { ...key, revokedAt: now }, replayed: false }
  }

  #countValid(now: EpochMs): number {
    const valid =
      'SELECT count(*) AS count FROM keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)'
    return integer(this.#sql.exec<Row>(valid, now).one(), 'count')
  }

  #row(id: string): Row | null {
    return this.#sql.exec<Row>('SELECT * FROM keys WHERE id = ?', id).toArray()[0] ?? null
  }

  #mintedWith(idempotencyKey: string): AccountKey | null {
    const row = this.#sql.exec<Row>('SELECT * FROM keys WHERE idempotency_key = ?', idempotencyKey).toArray()[0]
    return row === undefined ? null : keyFromRow(row)
  }
}

function keyFromRow(row: Row): AccountKey {
  return {
    id: text(row, 'id'),
    scope: text(row, 'scope') as AccountScope,
    name: optionalText(row, 'name'),
    createdAt: integer(row, 'created_at'),
    expiresAt: optionalInteger(row, 'expires_at'),
    revokedAt: optionalInteger(row, 'revoked_at'),
  }
}

function isValid(key: AccountKey, now: EpochMs): boolean {
  return key.revokedAt === null && (key.expiresAt === null || now < key.expiresAt)
}

function firstChange(known: AccountKey, request: MintRequest): string | null {
  if (known.scope !== request.scope) return 'scope'
  if (known.name !== request.name) return 'name'
  return known.expiresAt === request.expiresAt ? null : 'expires_at'
}

export function equalInConstantTime(a: string, b: string): boolean {
  const encoder = new TextEncoder()
  const [left, right] = [encoder.encode(a), encoder.encode(b)]
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right)
}
