/** Extend: a heartbeat. It moves the end of a reservation, raises its hold, and takes note of what was spent so far. */
import type { EpochMs } from './amounts.ts'
import type { Decision, Extend, View } from './commands.ts'
import { accept } from './decision.ts'
import { Draft } from './draft.ts'
import { compareBurnOrder, type Part } from './grants.ts'
import { MAX_RESERVATION_LIFETIME_MS } from './limits.ts'
import { type Refused, refuse } from './refusals.ts'
import type { Reservation } from './reservation.ts'

export function extend(view: View, command: Extend, now: EpochMs): Decision {
  const reservation = view.reservation
  if (reservation === null) return refuse({ code: 'not_found', what: 'reservation' })
  if (reservation.state !== 'held') return refuse({ code: `reservation_${reservation.state}`, reservation })
  const expiresAt = Math.max(reservation.expiresAt, wantedEnd(reservation, command.ttlMs, now))
  const raise = reservation.mode === 'byok' ? 0 : Math.max(0, (command.credits ?? 0) - reservation.held)
  const refused = check(view, reservation, expiresAt, raise)
  if (refused !== null) return refused
  const draft = new Draft(view.book, now, view.retired)
  const parts = raise === 0 ? reservation.parts : mergeParts(draft, reservation.parts, draft.hold(raise))
  if (raise > 0) {
    const { id, tier, metadata, mode } = reservation
    draft.write('extend', { reservation: id, tier, metadata, mode })
  }
  const accrued = Math.max(reservation.accrued, command.accrued ?? 0)
  return accept(draft, { reservation: { ...reservation, expiresAt, accrued, parts, held: reservation.held + raise } })
}

/**
 * A time that was named is kept or refused. A heartbeat that names none goes on as far as it may, so that what it
 * reports is not refused along with a time that nobody asked for.
 */
function wantedEnd(reservation: Reservation, ttlMs: number | null, now: EpochMs): EpochMs {
  if (ttlMs !== null) return now + ttlMs
  return Math.min(now + reservation.ttlMs, reservation.createdAt + MAX_RESERVATION_LIFETIME_MS)
}

function check(view: View, reservation: Reservation, expiresAt: EpochMs, raise: number): Refused | null {
  if (expiresAt > reservation.createdAt + MAX_RESERVATION_LIFETIME_MS) {
    const maximum = MAX_RESERVATION_LIFETIME_MS / 1000
    return refuse({ code: 'limit_exceeded', limit: 'reservation_lifetime_seconds', maximum })
  }
  // Held above what may ever be charged would only be kept from other reviews.
  if (raise > 0 && reservation.held + raise > reservation.maxCredits) {
    return refuse({ code: 'limit_exceeded', limit: 'max_credits', maximum: reservation.maxCredits })
  }
  const { available, debt } = view.book
  if (available >= raise) return null
  return refuse({ code: 'insufficient_credits', requested: raise, available, shortfall: raise - available, debt })
}

/** One part per grant, in burn order: a grant that came after the reservation may burn before it. */
function mergeParts(draft: Draft, old: readonly Part[], added: readonly Part[]): readonly Part[] {
  const parts = new Map(old.map((part) => [part.grant, part]))
  for (const part of added) {
    parts.set(part.grant, { ...part, held: part.held + (parts.get(part.grant)?.held ?? 0) })
  }
  return [...parts.values()].sort((a, b) => compareBurnOrder(draft.grant(a.grant), draft.grant(b.grant)))
}
