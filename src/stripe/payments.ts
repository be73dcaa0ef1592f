/** Reads payments as they now are: the PaymentIntent, its charge, refunds and disputes (R12, R13). */
import type { Stripe } from 'stripe'
import type { EpochMs } from '../ledger/amounts.ts'
import type { Failure } from '../ledger/purchase.ts'
import { failureOf, type Told, told } from './told.ts'

/** A payment has few of either; Stripe itself allows no more than a page. */
const MAX_PER_PAYMENT = 100

export type PaymentStatus = 'unpaid' | 'unconfirmed' | 'needs_customer' | 'processing' | 'paid' | 'canceled'

export interface PaymentReading {
  readonly id: string
  readonly status: PaymentStatus
  readonly customer: string | null
  readonly failure: Failure | null
  /** `null` until it is paid. */
  readonly charge: {
    readonly cents: number
    readonly at: EpochMs
    readonly receiptUrl: string | null
    readonly disputedCents: number
    /** Pending or succeeded, the oldest first. */
    readonly refunds: readonly RefundReading[]
  } | null
}

export interface RefundReading {
  readonly id: string
  readonly cents: number
  /** The order of ours that it says to be; anybody can say so. */
  readonly order: string | null
}

export async function readPayment(stripe: Stripe, id: string): Promise<Told<PaymentReading>> {
  return told(read(stripe, id))
}

async function read(stripe: Stripe, id: string): Promise<PaymentReading> {
  const intent = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] })
  const { last_payment_error: error } = intent
  const charge = typeof intent.latest_charge === 'string' ? null : intent.latest_charge
  const isPaid = intent.status === 'succeeded'
  return {
    id: intent.id,
    status: STATUSES[intent.status] ?? 'unpaid',
    customer: idOf(intent.customer),
    failure: error === null ? null : failureOf(error),
    charge: isPaid && charge !== null ? await readCharge(stripe, intent, charge) : null,
  }
}

const STATUSES: Readonly<Record<string, PaymentStatus>> = {
  requires_payment_method: 'unpaid',
  requires_confirmation: 'unconfirmed',
  requires_action: 'needs_customer',
  requires_capture: 'processing',
  processing: 'processing',
  succeeded: 'paid',
  canceled: 'canceled',
}

/** Refunds and disputes are asked for only where the charge says that there are any: most payments have none. */
async function readCharge(stripe: Stripe, intent: Stripe.PaymentIntent, charge: Stripe.Charge) {
  const page = { payment_intent: intent.id, limit: MAX_PER_PAYMENT }
  const refunds = charge.amount_refunded > 0 ? (await stripe.refunds.list(page)).data : []
  const disputes = charge.disputed ? (await stripe.disputes.list(page)).data : []
  return {
    cents: intent.amount_received,
    at: charge.created * 1000,
    receiptUrl: charge.receipt_url,
    refunds: refunds
      .filter(({ status }) => status !== 'failed' && status !== 'canceled')
      .map(({ id, amount, metadata }) => ({ id, cents: amount, order: metadata?.['refund'] ?? null }))
      .reverse(),
    disputedCents: disputes.reduce((sum, dispute) => sum + withdrawnCents(dispute), 0),
  }
}

/**
 * What was withdrawn less what was reinstated; the fee is not the customer's. An inquiry has moved nothing. Moves are in
 * the currency that Stripe pays out; where that is another, each is of the whole dispute.
 */
function withdrawnCents({ balance_transactions: moves, amount: disputed, currency }: Stripe.Dispute): number {
  return moves.reduce(
    (sum, move) => sum - (move.currency === currency ? move.amount : Math.sign(move.amount) * disputed),
    0,
  )
}

/** A reference to another object: its id, whether or not it was expanded. */
export function idOf(reference: string | { readonly id: string } | null): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null)
}

/** Every paid charge of a customer, for the audit; no more than `limit`. */
export async function readCharges(stripe: Stripe, customer: string, limit: number): Promise<Told<ChargeLine[]>> {
  return told(
    stripe.charges
      .list({ customer, limit: MAX_PER_PAYMENT })
      .autoPagingToArray({ limit })
      .then((charges) => charges.filter(({ paid, captured }) => paid && captured).map(lineOf)),
  )
}

export interface ChargeLine {
  readonly payment: string
  /** Which of our purchases it says to be for. */
  readonly purchase: string | null
  readonly cents: number
  readonly refundedCents: number
  readonly disputed: boolean
}

function lineOf({ id, payment_intent, metadata, ...charge }: Stripe.Charge): ChargeLine {
  return {
    payment: idOf(payment_intent) ?? id,
    purchase: metadata['purchase'] ?? null,
    cents: charge.amount_captured,
    refundedCents: charge.amount_refunded,
    disputed: charge.disputed,
  }
}
