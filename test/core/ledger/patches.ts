/** Decisions with something changed in them, the same in the answer and in what is stored. For the mutants. */
import type { Accepted, Decision } from '../../../src/ledger/commands.ts'
import { compareBurnOrder, type Grant } from '../../../src/ledger/grants.ts'
import type { Purchase } from '../../../src/ledger/purchase.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'

/** The same decision with the reservation that it is about changed, in the answer and in what is stored. */
export function withReservation(decision: Decision, patch: (made: Reservation) => Reservation): Decision {
  if (!decision.ok || decision.reservation === null) return decision
  const reservation = patch(decision.reservation)
  const change = decision.change && { ...decision.change, reservations: [reservation] }
  return { ...decision, reservation, change }
}

/** The same decision with each stored grant patched, and all in burn order. */
export function withGrants(decision: Decision, patch: (grant: Grant) => Grant): Decision {
  if (!decision.ok || decision.change === null) return decision
  const grants = decision.change.grants.map(patch)
  const stored = new Map(grants.map((grant) => [grant.id, grant]))
  const inBook = decision.change.book.grants.map((grant) => stored.get(grant.id) ?? patch(grant))
  const book = { ...decision.change.book, grants: inBook.sort(compareBurnOrder) }
  const answered: Accepted = { ...decision, change: { ...decision.change, grants, book } }
  return decision.grant === null ? answered : { ...answered, grant: patch(decision.grant) }
}

/** The same decision with the purchase that it is about changed, in the answer and in what is stored. */
export function withPurchase(decision: Decision, patch: (made: Purchase) => Purchase): Decision {
  if (!decision.ok || decision.purchase === null) return decision
  const made = decision.purchase
  const purchase = patch(made)
  const change = decision.change && {
    ...decision.change,
    purchases: decision.change.purchases.map((each) => (each === made ? purchase : each)),
  }
  return { ...decision, purchase, change }
}
