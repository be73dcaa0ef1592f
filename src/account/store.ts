/**
 * The ledger's tables in the object's own database: looks up what a command names and writes what was decided. Nothing
 * here reads a table whole that grows with use.
 */

import type { EpochMs } from '../ledger/amounts.ts'
import type { AutoTopUp } from '../ledger/auto-top-up.ts'
import { type Book, EMPTY_BOOK } from '../ledger/book.ts'
import type { Alias, Change, Command, View } from '../ledger/commands.ts'
import type { SoonestHeld } from '../ledger/due.ts'
import type { Entry } from '../ledger/entry.ts'
import { compareBurnOrder, type Grant, isLive, TRIAL_GRANT } from '../ledger/grants.ts'
import { grantIdOf, type Purchase } from '../ledger/purchase.ts'
import type { RequestFields, Reservation } from '../ledger/reservation.ts'
import { inserter } from './insert.ts'
import { Lists } from './lists.ts'
import { Purchases } from './purchases.ts'
import {
  ENTRY_COLUMNS,
  entryFromRow,
  entryValues,
  GRANT_COLUMNS,
  grantFromRow,
  grantValues,
  integer,
  optionalText,
  RESERVATION_COLUMNS,
  type Row,
  reservationFromRow,
  reservationValues,
  rowsOf,
  text,
} from './rows.ts'

const insertEntry = inserter('entries', ENTRY_COLUMNS)
const insertReservation = inserter('reservations', RESERVATION_COLUMNS)
const insertGrant = inserter('grants', GRANT_COLUMNS)
const insertAlias = inserter('reservation_aliases', ['id', 'reservation', 'request'])
const UPDATE_RESERVATION = `UPDATE reservations SET state = ?, held = ?, parts = ?, charged = ?, returned = ?,
  absorbed = ?, actual = ?, cost_usd = ?, accrued = ?, late = ?, expires_at = ?, closed_at = ? WHERE id = ?`
const IS_KNOWN =
  'SELECT 1 FROM reservations WHERE id = ?1 UNION ALL SELECT 1 FROM reservation_aliases WHERE id = ?1 LIMIT 1'
/** `live` is named only where it changes, or SQLite would rewrite the index on every spending. */
const SPEND_GRANT = 'UPDATE grants SET free = ?, held = ? WHERE id = ?'
const UPDATE_GRANT = 'UPDATE grants SET free = ?, held = ?, live = ?, voided = ? WHERE id = ?'

export class Store {
  readonly purchases: Purchases
  readonly lists: Lists
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    this.purchases = new Purchases(sql)
    this.lists = new Lists(sql)
  }

  loadBook(): Book {
    const account = this.#sql.exec<Row>('SELECT allow_debt, byok, auto_top_up FROM account').one()
    const last = this.entriesBefore(null, 1)[0]
    const trial = this.grant(TRIAL_GRANT)
    const live = rowsOf(this.#sql, 'SELECT * FROM grants WHERE live = 1').map(grantFromRow)
    const { seq, at, available, reserved, debt, totals, open } = last ?? { ...EMPTY_BOOK, at: 0 }
    return {
      ...{ seq, lastAt: at, available, reserved, debt, totals, open },
      grants: live.sort(compareBurnOrder),
      trialExpiresAt: trial?.expiresAt ?? null,
      allowDebt: integer(account, 'allow_debt') === 1,
      byok: integer(account, 'byok') === 1,
      autoTopUp: parseOptional<AutoTopUp>(optionalText(account, 'auto_top_up')),
    }
  }

  view(book: Book, command: Command, now: EpochMs): View {
    const empty = {
      book,
      reservation: null,
      grant: null,
      aliasRequest: null,
      deduplicated: null,
      superseded: null,
      quotedBy: null,
      retired: [],
      ...NO_PAYMENT,
    }
    switch (command.op) {
      case 'reserve': {
        if (this.#isKnown(command.id)) {
          const alias = this.#alias(command.id)
          const reservation = this.#reservation(alias?.reservation ?? command.id)
          return { ...empty, reservation, aliasRequest: alias?.request ?? null }
        }
        const deduplicated = command.dedupeKey === null ? null : this.#newestWithDedupeKey(command.dedupeKey)
        const superseded = command.supersedes === null ? null : this.reservation(command.supersedes)
        const quotedBy = command.quote?.verdict === 'good' ? this.#madeWith(command.quote.key) : null
        return { ...empty, deduplicated, superseded, quotedBy }
      }
      case 'settle': {
        const reservation = this.reservation(command.id)
        return { ...empty, reservation, retired: this.#retired(book, reservation) }
      }
      case 'release':
      case 'extend':
      case 'read_byok':
      case 'expire_reservation':
        return { ...empty, reservation: this.reservation(command.id) }
      case 'grant':
      case 'void_grant':
      case 'expire_grant':
        return { ...empty, grant: this.grant(command.id) }
      case 'change_byok':
        return empty
      case 'start_checkout':
      case 'open_checkout':
      case 'report_payment':
      case 'start_attempt':
      case 'advance_attempt':
      case 'change_auto_top_up': {
        const payment = this.purchases.view(book, command, now)
        return {
          ...empty,
          ...payment,
          retired: this.#notLive(book, payment.purchase === null ? [] : grantsOf(payment.purchase)),
        }
      }
    }
  }

  /** A reservation under whichever of its names. */
  reservation(id: string): Reservation | null {
    return this.#reservation(id) ?? this.#reservation(this.#alias(id)?.reservation ?? null)
  }

  grant(id: string): Grant | null {
    const row = rowsOf(this.#sql, 'SELECT * FROM grants WHERE id = ?', id)[0]
    return row === undefined ? null : grantFromRow(row)
  }

  soonestHeld(): (NonNullable<SoonestHeld> & { readonly held: number }) | null {
    const row = this.#sql
      .exec<Row>(
        "SELECT id, expires_at, held FROM reservations WHERE state = 'held' ORDER BY expires_at, ordinal LIMIT 1",
      )
      .toArray()[0]
    if (row === undefined) return null
    return { id: text(row, 'id'), expiresAt: integer(row, 'expires_at'), held: integer(row, 'held') }
  }

  /** How many held reservations are due at `now`, counted no further than `most`. */
  countHeldUntil(now: EpochMs, most: number): number {
    const due = "SELECT 1 FROM reservations WHERE state = 'held' AND expires_at <= ? LIMIT ?"
    return integer(this.#sql.exec<Row>(`SELECT count(*) AS count FROM (${due})`, now, most).one(), 'count')
  }

  entriesBefore(before: number | null, limit: number): Entry[] {
    return rowsOf(
      this.#sql,
      'SELECT * FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT ?',
      before ?? Number.MAX_SAFE_INTEGER,
      limit,
    ).map(entryFromRow)
  }

  /** Oldest first, after the given entry number. */
  entriesAfter(after: number, limit: number): Entry[] {
    return rowsOf(this.#sql, 'SELECT * FROM entries WHERE seq > ? ORDER BY seq LIMIT ?', after, limit).map(entryFromRow)
  }

  /** The number of the last entry, as the database has it. */
  lastSeq(): number {
    return integer(this.#sql.exec<Row>('SELECT ifnull(max(seq), 0) AS seq FROM entries').one(), 'seq')
  }

  /** Writes one decision; the caller holds the transaction. */
  commit(before: Book, change: Change): void {
    for (const entry of change.entries) insertEntry(this.#sql, entryValues(entry))
    for (const grant of change.grants) this.#putGrant(before, grant)
    for (const reservation of change.reservations) this.#putReservation(before, reservation)
    if (change.alias !== null) this.#putAlias(change.alias)
    for (const purchase of change.purchases) this.purchases.put(purchase)
    const { byok, autoTopUp } = change.book
    if (byok !== before.byok) this.#sql.exec('UPDATE account SET byok = ?', Number(byok))
    if (autoTopUp !== before.autoTopUp) {
      this.#sql.exec('UPDATE account SET auto_top_up = ?', JSON.stringify(autoTopUp))
    }
  }

  #putGrant(before: Book, grant: Grant): void {
    if (grant.ordinal > before.seq) {
      insertGrant(this.#sql, grantValues(grant))
      return
    }
    const old = before.grants.find((each) => each.id === grant.id)
    if (old !== undefined && isLive(grant) && old.voided === grant.voided) {
      this.#sql.exec(SPEND_GRANT, grant.free, grant.held, grant.id)
    } else {
      this.#sql.exec(UPDATE_GRANT, grant.free, grant.held, Number(isLive(grant)), Number(grant.voided), grant.id)
    }
  }

  #putReservation(before: Book, reservation: Reservation): void {
    if (reservation.ordinal > before.seq) {
      insertReservation(this.#sql, reservationValues(reservation))
      return
    }
    const { id, state, held, parts, charged, returned, absorbed, actual, costUsd, accrued, late, expiresAt, closedAt } =
      reservation
    this.#sql.exec(
      UPDATE_RESERVATION,
      ...[state, held, JSON.stringify(parts), charged, returned, absorbed, actual, costUsd, accrued],
      ...[Number(late), expiresAt, closedAt, id],
    )
  }

  #putAlias(alias: Alias): void {
    const { id, reservation, request } = alias
    insertAlias(this.#sql, [id, reservation, JSON.stringify(request)])
  }

  /** Whether a reservation has this name. Nearly none does that is about to be made, so both tables are one look-up. */
  #isKnown(id: string): boolean {
    return this.#sql.exec(IS_KNOWN, id).toArray().length > 0
  }

  #reservation(id: string | null): Reservation | null {
    if (id === null) return null
    const row = rowsOf(this.#sql, 'SELECT * FROM reservations WHERE id = ?', id)[0]
    return row === undefined ? null : reservationFromRow(row)
  }

  #alias(id: string): Alias | null {
    const row = this.#sql
      .exec<Row>('SELECT reservation, request FROM reservation_aliases WHERE id = ?', id)
      .toArray()[0]
    if (row === undefined) return null
    return { id, reservation: text(row, 'reservation'), request: JSON.parse(text(row, 'request')) as RequestFields }
  }

  #newestWithDedupeKey(key: string): Reservation | null {
    const row = this.#sql
      .exec<Row>('SELECT * FROM reservations WHERE dedupe_key = ? ORDER BY ordinal DESC LIMIT 1', key)
      .toArray()[0]
    return row === undefined ? null : reservationFromRow(row)
  }

  /** The id of the reservation that a quote has served. */
  #madeWith(quote: string): string | null {
    const row = this.#sql.exec<Row>('SELECT id FROM reservations WHERE quote = ?', quote).toArray()[0]
    return row === undefined ? null : text(row, 'id')
  }

  #retired(book: Book, reservation: Reservation | null): Grant[] {
    if (reservation === null || reservation.state === 'held') return []
    return this.#notLive(
      book,
      reservation.parts.map((part) => part.grant),
    )
  }

  #notLive(book: Book, ids: readonly string[]): Grant[] {
    const live = new Set(book.grants.map((grant) => grant.id))
    return [...new Set(ids)].flatMap((id) => (live.has(id) ? [] : (this.grant(id) ?? [])))
  }
}

const NO_PAYMENT = { purchase: null, paysFor: null, topUp: null, nextPurchase: 0 } as const

/** Every grant that a report of this purchase's payment may touch. */
function grantsOf(purchase: Purchase): string[] {
  return [grantIdOf(purchase), ...purchase.taken.flatMap(({ grant }) => grant ?? [])]
}

function parseOptional<T>(json: string | null): T | null {
  return json === null ? null : (JSON.parse(json) as T)
}
