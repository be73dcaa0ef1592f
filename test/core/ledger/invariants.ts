/**
 * The invariants of the ledger, I1 to I9 and I11, over what an account keeps. Each throws with its name and the two sides that
 * should agree.
 */
import type { Book } from '../../../src/ledger/book.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import type { Grant } from '../../../src/ledger/grants.ts'
import type { Purchase } from '../../../src/ledger/purchase.ts'
import type { Reservation, ReservationState } from '../../../src/ledger/reservation.ts'
import { conserves, Fold } from './fold.ts'
import { same } from './same.ts'

/** What an account keeps, wherever that is. */
export interface Kept {
  readonly book: Book
  readonly entries: readonly Entry[]
  readonly reservations: ReadonlyMap<string, Reservation>
  readonly held: ReadonlyMap<string, Reservation>
  readonly grants: ReadonlyMap<string, Grant>
  readonly purchases: ReadonlyMap<string, Purchase>
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

/** I11: granted once if it is paid and never if not; what the entries took back is what the payment's state implies. */
export function foldIsPurchase(fold: Fold, purchase: Purchase): void {
  const { id, state, credits, chargedCents, refundedCents, disputedCents, refundTaken, disputeTaken, taken } = purchase
  const sum = fold.payments.get(id) ?? { grants: 0, granted: 0, refunds: 0, disputes: 0 }
  const isPaid = state === 'paid'
  same(`I11 grants of ${id}`, sum.grants, isPaid ? 1 : 0)
  same(`I11 granted for ${id}`, sum.granted, isPaid ? credits : 0)
  const lost = Math.min(refundedCents + disputedCents, chargedCents ?? 0)
  const target = lost === 0 ? 0n : (BigInt(credits) * BigInt(lost)) / BigInt(chargedCents ?? 0)
  same(`I11 taken back for ${id}`, sum.refunds + sum.disputes, Number(target))
  same(`I11 refunds of ${id}`, sum.refunds, refundTaken)
  same(`I11 disputes of ${id}`, sum.disputes, disputeTaken)
  let from = 0
  for (const each of taken) from += each.credits
  same(`I11 where it was taken from for ${id}`, from, Number(target))
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
  for (const purchase of kept.purchases.values()) foldIsPurchase(fold, purchase)
  for (const id of fold.payments.keys()) if (!kept.purchases.has(id)) throw new Error(`I11: no purchase ${id}`)
  reservedIsHeld(kept)
  neverBelowZero(kept.book)
}
