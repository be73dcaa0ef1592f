/**
 * Settle: charge what a review cost and return the rest (R6), in time or, for a week, late (R8).
 */
import { type EpochMs, MAX_MILLICREDITS, type Millicredits } from './amounts.ts'
import type { Book } from './book.ts'
import type { Decision, Settle, View } from './commands.ts'
import { accept, replay } from './decision.ts'
import { Draft } from './draft.ts'
import type { Part } from './grants.ts'
import { LATE_SETTLE_MS } from './limits.ts'
import { refuse } from './refusals.ts'
import { withLost } from './release.ts'
import type { Reservation } from './reservation.ts'

export function settle(view: View, command: Settle, now: EpochMs): Decision {
  const reservation = view.reservation
  if (reservation === null) return refuse({ code: 'not_found', what: 'reservation' })
  const closed = reservation.state === 'settled' || reservation.state === 'released'
  if (!closed && exceedsLifetime(view.book, reservation, command.actual)) {
    return refuse({ code: 'limit_exceeded', limit: 'lifetime_credits', maximum: MAX_MILLICREDITS })
  }
  switch (reservation.state) {
    case 'settled':
      return reservation.actual === command.actual
        ? replay(reservation)
        : refuse({ code: 'reservation_settled', reservation })
    case 'released':
      return refuse({ code: 'reservation_released', reservation })
    case 'expired':
      if (now >= reservation.expiresAt + LATE_SETTLE_MS) return refuse({ code: 'reservation_expired', reservation })
      return settleLate(view, reservation, command, now)
    case 'held':
      return settleInTime(view, reservation, command, now)
  }
}

/** R20: what was ever charged or absorbed stays exact in JSON. What expiry charged is in these sums already. */
function exceedsLifetime(book: Book, reservation: Reservation, actual: Millicredits): boolean {
  if (reservation.mode === 'byok') return false
  return book.totals.charged + book.totals.absorbed + actual - (reservation.charged ?? 0) > MAX_MILLICREDITS
}

function settleInTime(view: View, reservation: Reservation, command: Settle, now: EpochMs): Decision {
  const draft = new Draft(view.book, now, view.retired)
  if (reservation.mode === 'byok') return closeByok(draft, reservation, command, false)
  const cost = Math.min(command.actual, reservation.maxCredits)
  const charges = chargeHold(draft, reservation, cost)
  const charged = charges.total + chargeOverage(draft, reservation, cost - charges.total, view.book.allowDebt)
  const absorbed = command.actual - charged
  draft.absorb(absorbed)
  draft.closeReservation()
  writeSettle(draft, reservation, command, false)
  const lost = draft.sweep(charges.returned.keys())
  const parts = reservation.parts.map((part) => withLost(part, charges.returned.get(part.grant) ?? 0, lost))
  const returned = reservation.held - charges.total
  return accept(draft, {
    reservation: { ...reservation, ...settled(command, now), parts, charged, returned, absorbed, late: false },
  })
}

/**
 * The cost is laid over the hold as it once was, in the same order. What expiry charged stays charged or comes back;
 * a part whose credits expired on return is absorbed; the rest takes free credits as far as they go.
 */
function settleLate(view: View, reservation: Reservation, command: Settle, now: EpochMs): Decision {
  const draft = new Draft(view.book, now, view.retired)
  if (reservation.mode === 'byok') return closeByok(draft, reservation, command, true)
  const cost = Math.min(command.actual, reservation.maxCredits)
  const before = reservation.charged ?? 0
  const returned = returnExcess(draft, reservation, Math.max(0, before - cost))
  const fromReturned = draft.chargeFree(stillGood(reservation.parts, before, Math.min(cost, reservation.held)))
  const above = chargeOverage(draft, reservation, Math.max(0, cost - reservation.held), view.book.allowDebt)
  const charged = Math.min(before, cost) + fromReturned + above
  const absorbed = command.actual - charged
  // All of it: expiry absorbs nothing.
  draft.absorb(absorbed)
  writeSettle(draft, reservation, command, true)
  draft.sweep(returned)
  const closing = settled(command, now)
  // Returned is what came back of the hold; credits taken again after that are charges of their own.
  return accept(draft, {
    reservation: {
      ...reservation,
      ...closing,
      charged,
      returned: reservation.held - Math.min(before, cost),
      absorbed,
      late: true,
    },
  })
}

function settled(command: Settle, now: EpochMs) {
  return { state: 'settled', actual: command.actual, costUsd: command.costUsd, closedAt: now } as const
}

function writeSettle(draft: Draft, reservation: Reservation, command: Settle, late: boolean): void {
  const { id, tier, metadata, mode } = reservation
  const { actual, costUsd } = command
  draft.write('settle', { reservation: id, tier, metadata, mode, actual, costUsd, late })
}

/** Charges up to `cost` of what is held, in burn order, and returns the rest to the grants it came from. */
export function chargeHold(draft: Draft, reservation: Reservation, cost: Millicredits) {
  let total = 0
  const returned = new Map<string, Millicredits>()
  for (const part of reservation.parts) {
    const used = Math.min(part.held, cost - total)
    if (used > 0) draft.chargeHeld(part, used)
    if (used < part.held) {
      draft.returnHeld(part, part.held - used)
      returned.set(part.grant, part.held - used)
    }
    total += used
  }
  return { total, returned }
}

/** R6, above the hold: free credits as far as they go, then debt where it is allowed. Returns what was charged. */
function chargeOverage(draft: Draft, reservation: Reservation, cost: Millicredits, allowDebt: boolean): Millicredits {
  if (cost === 0 || reservation.overage === 'cap') return 0
  const free = draft.chargeFree(cost)
  if (reservation.overage !== 'debt' || !allowDebt) return free
  draft.owe(cost - free)
  return cost
}

/** Gives back, last charged first, what expiry charged above the cost; returns the grants it went to. */
function returnExcess(draft: Draft, reservation: Reservation, excess: Millicredits): string[] {
  const grants: string[] = []
  let left = excess
  for (const part of [...reservation.parts].reverse()) {
    const back = Math.min(left, part.charged)
    if (back === 0) continue
    draft.returnCharged(part, back)
    grants.push(part.grant)
    left -= back
  }
  return grants
}

/** Of the cost between `from` and `to`, laid over the parts in order: what falls on credits that came back good. */
function stillGood(parts: readonly Part[], from: Millicredits, to: Millicredits): Millicredits {
  let good = 0
  let start = 0
  for (const part of parts) {
    const covered = Math.min(to, start + part.held) - Math.max(from, start)
    if (covered > 0 && part.lost === 0) good += covered
    start += part.held
  }
  return good
}

/** R17: nothing is charged and nothing absorbed; the cost is recorded. */
function closeByok(draft: Draft, reservation: Reservation, command: Settle, late: boolean): Decision {
  if (!late) draft.closeReservation()
  writeSettle(draft, reservation, command, late)
  const closing = { ...settled(command, draft.now), charged: 0, returned: 0, absorbed: 0, late }
  return accept(draft, { reservation: { ...reservation, ...closing } })
}
