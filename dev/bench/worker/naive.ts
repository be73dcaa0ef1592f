/**
 * The object that a team writes first: it reserves correctly, and every request reads the balance, writes its three
 * rows and commits them by itself. No grants, no expiry, no history: it does less than the real one, and shares nothing.
 */
import { DurableObject } from 'cloudflare:workers'
import {
  type AccountRefusal,
  type Answer,
  type Caller,
  type LedgerAnswer,
  type LedgerRequest,
  toReserve,
} from '../../../src/account/requests.ts'
import { estimate } from '../../../src/catalog/estimates.ts'
import type { Balance } from '../../../src/ledger/balance.ts'
import type { Reserve } from '../../../src/ledger/commands.ts'
import { balanceOfFunds, type Funds, heldAnswer } from './answer.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS balance (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  available INTEGER NOT NULL CHECK (available >= 0),
  reserved INTEGER NOT NULL CHECK (reserved >= 0),
  version INTEGER NOT NULL
) STRICT;
INSERT INTO balance VALUES (1, 0, 0, 0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS reservations (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  amount INTEGER NOT NULL,
  max_credits INTEGER NOT NULL,
  request TEXT NOT NULL,
  metadata TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  reservation TEXT,
  available_delta INTEGER NOT NULL,
  reserved_delta INTEGER NOT NULL,
  available INTEGER NOT NULL,
  reserved INTEGER NOT NULL
) STRICT;`

export class Naive extends DurableObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    ctx.storage.sql.exec(SCHEMA)
  }

  execute(_caller: Caller, request: LedgerRequest): Answer<LedgerAnswer> {
    const now = Date.now()
    return this.ctx.storage.transactionSync(() => {
      if (request.op === 'reserve') return this.#reserve(toReserve(request, estimate), now)
      if (request.op === 'grant') return this.#fund(request.credits, now)
      throw new Error(`the naive object has no ${request.op}`)
    })
  }

  balance(): Answer<{ balance: Balance }> {
    return { ok: true, balance: balanceOfFunds(this.#funds(), Date.now()) }
  }

  #reserve(command: Reserve, now: number): Answer<LedgerAnswer> {
    const { sql } = this.ctx.storage
    const { id, amount, maxCredits, ttlMs } = command
    const known = sql.exec('SELECT id FROM reservations WHERE id = ?', id).toArray()
    if (known.length > 0) return refused({ code: 'conflict', field: 'id' })
    const before = this.#funds()
    if (before.available < amount) {
      const { available } = before
      const numbers = {
        requested: amount,
        available,
        shortfall: amount - available,
        debt: 0,
        nextExpiry: null,
        autoTopUp: null,
        affordableTiers: [],
        asOf: now,
      }
      return refused({ code: 'insufficient_credits', ...numbers })
    }
    const [request, metadata] = [JSON.stringify(command.request), JSON.stringify(command.metadata)]
    sql.exec(
      "INSERT INTO reservations VALUES (?, 'held', ?, ?, ?, ?, ?, ?)",
      ...[id, amount, maxCredits, request, metadata, now, now + ttlMs],
    )
    return heldAnswer(command, this.#move('reserve', id, before, -amount, amount, now), now)
  }

  #fund(credits: number, now: number): Answer<LedgerAnswer> {
    const funds = this.#move('grant', null, this.#funds(), credits, 0, now)
    return { ok: true, replayed: false, reservation: null, grant: null, balance: balanceOfFunds(funds, now) }
  }

  #move(kind: string, id: string | null, before: Funds, available: number, reserved: number, now: number): Funds {
    const after = {
      available: before.available + available,
      reserved: before.reserved + reserved,
      version: before.version + 1,
    }
    this.ctx.storage.sql.exec(
      'UPDATE balance SET available = ?, reserved = ?, version = ?',
      ...[after.available, after.reserved, after.version],
    )
    this.ctx.storage.sql.exec(
      'INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ...[after.version, now, kind, id, available, reserved, after.available, after.reserved],
    )
    return after
  }

  #funds(): Funds {
    const row = this.ctx.storage.sql
      .exec<{ available: number; reserved: number; version: number }>(
        'SELECT available, reserved, version FROM balance',
      )
      .one()
    return { available: row.available, reserved: row.reserved, version: row.version }
  }
}

function refused(refusal: AccountRefusal): { readonly ok: false; readonly refusal: AccountRefusal } {
  return { ok: false, refusal }
}
