/**
 * Purchases: packs being bought, in Checkout or by auto top-up. The price and the credits are written down when a
 * purchase starts and never change; all else is what Stripe was last seen to say of it (R12).
 */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { RequestFields } from './reservation.ts'

export type PurchaseKind = 'checkout' | 'auto_top_up'

/** What has become of the payment. `paid` is for good: what was given back later stands in the cents beside it. */
export type PurchaseState = 'open' | 'processing' | 'paid' | 'expired' | 'failed'

/**
 * How far an open attempt of auto top-up has come (R15): written down; created at Stripe, unconfirmed; perhaps confirmed,
 * so that its outcome has to be read; on its way to be cancelled.
 */
export type Stage = 'written' | 'created' | 'confirming' | 'canceling'

/** Why a payment failed, as far as that decides what happens next. */
export type FailureKind =
  | 'declined'
  | 'authentication_required'
  /** Stripe never told the id of the PaymentIntent, so it was never confirmed. */
  | 'not_created'
  /** R14 no longer allowed it before it was confirmed. */
  | 'not_allowed'

export interface Failure {
  readonly kind: FailureKind
  /** Stripe's word for it, such as `insufficient_funds`; for people. */
  readonly code: string | null
}

/** Credits taken back from one grant; `null` is debt. In the order in which they were taken. */
export interface Taken {
  readonly grant: string | null
  readonly credits: Millicredits
}

export interface Purchase {
  readonly id: string
  /** 1, 2, 3 … per account, in the order in which they were started. */
  readonly number: number
  readonly kind: PurchaseKind
  readonly pack: string
  readonly credits: Millicredits
  readonly priceCents: number
  readonly state: PurchaseState
  /** `null` for Checkout, and once an attempt's outcome is known. */
  readonly stage: Stage | null
  readonly failure: Failure | null
  /** Stripe's ids, each written down here before anything is believed of it. */
  readonly customer: string | null
  readonly session: string | null
  readonly paymentIntent: string | null
  /** The PaymentMethod that an attempt charges. */
  readonly card: string | null
  /** Where the customer pays, while they can, and where they come back to. */
  readonly url: string | null
  readonly successUrl: string | null
  readonly cancelUrl: string | null
  /** In a Checkout: the attempt that it pays for, because the bank wanted the customer. */
  readonly paysFor: string | null
  /** Whether such a Checkout has paid for this attempt. */
  readonly paidByCustomer: boolean
  readonly chargedCents: number | null
  /** Refunds that are pending or have succeeded; of those, the ones whose operator left auto top-up on. */
  readonly refundedCents: number
  readonly keptCents: number
  /** What disputes have withdrawn and not reinstated, without fees. */
  readonly disputedCents: number
  /** What has been taken back for each (R13), and from where. */
  readonly refundTaken: Millicredits
  readonly disputeTaken: Millicredits
  readonly taken: readonly Taken[]
  readonly receiptUrl: string | null
  readonly request: RequestFields
  readonly idempotencyKey: string | null
  readonly createdAt: EpochMs
  /** When its Checkout page closes. */
  readonly expiresAt: EpochMs | null
  /** When Stripe charged, by Stripe's clock; the month it counts in (R14). */
  readonly chargedAt: EpochMs | null
  readonly paidAt: EpochMs | null
  readonly closedAt: EpochMs | null
}

/** What Stripe says of a payment, in our words. Read as a whole, never from an event. */
export interface PaymentFacts {
  readonly state: PurchaseState
  readonly failure: Failure | null
  readonly paymentIntent: string | null
  readonly url: string | null
  readonly chargedCents: number | null
  readonly chargedAt: EpochMs | null
  readonly receiptUrl: string | null
  readonly refundedCents: number
  readonly keptCents: number
  readonly disputedCents: number
}

/** The grant that a purchase becomes. */
export function grantIdOf(purchase: Pick<Purchase, 'id' | 'kind'>): string {
  return `${purchase.kind === 'checkout' ? 'purchase' : 'top_up'}:${purchase.id}`
}

/** A purchase as it starts: nothing is known of it but what was agreed. */
export function newPurchase(
  agreed: Pick<Purchase, 'id' | 'number' | 'kind' | 'pack' | 'credits' | 'priceCents'> & Partial<Purchase>,
  now: EpochMs,
): Purchase {
  return {
    state: 'open',
    stage: null,
    failure: null,
    customer: null,
    session: null,
    paymentIntent: null,
    card: null,
    url: null,
    successUrl: null,
    cancelUrl: null,
    paysFor: null,
    paidByCustomer: false,
    chargedCents: null,
    refundedCents: 0,
    keptCents: 0,
    disputedCents: 0,
    refundTaken: 0,
    disputeTaken: 0,
    taken: [],
    receiptUrl: null,
    request: {},
    idempotencyKey: null,
    expiresAt: null,
    chargedAt: null,
    paidAt: null,
    closedAt: null,
    ...agreed,
    createdAt: now,
  }
}
