/** Reports what was read of a payment to the ledger, in its words: the one way by which money becomes credits. */
import type { PaymentFacts, Purchase } from '../ledger/purchase.ts'
import type { PaymentReading } from '../stripe/payments.ts'
import type { Cashier } from './cashier.ts'

/** The purchase as it is after the reading. Throws if it is not a payment of this purchase. */
export async function reportReading(cashier: Cashier, purchase: Purchase, reading: PaymentReading): Promise<Purchase> {
  // Somebody else's payment under our purchase's name would be one that we did not write down.
  if (reading.customer !== purchase.customer) {
    throw new Error(`payment ${reading.id} is of another customer than purchase ${purchase.id}`)
  }
  const { id } = purchase
  return cashier.write((now) => {
    const kept = (reading.charge?.refunds ?? []).filter((each) => cashier.refunds.recognise(each, id)?.keepsAutoTopUp)
    const decision = cashier.decide(
      { op: 'report_payment', id, facts: factsOf(reading, purchase.failure, sum(kept)) },
      now,
    )
    if (!decision.ok || decision.purchase === null) throw new Error(`the payment of ${id} could not be reported`)
    // A card that the customer wanted kept is there now.
    const isNew = purchase.state !== 'paid' && decision.purchase.state === 'paid'
    if (isNew && purchase.request['save_card'] === true) cashier.inbox.ask('cards', now)
    return decision.purchase
  })
}

function factsOf(reading: PaymentReading, known: Purchase['failure'], keptCents: number): PaymentFacts {
  const { charge, failure, id } = reading
  const state = charge !== null ? 'paid' : (STATES[reading.status] ?? 'open')
  if (charge === null) {
    // Cancelled at Stripe by somebody else: like a bank's no, it is not asked again at once.
    const why = reading.status === 'canceled' ? (failure ?? known ?? CANCELED_AT_STRIPE) : failure
    return { ...NOTHING_PAID, state, failure: why, paymentIntent: id, url: null }
  }
  return {
    state,
    failure: null,
    paymentIntent: id,
    url: null,
    chargedCents: charge.cents,
    chargedAt: charge.at,
    receiptUrl: charge.receiptUrl,
    refundedCents: sum(charge.refunds),
    keptCents,
    disputedCents: charge.disputedCents,
  }
}

/** Of a Checkout session that is complete, or of an attempt, whose PaymentIntent is not paid. */
const STATES: Readonly<Record<string, PaymentFacts['state']>> = {
  processing: 'processing',
  // A voucher to be paid, a transfer to be confirmed: the customer is done with our page, and has days for the rest.
  needs_customer: 'processing',
  unpaid: 'failed',
  canceled: 'failed',
}

const CANCELED_AT_STRIPE = { kind: 'declined', code: 'canceled_at_stripe' } as const

export const NOTHING_PAID = {
  failure: null,
  paymentIntent: null,
  url: null,
  chargedCents: null,
  chargedAt: null,
  receiptUrl: null,
  refundedCents: 0,
  keptCents: 0,
  disputedCents: 0,
} as const

function sum(refunds: readonly { readonly cents: number }[]): number {
  return refunds.reduce((total, { cents }) => total + cents, 0)
}
