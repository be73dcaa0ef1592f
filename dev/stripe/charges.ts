/** Charges: what was tried with a payment method, and what came of it. Only payments write them. */
import type { Stripe } from 'stripe'
import type { Decline } from './cards.ts'
import { type Desk, existing, idOf, newId, type Routes, seconds } from './desk.ts'
import { list } from './lists.ts'

export const chargeRoutes = {
  'GET /v1/charges': (desk, { customer, payment_intent, ...params }) => {
    const matches = (charge: Stripe.Charge) =>
      (customer === undefined || charge.customer === customer) &&
      (payment_intent === undefined || charge.payment_intent === payment_intent)
    return list(desk, 'charge', '/v1/charges', params, matches)
  },
  'GET /v1/charges/:id': (desk, _params, { id }) => existing(desk, 'charge', id),
} satisfies Routes

export type ChargeResult = 'succeeded' | 'authorized' | 'pending' | Decline

export function newCharge(
  desk: Desk,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  result: ChargeResult,
): Stripe.Charge {
  const id = newId('ch')
  const decline = typeof result === 'object' ? result : undefined
  const captured = result === 'succeeded'
  const charge: Stripe.Charge = {
    id,
    object: 'charge',
    amount: intent.amount,
    amount_captured: captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: 'DOUBLE',
    captured,
    created: seconds(desk),
    currency: intent.currency,
    customer: idOf(intent.customer),
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: outcomeOf(result),
    paid: result === 'succeeded' || result === 'authorized',
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: detailsOf(method, intent.amount),
    radar_options: {},
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: captured ? `${desk.origin}/receipts/${id}` : null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: decline !== undefined ? 'failed' : result === 'pending' ? 'pending' : 'succeeded',
    transfer_data: null,
    transfer_group: null,
  }
  desk.books.put(charge)
  return charge
}

function outcomeOf(result: ChargeResult): Stripe.Charge.Outcome {
  const declined = typeof result === 'object'
  return {
    advice_code: declined ? 'try_again_later' : null,
    network_advice_code: null,
    network_decline_code: declined ? '01' : null,
    network_status: declined ? 'declined_by_network' : 'approved_by_network',
    reason: declined ? result.declineCode : null,
    risk_level: 'normal',
    seller_message: declined ? 'The bank did not return any further details with this decline.' : 'Payment complete.',
    type: declined ? 'issuer_declined' : 'authorized',
  }
}

function detailsOf(method: Stripe.PaymentMethod, amount: number): Stripe.Charge.PaymentMethodDetails {
  const { card, sepa_debit: debit } = method
  if (card === undefined) {
    const { bank_code = null, branch_code = null, country = null, fingerprint = null, last4 = null } = debit ?? {}
    return {
      type: 'sepa_debit',
      sepa_debit: { bank_code, branch_code, country, fingerprint, last4, mandate: null },
    }
  }
  return {
    type: 'card',
    card: {
      amount_authorized: amount,
      authorization_code: null,
      brand: card.brand,
      checks: card.checks,
      country: card.country,
      electronic_commerce_indicator: null,
      exp_month: card.exp_month,
      exp_year: card.exp_year,
      fingerprint: card.fingerprint ?? null,
      funding: card.funding,
      installments: null,
      last4: card.last4,
      mandate: null,
      network: card.brand,
      network_transaction_id: null,
      regulated_status: card.regulated_status,
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  }
}
