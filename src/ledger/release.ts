/** Release: the runner gives the whole hold back. */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { Decision, Release, View } from './commands.ts'
import { accept, replay } from './decision.ts'
import { Draft } from './draft.ts'
import type { Part } from './grants.ts'
import { refuse } from './refusals.ts'
import type { Reservation } from './reservation.ts'

export function release(view: View, command: Release, now: EpochMs): Decision {
  const reservation = view.reservation
  if (reservation === null) return refuse({ code: 'not_found', what: 'reservation' })
  if (reservation.state === 'settled') return refuse({ code: 'reservation_settled', reservation })
  if (reservation.state !== 'held') return replay(reservation)
  const draft = new Draft(view.book, now, view.retired)
  return accept(draft, { reservation: releaseHold(draft, reservation, command.reason) })
}

/** Also one half of superseding: the old hold returns before the new one is made. */
export function releaseHold(draft: Draft, reservation: Reservation, reason: string | null): Reservation {
  for (const part of reservation.parts) draft.returnHeld(part, part.held)
  draft.closeReservation()
  const { id, tier, metadata, mode } = reservation
  draft.write('release', { reservation: id, tier, metadata, mode, detail: reason === null ? null : { reason } })
  const lost = draft.sweep(reservation.parts.map((part) => part.grant))
  return {
    ...reservation,
    state: 'released',
    parts: reservation.parts.map((part) => withLost(part, part.held, lost)),
    charged: 0,
    returned: reservation.held,
    absorbed: 0,
    closedAt: draft.now,
  }
}

/** A part of which `returned` came back: all of that is lost if its grant was no longer good. */
export function withLost(part: Part, returned: Millicredits, lost: ReadonlyMap<string, Millicredits>): Part {
  return { ...part, charged: part.held - returned, lost: lost.has(part.grant) ? returned : 0 }
}
