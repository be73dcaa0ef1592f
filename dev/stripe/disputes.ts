/** Disputes and the inquiries that may come before them. Only a dispute moves money; an inquiry never does. */
import type { Stripe } from 'stripe'
import { type Desk, existing, idOf, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { changes } from './events.ts'
import { list } from './lists.ts'
import { invalid } from './refusal.ts'
import type { Requests } from './requests.ts'

const FEE_CENTS = 1_500
const DAYS_TO_ANSWER = 9
const DAY_SECONDS = 24 * 60 * 60
const OPEN: readonly string[] = ['needs_response', 'under_review', 'warning_needs_response', 'warning_under_review']
const INQUIRY_MAY_BECOME: readonly string[] = ['warning_under_review', 'warning_closed', 'needs_response']
const DISPUTE_MAY_BECOME: readonly string[] = ['under_review', 'won', 'lost']

export const disputeRoutes = {
  'GET /v1/disputes': (desk, { charge, payment_intent, ...params }) => {
    const matches = (dispute: Stripe.Dispute) =>
      (charge === undefined || dispute.charge === charge) &&
      (payment_intent === undefined || dispute.payment_intent === payment_intent)
    return list(desk, 'dispute', '/v1/disputes', params, matches)
  },
  'GET /v1/disputes/:id': (desk, _params, { id }) => existing(desk, 'dispute', id),
  'POST /v1/disputes/:id': answer,
  'POST /v1/disputes/:id/close': (desk, _params, { id }) => {
    const dispute = existing(desk, 'dispute', id)
    return moveDispute(desk, dispute, isInquiry(dispute) ? 'warning_closed' : 'lost')
  },
} satisfies Routes

export interface DisputeOptions {
  readonly reason?: string | undefined
  readonly inquiry?: boolean | undefined
  readonly amount?: number | undefined
}

export function openDispute(desk: Desk, charge: Stripe.Charge, options: DisputeOptions): Stripe.Dispute {
  const { reason = 'fraudulent', inquiry = false, amount = charge.amount } = options
  if (!charge.captured || charge.disputed) throw invalid('This charge cannot be disputed.', 'charge_disputed')
  if (amount < 1 || amount > charge.amount) throw invalid('A dispute is for the amount charged, or less.')
  const dispute: Stripe.Dispute = {
    id: newId('du'),
    object: 'dispute',
    amount,
    balance_transactions: [],
    charge: charge.id,
    created: seconds(desk),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: NO_EVIDENCE,
    evidence_details: {
      due_by: seconds(desk) + DAYS_TO_ANSWER * DAY_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: inquiry,
    livemode: false,
    metadata: {},
    payment_intent: idOf(charge.payment_intent),
    reason,
    status: inquiry ? 'warning_needs_response' : 'needs_response',
  }
  desk.books.put({ ...charge, disputed: true })
  desk.books.put(dispute)
  desk.emit('charge.dispute.created', dispute)
  return inquiry ? dispute : moveMoney(desk, dispute, 'withdrawn')
}

/** The next state, and the money that moves with it. */
export function moveDispute(desk: Desk, dispute: Stripe.Dispute, status: string): Stripe.Dispute {
  const allowed = isInquiry(dispute) ? INQUIRY_MAY_BECOME : DISPUTE_MAY_BECOME
  if (!OPEN.includes(dispute.status) || !allowed.includes(status)) {
    throw invalid(`A dispute that is ${dispute.status} cannot become ${status}.`, 'status_transition_invalid')
  }
  const moved: Stripe.Dispute = { ...dispute, status }
  desk.books.put(moved)
  if (status === 'needs_response') {
    desk.emit('charge.dispute.updated', moved, { status: dispute.status })
    return moveMoney(desk, moved, 'withdrawn')
  }
  if (OPEN.includes(status)) {
    desk.emit('charge.dispute.updated', moved, { status: dispute.status })
    return moved
  }
  desk.emit('charge.dispute.closed', moved)
  return status === 'won' ? moveMoney(desk, moved, 'reinstated') : moved
}

function moveMoney(desk: Desk, dispute: Stripe.Dispute, which: 'withdrawn' | 'reinstated'): Stripe.Dispute {
  const sign = which === 'withdrawn' ? -1 : 1
  const fee = which === 'withdrawn' ? FEE_CENTS : 0
  const transaction: Stripe.BalanceTransaction = {
    id: newId('txn'),
    object: 'balance_transaction',
    amount: sign * dispute.amount,
    available_on: seconds(desk),
    balance_type: 'payments',
    created: seconds(desk),
    currency: dispute.currency,
    description: `Chargeback ${which} for ${dispute.charge}`,
    exchange_rate: null,
    fee,
    fee_details:
      fee === 0
        ? []
        : [
            {
              amount: fee,
              application: null,
              currency: dispute.currency,
              description: 'Dispute fee',
              type: 'stripe_fee',
            },
          ],
    net: sign * dispute.amount - fee,
    reporting_category: which === 'withdrawn' ? 'dispute' : 'dispute_reversal',
    source: dispute.id,
    status: 'available',
    type: 'adjustment',
  }
  const moved: Stripe.Dispute = {
    ...dispute,
    balance_transactions: [...dispute.balance_transactions, transaction],
    is_charge_refundable: false,
  }
  desk.books.put(moved)
  desk.emit(which === 'withdrawn' ? 'charge.dispute.funds_withdrawn' : 'charge.dispute.funds_reinstated', moved)
  return moved
}

/** Stripe's magic evidence decides a test dispute at once. */
function answer(desk: Desk, params: Requests['POST /v1/disputes/:id'], { id }: { readonly id: string }) {
  const before = existing(desk, 'dispute', id)
  const { evidence, metadata, submit = evidence !== undefined } = params
  const text = evidence?.uncategorized_text ?? before.evidence.uncategorized_text
  const { evidence_details: details } = before
  const after: Stripe.Dispute = {
    ...before,
    metadata: mergeMetadata(before.metadata, metadata),
    evidence: { ...before.evidence, uncategorized_text: text },
    evidence_details: {
      ...details,
      has_evidence: text !== null,
      submission_count: details.submission_count + (submit ? 1 : 0),
    },
  }
  desk.books.put(after)
  desk.emit('charge.dispute.updated', after, changes(before, after))
  if (!submit) return after
  if (text === 'winning_evidence') return moveDispute(desk, after, isInquiry(after) ? 'warning_closed' : 'won')
  if (text === 'losing_evidence') return moveDispute(desk, after, isInquiry(after) ? 'needs_response' : 'lost')
  return moveDispute(desk, after, isInquiry(after) ? 'warning_under_review' : 'under_review')
}

function isInquiry(dispute: Stripe.Dispute): boolean {
  return dispute.status.startsWith('warning_')
}

const NO_EVIDENCE: Stripe.Dispute.Evidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
}
