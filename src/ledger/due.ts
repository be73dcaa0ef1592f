/**
 * What time does (R7): reservations and grants expire, in order of their due time, each as a command of its own and at
 * that very time. So the ledger reads the same whether the alarm came on time, late or not at all.
 */
import { type EpochMs, MAX_MILLICREDITS } from './amounts.ts'
import type { Book } from './book.ts'
import type { Decision, DueWork, View } from './commands.ts'
import { accept, replay } from './decision.ts'
import { Draft } from './draft.ts'
import { isExpired } from './grants.ts'
import { withLost } from './release.ts'
import type { Reservation } from './reservation.ts'
import { chargeHold } from './settle.ts'

/** The soonest held reservation to run out, by `expiresAt`, then by the order in which they were made. */
export type SoonestHeld = Pick<Reservation, 'id' | 'expiresAt'> | null

/** The next thing that is due at or before `now`; a reservation goes before a grant that is due with it. */
export function nextDue(book: Book, soonest: SoonestHeld, now: EpochMs): DueWork | null {
  const wake = nextWake(book, soonest)
  if (wake === null || wake > now) return null
  if (soonest !== null && soonest.expiresAt === wake) return { op: 'expire_reservation', id: soonest.id, at: wake }
  const grant = book.grants.find((each) => each.free > 0 && each.expiresAt === wake)
  return grant === undefined ? null : { op: 'expire_grant', id: grant.id, at: wake }
}

/** When something is next due; `null` if nothing ever is. */
export function nextWake(book: Book, soonest: SoonestHeld): EpochMs | null {
  let wake = soonest?.expiresAt ?? Number.POSITIVE_INFINITY
  for (const grant of book.grants) {
    if (grant.free > 0 && grant.expiresAt !== null && grant.expiresAt < wake) wake = grant.expiresAt
  }
  return wake === Number.POSITIVE_INFINITY ? null : wake
}

export function expireReservation(view: View, now: EpochMs): Decision {
  const reservation = view.reservation
  if (reservation === null || reservation.state !== 'held' || now < reservation.expiresAt) return replay(reservation)
  const draft = new Draft(view.book, now, view.retired)
  const accrued = reservation.onExpiry === 'settle_accrued' ? reservation.accrued : 0
  // Time cannot be refused as a settle can, so what is charged ends where the lifetime sums do (R20).
  const countable = Math.max(0, MAX_MILLICREDITS - view.book.totals.charged)
  const charges = chargeHold(draft, reservation, Math.min(accrued, reservation.held, reservation.maxCredits, countable))
  draft.closeReservation()
  const { id, tier, metadata, mode } = reservation
  draft.write('expire_reservation', { reservation: id, tier, metadata, mode })
  const lost = draft.sweep(charges.returned.keys())
  return accept(draft, {
    reservation: {
      ...reservation,
      state: 'expired',
      parts: reservation.parts.map((part) => withLost(part, charges.returned.get(part.grant) ?? 0, lost)),
      charged: charges.total,
      returned: reservation.held - charges.total,
      absorbed: 0,
      closedAt: now,
    },
  })
}

export function expireGrant(view: View, now: EpochMs): Decision {
  const grant = view.grant
  if (grant === null || grant.free === 0 || !isExpired(grant, now)) return replay(null, grant)
  const draft = new Draft(view.book, now)
  draft.removeFree(grant.id, false)
  draft.write('expire_grant', { detail: { grant: grant.id } })
  return accept(draft, { grant: draft.grant(grant.id) })
}
