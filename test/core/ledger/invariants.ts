/**
 * The invariants of the ledger, I1 to I9, over what an account keeps. Each throws with its name and the two sides that
 * should agree. `Fold` sums up entries and nothing else, so that the stored state can be compared with it (R19).
 */
import type { Book } from '../../../src/ledger/book.ts'
import type { Entry, EntryKind, Totals } from '../../../src/ledger/entry.ts'
import type { Grant } from '../../../src/ledger/grants.ts'
import type { Reservation, ReservationState } from '../../../src/ledger/reservation.ts'

/** What an account keeps, wherever that is. */
export interface Kept {
  readonly book: Book
  readonly entries: readonly Entry[]
  readonly reservations: ReadonlyMap<string, Reservation>
  readonly held: ReadonlyMap<string, Reservation>
  readonly grants: ReadonlyMap<string, Grant>
}

const CLOSING: readonly EntryKind[] = ['release', 'expire_reservation', 'settle']

export class Fold {
  seq = 0
  at = 0
  available = 0
  reserved = 0
  debt = 0
  open = 0
  charged = 0
  absorbed = 0
  readonly grants = new Map<string, { credits: number; held: number }>()
  readonly holds = new Map<string, number>()

  /** I7: the next number, no earlier time, and the balances before it plus its deltas. */
  add(entry: Entry): void {
    same('I7 number', entry.seq, this.seq + 1)
    if (entry.at < this.at) throw new Error(`I7: entry ${entry.seq} is of ${entry.at}, the one before of ${this.at}`)
    this.seq = entry.seq
    this.at = entry.at
    this.available += entry.availableDelta
    this.reserved += entry.reservedDelta
    this.debt += entry.debtDelta
    this.charged += entry.charged
    this.absorbed += entry.absorbed
    if (entry.kind === 'reserve') this.open += 1
    if (CLOSING.includes(entry.kind) && !entry.late) this.open -= 1
    same('I7 available', entry.available, this.available)
    same('I7 reserved', entry.reserved, this.reserved)
    same('I7 debt', entry.debt, this.debt)
    same('I7 open', entry.open, this.open)
    same('I7 charged', entry.totals.charged, this.charged)
    same('I7 absorbed', entry.totals.absorbed, this.absorbed)
    conserves(entry.totals, entry.available, entry.reserved, entry.debt)
    this.#addGrants(entry)
    const id = entry.reservation
    if (id !== null) this.holds.set(id, (this.holds.get(id) ?? 0) + entry.reservedDelta)
    else same(`I7 ${entry.kind} without a reservation`, entry.reservedDelta, 0)
  }

  #addGrants(entry: Entry): void {
    let available = 0
    let reserved = 0
    for (const delta of entry.grants) {
      const sum = this.grants.get(delta.id)
      if (sum === undefined) this.grants.set(delta.id, { credits: delta.credits, held: delta.held })
      else {
        sum.credits += delta.credits
        sum.held += delta.held
      }
      available += delta.credits - delta.held
      reserved += delta.held
    }
    same(`I7 grants of ${entry.kind}, free`, available, entry.availableDelta)
    same(`I7 grants of ${entry.kind}, held`, reserved, entry.reservedDelta)
  }
}

/** I1, in the sums of the account's whole life. */
export function conserves(totals: Totals, available: number, reserved: number, debt: number): void {
  const { granted, charged, expired, voided, takenBack } = totals
  same('I1 conservation', available + reserved + charged + expired + voided + takenBack - debt, granted)
}

/** I1: what the entries sum up to is what is stored. */
export function foldIsState(fold: Fold, book: Book): void {
  same('I1 version', book.seq, fold.seq)
  same('I1 time', book.lastAt, fold.at)
  same('I1 available', book.available, fold.available)
  same('I1 reserved', book.reserved, fold.reserved)
  same('I1 debt', book.debt, fold.debt)
  same('I1 open', book.open, fold.open)
  same('I1 charged', book.totals.charged, fold.charged)
  same('I1 absorbed', book.totals.absorbed, fold.absorbed)
  conserves(book.totals, book.available, book.reserved, book.debt)
}

/** I1 for one grant. */
export function foldIsGrant(fold: Fold, grant: Grant): void {
  const sum = fold.grants.get(grant.id)
  same(`I1 grant ${grant.id}`, grant.free + grant.held, sum?.credits ?? 0)
  same(`I1 held of grant ${grant.id}`, grant.held, sum?.held ?? 0)
  if (grant.free < 0 || grant.held < 0) throw new Error(`I3: grant ${grant.id} has ${grant.free}, ${grant.held} held`)
}

/** I1 and I2 for one reservation: its hold is what the entries say, and what its parts in grants sum up to. */
export function holdIsItsParts(fold: Fold, reservation: Reservation): void {
  const { id, state, held } = reservation
  let parts = 0
  for (const part of reservation.parts) parts += part.held
  same(`I2 parts of ${id}`, parts, held)
  same(`I1 hold of ${id}`, state === 'held' ? held : 0, fold.holds.get(id) ?? 0)
}

/** I2: what is reserved is the sum of what is held, in all and in every live grant. */
export function reservedIsHeld(kept: Kept): void {
  let reserved = 0
  const inGrants = new Map<string, number>()
  for (const reservation of kept.held.values()) {
    reserved += reservation.held
    for (const part of reservation.parts) inGrants.set(part.grant, (inGrants.get(part.grant) ?? 0) + part.held)
  }
  same('I2 reserved', kept.book.reserved, reserved)
  same('I2 open', kept.book.open, kept.held.size)
  let available = 0
  for (const grant of kept.book.grants) {
    available += grant.free
    same(`I2 held of grant ${grant.id}`, grant.held, inGrants.get(grant.id) ?? 0)
    inGrants.delete(grant.id)
    if (kept.grants.get(grant.id) !== grant) throw new Error(`I2: grant ${grant.id} is stored differently twice`)
  }
  same('I2 available', kept.book.available, available)
  if (inGrants.size > 0) throw new Error(`I2: held of grants that are not live: ${[...inGrants.keys()]}`)
}

/** I3 */
export function neverBelowZero(book: Book): void {
  const { available, reserved, debt } = book
  if (available < 0 || reserved < 0 || debt < 0) throw new Error(`I3: ${available}, ${reserved} held, owes ${debt}`)
  if (available > 0 && debt > 0) throw new Error(`I3: ${available} are free while ${debt} are owed`)
}

/** I4: held, then closed once; only an expired one may still be settled, late. What it was made of never changes. */
export function closesOnce(before: Reservation | undefined, after: Reservation): void {
  if (before === undefined) {
    same(`I4 first state of ${after.id}`, after.state, 'held')
    return
  }
  const from: ReservationState = before.state
  const isLate = from === 'expired' && after.state === 'settled' && after.late
  if (from !== 'held' && before !== after && !isLate) throw new Error(`I4: ${after.id} was ${from}, is ${after.state}`)
  if (from === 'held' && after.late) throw new Error(`I4: ${after.id} is late without having expired`)
  same(`I4 request of ${after.id}`, after.request, before.request)
  same(`I4 mode of ${after.id}`, after.mode, before.mode)
  same(`I4 time of ${after.id}`, after.createdAt, before.createdAt)
}

/** I8: the alarm is armed at or before whatever is due next; and not before anything is. */
export function alarmIsArmed(kept: Kept, alarm: number | null): void {
  let due = Number.POSITIVE_INFINITY
  for (const reservation of kept.held.values()) due = Math.min(due, reservation.expiresAt)
  for (const grant of kept.book.grants) if (grant.free > 0) due = Math.min(due, grant.expiresAt ?? due)
  same('I8 alarm', alarm ?? Number.POSITIVE_INFINITY, due)
}

/** I9, one half: what has run out at `now` is neither held nor free. */
export function nothingOutlivesItsTime(kept: Kept, now: number): void {
  for (const { id, expiresAt } of kept.held.values()) {
    if (expiresAt <= now) throw new Error(`I9: reservation ${id} is held at ${now}, ran out at ${expiresAt}`)
  }
  for (const { id, free, expiresAt, voided } of kept.book.grants) {
    if (free > 0 && expiresAt !== null && expiresAt <= now) throw new Error(`I9: grant ${id} is free at ${now}`)
    if (free > 0 && voided) throw new Error(`I9: grant ${id} is free though voided`)
  }
}

/** I9, the other half: what an entry says to have expired at `now` had run out by then. */
export function nothingExpiresEarly(kept: Kept, entry: Entry, now: number): void {
  if (entry.at > now) throw new Error(`I9: entry ${entry.seq} is of ${entry.at}, and it is ${now}`)
  if (entry.kind === 'expire_grant') {
    for (const { id } of entry.grants) {
      const expiresAt = kept.grants.get(id)?.expiresAt ?? Number.POSITIVE_INFINITY
      if (entry.at < expiresAt) throw new Error(`I9: grant ${id} expired at ${entry.at}, not at ${expiresAt}`)
    }
  }
  if (entry.kind === 'expire_reservation') {
    const expiresAt = kept.reservations.get(entry.reservation ?? '')?.expiresAt
    same(`I9 expiry of ${entry.reservation}`, entry.at, expiresAt)
  }
}

/** All that holds of an account at rest, from its first entry on. */
export function checkAll(kept: Kept): void {
  const fold = new Fold()
  for (const entry of kept.entries) fold.add(entry)
  foldIsState(fold, kept.book)
  for (const grant of kept.grants.values()) foldIsGrant(fold, grant)
  for (const reservation of kept.reservations.values()) holdIsItsParts(fold, reservation)
  reservedIsHeld(kept)
  neverBelowZero(kept.book)
}

export function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: is ${show(actual)}, must be ${show(expected)}`)
}

function show(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
