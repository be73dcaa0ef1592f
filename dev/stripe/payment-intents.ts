/** PaymentIntents: created unconfirmed or confirmed, confirmed by id, cancelled by id. */
import type { Stripe } from 'stripe'
import { type Desk, existing, livingCustomer, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { list } from './lists.ts'
import { addressOf, usableMethod } from './methods.ts'
import { cancelPayment, capturePayment, unexpectedState } from './outcomes.ts'
import { tryPayment } from './payment.ts'
import { type Declined, invalid, type Refusal } from './refusal.ts'
import type { Requests } from './requests.ts'

const MIN_AMOUNT_CENTS = 50
const MAX_AMOUNT_CENTS = 99_999_999
/** What this account would offer by itself. */
export const METHOD_TYPES: readonly string[] = ['card', 'sepa_debit']

export const paymentIntentRoutes = {
  'POST /v1/payment_intents': create,
  'GET /v1/payment_intents': (desk, { customer, ...params }) => {
    const matches = (intent: Stripe.PaymentIntent) => customer === undefined || intent.customer === customer
    return list(desk, 'payment_intent', '/v1/payment_intents', params, matches)
  },
  'GET /v1/payment_intents/:id': (desk, _params, { id }) => existing(desk, 'payment_intent', id),
  'POST /v1/payment_intents/:id': update,
  'POST /v1/payment_intents/:id/confirm': confirm,
  'POST /v1/payment_intents/:id/cancel': (desk, { cancellation_reason: reason = null }, { id }) =>
    cancelPayment(desk, existing(desk, 'payment_intent', id), reason),
  'POST /v1/payment_intents/:id/capture': (desk, _params, { id }) => {
    const intent = existing(desk, 'payment_intent', id)
    if (intent.status !== 'requires_capture') throw unexpectedState(intent, 'capture')
    return capturePayment(desk, intent)
  },
} satisfies Routes

type Create = Requests['POST /v1/payment_intents']

function create(desk: Desk, params: Create): object | Declined {
  const { customer, confirm: atOnce = false, payment_method: methodId, off_session: offSession } = params
  checkAmount(params.amount)
  if (offSession !== undefined && !atOnce) {
    throw invalid('`off_session` can be passed only with `confirm=true`.', undefined, 'off_session')
  }
  if (customer !== undefined) livingCustomer(desk, customer, 'customer')
  const method = methodId === undefined ? undefined : usableMethod(desk, methodId)
  const intent = newIntent(desk, params, method?.id ?? null)
  if (method?.customer && method.customer !== intent.customer) {
    throw invalid('The provided PaymentMethod belongs to another Customer.', undefined, 'payment_method')
  }
  if (!atOnce) return intent
  if (method === undefined) throw missingPaymentMethod()
  return tryPayment(desk, intent, {
    method,
    offSession: Boolean(offSession),
    returnUrl: params.return_url,
    failInsteadOfAction: params.error_on_requires_action ?? false,
  })
}

export function newIntent(desk: Desk, params: Create, method: string | null): Stripe.PaymentIntent {
  const { allowed_payment_method_types: allowed = null, automatic_payment_methods: automatic, shipping } = params
  const id = newId('pi')
  const intent: Stripe.PaymentIntent = {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: allowed,
    amount: params.amount,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: allowed === null ? (automatic ?? { allow_redirects: 'always', enabled: true }) : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: params.capture_method ?? 'automatic_async',
    client_secret: `${id}_secret_${newId('x').slice(2)}`,
    confirmation_method: params.confirmation_method ?? 'automatic',
    created: seconds(desk),
    currency: params.currency.toLowerCase(),
    customer: params.customer ?? null,
    customer_account: null,
    description: params.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: mergeMetadata(null, params.metadata),
    next_action: null,
    on_behalf_of: null,
    payment_method: method,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: [...(allowed ?? METHOD_TYPES)],
    payment_record: null,
    processing: null,
    receipt_email: params.receipt_email ?? null,
    review: null,
    setup_future_usage: params.setup_future_usage ?? null,
    shipping: shipping === undefined ? null : shippingOf(shipping),
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: params.statement_descriptor_suffix ?? null,
    status: method === null ? 'requires_payment_method' : 'requires_confirmation',
    transfer_group: null,
  }
  desk.books.put(intent)
  desk.emit('payment_intent.created', intent)
  return intent
}

function shippingOf(given: NonNullable<Create['shipping']>): Stripe.PaymentIntent.Shipping {
  const address = addressOf(given.address)
  const { carrier = null, name, phone = null, tracking_number = null } = given
  return { ...(address === null ? {} : { address }), carrier, name, phone, tracking_number }
}

function confirm(
  desk: Desk,
  params: Requests['POST /v1/payment_intents/:id/confirm'],
  { id }: { readonly id: string },
): object | Declined {
  const intent = existing(desk, 'payment_intent', id)
  const { payment_method: given, off_session: offSession = false, setup_future_usage: usage } = params
  if (!['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(intent.status)) {
    throw unexpectedState(intent, 'confirm')
  }
  const methodId = given ?? (typeof intent.payment_method === 'string' ? intent.payment_method : undefined)
  if (methodId === undefined) throw missingPaymentMethod()
  const kept = usage === undefined ? intent : { ...intent, setup_future_usage: usage || null }
  return tryPayment(desk, kept, {
    method: usableMethod(desk, methodId),
    offSession: Boolean(offSession),
    returnUrl: params.return_url,
    failInsteadOfAction: params.error_on_requires_action ?? false,
  })
}

function update(
  desk: Desk,
  params: Requests['POST /v1/payment_intents/:id'],
  { id }: { readonly id: string },
): Stripe.PaymentIntent {
  const before = existing(desk, 'payment_intent', id)
  if (before.status === 'succeeded' || before.status === 'canceled') {
    if (Object.keys(params).some((name) => !['description', 'expand', 'metadata'].includes(name))) {
      throw unexpectedState(before, 'update')
    }
  }
  const { amount, description, metadata, payment_method: method, setup_future_usage: usage } = params
  if (amount !== undefined) checkAmount(amount)
  const after: Stripe.PaymentIntent = {
    ...before,
    ...(amount === undefined ? {} : { amount }),
    ...(description === undefined ? {} : { description }),
    ...(usage === undefined ? {} : { setup_future_usage: usage || null }),
    ...(method === undefined
      ? {}
      : { payment_method: usableMethod(desk, method).id, status: 'requires_confirmation' as const }),
    metadata: mergeMetadata(before.metadata, metadata || undefined),
  }
  desk.books.put(after)
  return after
}

function checkAmount(amount: number): void {
  if (amount < MIN_AMOUNT_CENTS) {
    throw invalid('Amount must be at least $0.50 usd', 'amount_too_small', 'amount')
  }
  if (amount > MAX_AMOUNT_CENTS) throw invalid('Amount must be no more than $999,999.99', 'amount_too_large', 'amount')
}

function missingPaymentMethod(): Refusal {
  const message = 'You cannot confirm this PaymentIntent because it is missing a payment method.'
  return invalid(message, 'payment_intent_unexpected_state', 'payment_method')
}
