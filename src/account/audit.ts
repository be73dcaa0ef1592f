/**
 * The audit: derives the account's state from its entries alone, compares that with what is stored, the entries with
 * those in D1, and the purchases with Stripe's books, and names every difference.
 */

import { readDirectoryLine, readHistoryRows } from '../history/read.ts'
import { historyRow } from '../history/write.ts'
import type { Entry, Totals } from '../ledger/entry.ts'
import { comparePurchases } from './audit-purchases.ts'
import type { AccountLedger } from './ledger.ts'
import type { OpenedAccount } from './opened.ts'
import { integer, type Row } from './rows.ts'

/** Entries read at a time, with room for other commands in between. */
const PAGE = 1_000
/** A broken ledger differs everywhere; so many differences are enough to find out why. */
const MAX_DIFFERENCES = 100

export interface Audit {
  /** How many entries were read, how many of them history has too, and how much else was compared. */
  readonly checked: {
    readonly entries: number
    readonly history: number
    readonly reservations: number
    readonly grants: number
    readonly purchases: number
  }
  /** Which of the secrets seals the account's own key; `null` without one. */
  readonly byokSecret: 'newest' | 'older' | 'unlisted' | null
  readonly differences: readonly string[]
}

type Sums = Record<'available' | 'reserved' | 'debt' | 'charged' | 'absorbed', number>

/** Runs beside other commands: what it compares with is read in the same turn as the last entry. */
export async function audit(account: OpenedAccount, sql: SqlStorage, db: D1Database): Promise<Audit> {
  const { ledger, outbox, details } = account
  const { id } = details.value
  const fold = new Fold()
  if (outbox.differsAt !== null) {
    fold.differ(
      `the account was set back: from entry ${outbox.differsAt} on history has another past; nothing is written`,
    )
  }
  await compareDirectory(fold, account, db)
  const purchases = await comparePurchases(account, (difference) => fold.differ(difference))
  const byokSecret = await account.byok.audit((difference) => fold.differ(difference))
  let inHistory = 0
  const drainedTo = outbox.drainedTo
  for (
    let page = ledger.store.entriesAfter(0, PAGE);
    page.length > 0;
    page = ledger.store.entriesAfter(fold.seq, PAGE)
  ) {
    for (const entry of page) fold.add(entry)
    const first = page[0]?.seq ?? 0
    inHistory += await compareHistory(fold, page, drainedTo, await readHistoryRows(db, id, first - 1, fold.seq))
  }
  // From here to the end nothing waits, so no command comes between the last entry and the state that it led to.
  const compared = compareState(fold, ledger, sql)
  const beyond = await readHistoryRows(db, id, fold.seq, fold.seq + PAGE)
  const unknown = beyond.filter((row) => Number(row['seq']) > ledger.book.seq).length
  if (unknown > 0) fold.differ(`history has ${unknown} entries that the account does not have`)
  const checked = { entries: fold.seq, history: inHistory, ...compared, purchases }
  return { checked, byokSecret, differences: fold.differences }
}

class Fold {
  seq = 0
  readonly differences: string[] = []
  readonly sums: Sums = { available: 0, reserved: 0, debt: 0, charged: 0, absorbed: 0 }
  readonly grants = new Map<string, { credits: number; held: number }>()
  readonly holds = new Map<string, number>()
  totals: Totals | null = null
  open = 0
  byok = false
  #at = 0

  add(entry: Entry): void {
    if (entry.seq !== this.seq + 1) this.differ(`entry ${this.seq + 1} is missing`)
    if (entry.at < this.#at) this.differ(`entry ${entry.seq} is older than the one before it`)
    this.seq = entry.seq
    this.#at = entry.at
    this.#addBalances(entry)
    this.#addHolds(entry)
    for (const delta of entry.grants) {
      const grant = this.grants.get(delta.id) ?? { credits: 0, held: 0 }
      this.grants.set(delta.id, { credits: grant.credits + delta.credits, held: grant.held + delta.held })
    }
    if (entry.kind === 'byok_changed') this.byok = entry.detail?.['enabled'] === true
    this.totals = entry.totals
  }

  differ(difference: string): void {
    if (this.differences.length < MAX_DIFFERENCES) this.differences.push(difference)
  }

  expect(what: string, stored: unknown, derived: unknown): void {
    if (stored !== derived) this.differ(`${what} is ${stored}, but the entries say ${derived}`)
  }

  #addBalances(entry: Entry): void {
    const { sums } = this
    sums.available += entry.availableDelta
    sums.reserved += entry.reservedDelta
    sums.debt += entry.debtDelta
    sums.charged += entry.charged
    sums.absorbed += entry.absorbed
    for (const balance of ['available', 'reserved', 'debt'] as const) {
      this.expect(`${balance} after entry ${entry.seq}`, entry[balance], sums[balance])
    }
    this.expect(`charged to entry ${entry.seq}`, entry.totals.charged, sums.charged)
    this.expect(`absorbed to entry ${entry.seq}`, entry.totals.absorbed, sums.absorbed)
  }

  #addHolds(entry: Entry): void {
    const { kind, reservation } = entry
    if (reservation === null) return
    if (kind === 'reserve') this.open += 1
    if (kind === 'release' || kind === 'expire_reservation' || (kind === 'settle' && !entry.late)) this.open -= 1
    const hold = (this.holds.get(reservation) ?? 0) + entry.reservedDelta
    if (hold === 0) this.holds.delete(reservation)
    else this.holds.set(reservation, hold)
  }
}

/** The account's line in the directory, unless a change of it is still on its way. */
async function compareDirectory(fold: Fold, { outbox, details }: OpenedAccount, db: D1Database): Promise<void> {
  const { value } = details
  if (!outbox.described) return
  const line = await readDirectoryLine(db, value.id)
  if (details.value !== value) return
  if (line === null) return fold.differ('the directory lacks the account')
  for (const field of ['name', 'email', 'region', 'createdAt'] as const) {
    if (line[field] !== value[field]) fold.differ(`the directory has another ${field}`)
  }
  if ((line.allowDebt === 1) !== value.allowDebt) fold.differ('the directory has another allowDebt')
}

async function compareHistory(
  fold: Fold,
  page: readonly Entry[],
  drainedTo: number,
  rows: readonly Row[],
): Promise<number> {
  const bySeq = new Map(rows.map((row) => [row['seq'], row]))
  let found = 0
  for (const entry of page) {
    const row = bySeq.get(entry.seq)
    if (row === undefined) {
      if (entry.seq <= drainedTo) fold.differ(`history lacks entry ${entry.seq}`)
      continue
    }
    found += 1
    for (const [column, value] of Object.entries(historyRow(entry))) {
      if (row[column] !== value) fold.differ(`history has another ${column} in entry ${entry.seq}`)
    }
  }
  return found
}

function compareState(fold: Fold, ledger: AccountLedger, sql: SqlStorage) {
  const { book } = ledger
  fold.expect('the number of the last entry', book.seq, fold.seq)
  fold.expect('available', book.available, fold.sums.available)
  fold.expect('reserved', book.reserved, fold.sums.reserved)
  fold.expect('debt', book.debt, fold.sums.debt)
  fold.expect('the number of open reservations', book.open, fold.open)
  fold.expect('whether BYOK is on', book.byok, fold.byok)
  if (book.available > 0 && book.debt > 0) fold.differ('free credits and debt stand beside each other')
  compareConservation(fold, ledger)
  compareHolds(fold, sql)
  return { grants: compareGrants(fold, sql), reservations: compareCosts(fold, sql) }
}

/** I1: what was granted is free, held, or accounted for. */
function compareConservation(fold: Fold, ledger: AccountLedger): void {
  const { available, reserved, debt, totals } = ledger.book
  const { charged, expired, voided, takenBack } = totals
  const accounted = available + reserved + charged + expired + voided + takenBack - debt
  if (accounted !== totals.granted) fold.differ(`${totals.granted} was granted, but ${accounted} is accounted for`)
}

/** What reservations say that they cost, together, is what the entries charged and absorbed. */
function compareCosts(fold: Fold, sql: SqlStorage): number {
  const sums = sql
    .exec<Row>(
      'SELECT count(*) AS count, ifnull(sum(charged), 0) AS charged, ifnull(sum(absorbed), 0) AS absorbed FROM reservations',
    )
    .one()
  fold.expect('what all reservations were charged', integer(sums, 'charged'), fold.sums.charged)
  fold.expect('what was absorbed of all reservations', integer(sums, 'absorbed'), fold.sums.absorbed)
  return integer(sums, 'count')
}

function compareGrants(fold: Fold, sql: SqlStorage): number {
  let count = 0
  for (const row of sql.exec<Row>('SELECT id, free, held FROM grants')) {
    const derived = fold.grants.get(String(row['id'])) ?? { credits: 0, held: 0 }
    fold.expect(`what is held of grant ${row['id']}`, integer(row, 'held'), derived.held)
    fold.expect(`what is left of grant ${row['id']}`, integer(row, 'free') + integer(row, 'held'), derived.credits)
    fold.grants.delete(String(row['id']))
    count += 1
  }
  for (const [id, derived] of fold.grants) {
    if (derived.credits !== 0 || derived.held !== 0) fold.differ(`the entries speak of a grant ${id} that is not there`)
  }
  return count
}

function compareHolds(fold: Fold, sql: SqlStorage): void {
  const held = sql.exec<Row>(
    `SELECT id, held, (SELECT ifnull(sum(value ->> 'held'), 0) FROM json_each(parts)) AS parts
     FROM reservations WHERE state = 'held'`,
  )
  for (const row of held) {
    const id = String(row['id'])
    fold.expect(`what reservation ${id} holds`, integer(row, 'held'), fold.holds.get(id) ?? 0)
    fold.expect(`the sum of the parts of reservation ${id}`, integer(row, 'parts'), integer(row, 'held'))
    fold.holds.delete(id)
  }
  for (const id of fold.holds.keys())
    fold.differ(`reservation ${id} is closed, but the entries say that it holds credits`)
}
