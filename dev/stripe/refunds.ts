/** Refunds: they may stay pending, and may fail after they succeeded; then the charge counts less as refunded. */
import type { Stripe } from 'stripe'
import { type Desk, existing, idOf, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { changes } from './events.ts'
import { list } from './lists.ts'
import { testCardOf } from './methods.ts'
import { invalid, missingParam } from './refusal.ts'
import type { Requests } from './requests.ts'

export const refundRoutes = {
  'POST /v1/refunds': create,
  'GET /v1/refunds': (desk, { charge, payment_intent, ...params }) => {
    const matches = (refund: Stripe.Refund) =>
      (charge === undefined || refund.charge === charge) &&
      (payment_intent === undefined || refund.payment_intent === payment_intent)
    return list(desk, 'refund', '/v1/refunds', params, matches)
  },
  'GET /v1/refunds/:id': (desk, _params, { id }) => existing(desk, 'refund', id),
  'POST /v1/refunds/:id': (desk, { metadata }, { id }) => {
    const before = existing(desk, 'refund', id)
    const after: Stripe.Refund = { ...before, metadata: mergeMetadata(before.metadata, metadata) }
    tell(desk, before, after)
    return after
  },
} satisfies Routes

function create(desk: Desk, params: Requests['POST /v1/refunds']): Stripe.Refund {
  const charge = chargeToRefund(desk, params)
  const open = charge.amount_captured - charge.amount_refunded
  if (open === 0) throw invalid(`Charge ${charge.id} has already been refunded.`, 'charge_already_refunded')
  const { amount = open, reason = null } = params
  if (amount < 1) throw invalid('Invalid positive integer', 'parameter_invalid_integer', 'amount')
  if (amount > open) {
    throw invalid(
      `Refund amount (${dollars(amount)}) is greater than unrefunded amount on charge (${dollars(open)})`,
      undefined,
      'amount',
    )
  }
  const method = charge.payment_method === null ? undefined : desk.books.get('payment_method', charge.payment_method)
  const pending = method !== undefined && testCardOf(desk, method)?.refund === 'pending'
  const refund: Stripe.Refund = {
    id: newId('re'),
    object: 'refund',
    amount,
    balance_transaction: null,
    charge: charge.id,
    created: seconds(desk),
    currency: charge.currency,
    customer: idOf(charge.customer),
    customer_account: null,
    ...(pending ? { pending_reason: 'processing' as const } : {}),
    metadata: mergeMetadata(null, params.metadata),
    payment_intent: idOf(charge.payment_intent),
    payment_method: charge.payment_method,
    reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: pending ? 'pending' : 'succeeded',
    transfer_reversal: null,
  }
  desk.books.put(refund)
  const refunded = countRefunded(desk, charge, amount)
  desk.emit('refund.created', refund)
  desk.emit('charge.refunded', refunded, changes(charge, refunded))
  return refund
}

/** What the bank made of it: `succeeded` after pending, or `failed` after either. */
export function moveRefund(desk: Desk, refund: Stripe.Refund, status: string): Stripe.Refund {
  const may = refund.status === 'pending' ? ['succeeded', 'failed'] : refund.status === 'succeeded' ? ['failed'] : []
  if (!may.includes(status)) {
    throw invalid(`A refund that is ${refund.status} cannot become ${status}.`, 'status_transition_invalid')
  }
  const { pending_reason: _, ...settled } = refund
  const failed = status === 'failed'
  const after: Stripe.Refund = { ...settled, status, ...(failed ? { failure_reason: 'expired_or_canceled_card' } : {}) }
  if (failed) countRefunded(desk, existing(desk, 'charge', idOf(refund.charge) ?? ''), -refund.amount)
  tell(desk, refund, after)
  if (failed) desk.emit('refund.failed', after)
  return after
}

/** Stripe tells each change twice, under the old name and the new. */
function tell(desk: Desk, before: Stripe.Refund, after: Stripe.Refund): void {
  desk.books.put(after)
  desk.emit('refund.updated', after, changes(before, after))
  desk.emit('charge.refund.updated', after, changes(before, after))
}

function countRefunded(desk: Desk, charge: Stripe.Charge, amount: number): Stripe.Charge {
  const total = charge.amount_refunded + amount
  const after: Stripe.Charge = { ...charge, amount_refunded: total, refunded: total === charge.amount_captured }
  desk.books.put(after)
  return after
}

function chargeToRefund(desk: Desk, params: Requests['POST /v1/refunds']): Stripe.Charge {
  const { charge: chargeId, payment_intent: intentId } = params
  if (intentId === undefined && chargeId === undefined) throw missingParam('payment_intent')
  const intent = intentId === undefined ? undefined : existing(desk, 'payment_intent', intentId, 'payment_intent')
  const latest = chargeId ?? idOf(intent?.latest_charge ?? null)
  const charge = latest === null ? undefined : existing(desk, 'charge', latest, 'charge')
  if (charge === undefined || !charge.paid || !charge.captured) {
    throw invalid('This PaymentIntent does not have a successful charge to refund.', 'charge_not_refundable')
  }
  // After an inquiry money can still be given back; after a dispute the bank has taken it.
  const disputes = [...desk.books.newestFirst('dispute')].filter((dispute) => dispute.charge === charge.id)
  if (disputes.some(({ status, is_charge_refundable: ok }) => !ok && status !== 'won')) {
    throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, 'charge_disputed')
  }
  return charge
}

function dollars(cents: number): string {
  return `$${(cents / 100).toFixed(2)}`
}
