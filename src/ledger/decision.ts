/** How a decision is put together from a draft. */

import type { Accepted } from './commands.ts'
import type { Draft } from './draft.ts'
import type { Grant } from './grants.ts'
import type { Purchase } from './purchase.ts'
import type { Reservation } from './reservation.ts'

interface Outcome {
  /** The thing that the command was about, as it now is. */
  readonly reservation?: Reservation
  readonly grant?: Grant
  readonly purchase?: Purchase
  /** Further purchases to store. */
  readonly purchases?: readonly Purchase[]
  /** All reservations to store; by default the one above. */
  readonly reservations?: readonly Reservation[]
}

export function accept(draft: Draft, outcome: Outcome): Accepted {
  const { reservation = null, grant = null, purchase = null, purchases = [] } = outcome
  return {
    ok: true,
    replayed: false,
    reservation,
    grant,
    purchase,
    change: {
      book: draft.finish(),
      entries: draft.entries,
      reservations: outcome.reservations ?? (reservation === null ? [] : [reservation]),
      grants: draft.changedGrants(),
      alias: null,
      purchases: purchase === null ? purchases : [purchase, ...purchases],
    },
  }
}

/** The answer to a write that was done before: the thing as it now is, and nothing to store. */
export function replay(reservation: Reservation | null, grant: Grant | null = null): Accepted {
  return { ok: true, replayed: true, reservation, grant, purchase: null, change: null }
}

/** The same for a purchase of which nothing new was learned. */
export function unchanged(purchase: Purchase | null): Accepted {
  return { ...replay(null), purchase }
}
