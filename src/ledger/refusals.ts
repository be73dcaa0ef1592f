/** Every way in which the ledger says no, with the numbers that belong to it. A refusal changes nothing (R4). */
import type { Millicredits } from './amounts.ts'
import type { Grant } from './grants.ts'
import type { Purchase } from './purchase.ts'
import type { QuoteReason } from './quote.ts'
import type { Reservation } from './reservation.ts'

export type LimitName =
  | 'open_reservations'
  | 'live_grants'
  | 'lifetime_credits'
  | 'reservation_lifetime_seconds'
  | 'max_credits'

export type Refusal =
  | {
      readonly code: 'insufficient_credits'
      readonly requested: Millicredits
      /** As the balance shows it. */
      readonly available: Millicredits
      /** What is missing: less than the difference where a superseded hold would have come back. */
      readonly shortfall: Millicredits
      readonly debt: Millicredits
    }
  | {
      readonly code: 'conflict'
      readonly field: string
      readonly reservation?: Reservation
      readonly grant?: Grant
      readonly purchase?: Purchase
    }
  | { readonly code: 'reservation_settled'; readonly reservation: Reservation }
  | { readonly code: 'reservation_released'; readonly reservation: Reservation }
  | { readonly code: 'reservation_expired'; readonly reservation: Reservation }
  /** `usedBy` is the reservation that was made with it. */
  | { readonly code: 'quote_invalid'; readonly reason: QuoteReason; readonly usedBy: string | null }
  | { readonly code: 'not_found'; readonly what: 'reservation' | 'grant' | 'purchase' | 'byok_key' }
  | { readonly code: 'forbidden'; readonly why: string }
  | { readonly code: 'invalid'; readonly field: string; readonly message: string }
  | {
      readonly code: 'limit_exceeded'
      readonly limit: LimitName
      /** In the unit that the limit's name ends in; millicredits if it names none. */
      readonly maximum: number
    }

export interface Refused {
  readonly ok: false
  readonly refusal: Refusal
}

export function refuse(refusal: Refusal): Refused {
  return { ok: false, refusal }
}
