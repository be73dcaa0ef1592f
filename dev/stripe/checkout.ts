/** Checkout sessions in payment mode: open until they are paid, or until they expire by the double's clock. */
import type { Stripe } from 'stripe'
import { lineItem } from './catalog.ts'
import { type Desk, existing, livingCustomer, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { list, page } from './lists.ts'
import { usableMethod } from './methods.ts'
import { METHOD_TYPES } from './payment-intents.ts'
import { Declined, invalid, missingParam } from './refusal.ts'
import type { Requests } from './requests.ts'
import { expireSession, paySession } from './session-payment.ts'

const HOUR_SECONDS = 60 * 60

const MAX_OPEN_SECONDS = 24 * HOUR_SECONDS

const MIN_OPEN_SECONDS = HOUR_SECONDS / 2

const MAX_REFERENCE_LENGTH = 200

const MAX_LINE_ITEMS = 100

export const checkoutRoutes = {
  'POST /v1/checkout/sessions': create,
  'GET /v1/checkout/sessions': (desk, { customer, payment_intent, status, ...params }) => {
    const matches = (session: Stripe.Checkout.Session) =>
      (customer === undefined || session.customer === customer) &&
      (payment_intent === undefined || session.payment_intent === payment_intent) &&
      (status === undefined || session.status === status)
    return list(desk, 'checkout.session', '/v1/checkout/sessions', params, matches)
  },
  'GET /v1/checkout/sessions/:id': (desk, _params, { id }) => existing(desk, 'checkout.session', id),
  'POST /v1/checkout/sessions/:id/expire': (desk, _params, { id }) => {
    const session = existing(desk, 'checkout.session', id)
    if (session.status !== 'open') {
      throw invalid('Only Checkout Sessions with a status in ["open"] can be expired.')
    }
    return expireSession(desk, session)
  },
  'GET /v1/checkout/sessions/:id/line_items': (desk, params, { id }) => {
    existing(desk, 'checkout.session', id)
    return page(desk.books.note('session', id)?.items ?? [], `/v1/checkout/sessions/${id}/line_items`, params)
  },
  'GET /v1/payment_pages/:id': (desk, _params, { id }) => existing(desk, 'checkout.session', id),
  'POST /v1/payment_pages/:id/confirm': (desk, { payment_method: method, expected_amount: amount }, { id }) => {
    const session = existing(desk, 'checkout.session', id)
    if (amount !== session.amount_total) throw invalid('The amount has changed.', undefined, 'expected_amount')
    const outcome = paySession(desk, session, { method: usableMethod(desk, method), offSession: false })
    return outcome instanceof Declined ? outcome : existing(desk, 'checkout.session', id)
  },
} satisfies Routes

type Create = Requests['POST /v1/checkout/sessions']

function create(desk: Desk, params: Create): Stripe.Checkout.Session {
  check(desk, params)
  const {
    line_items: given = [],
    payment_intent_data: data = {},
    allowed_payment_method_types: allowed = null,
  } = params
  const items = given.map((item, index) => lineItem(desk, item, index))
  const currency = items[0]?.currency ?? 'usd'
  if (items.some((item) => item.currency !== currency)) throw invalid('All line items must use the same currency.')
  const total = items.reduce((sum, item) => sum + item.amount_total, 0)
  const id = newId('cs_test')
  const session: Stripe.Checkout.Session = {
    id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: params.adaptive_pricing?.enabled ?? false },
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: allowed,
    amount_subtotal: total,
    amount_total: total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: seconds(desk),
    currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: params.customer ?? null,
    customer_account: null,
    customer_creation: params.customer === undefined ? 'if_required' : null,
    customer_details: null,
    customer_email: params.customer_email ?? null,
    discounts: [],
    expires_at: params.expires_at ?? seconds(desk) + MAX_OPEN_SECONDS,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode: false,
    locale: params.locale ?? null,
    managed_payments: null,
    metadata: mergeMetadata(null, params.metadata),
    mode: 'payment',
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: 'if_required',
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: [...(allowed ?? METHOD_TYPES)],
    payment_status: 'unpaid',
    permissions: null,
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: params.submit_type ?? null,
    subscription: null,
    success_url: params.success_url ?? null,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${desk.origin}/c/pay/${id}`,
    wallet_options: null,
  }
  desk.books.put(session)
  desk.books.putNote('session', id, { items, data })
  return session
}

function check(desk: Desk, params: Create): void {
  const { mode = 'payment', ui_mode: ui = 'hosted_page', line_items: items = [], customer } = params
  if (mode !== 'payment' || ui !== 'hosted_page') {
    throw invalid(
      'The double has hosted pages in payment mode only.',
      undefined,
      mode === 'payment' ? 'ui_mode' : 'mode',
    )
  }
  if (items.length === 0) throw missingParam('line_items')
  if (items.length > MAX_LINE_ITEMS) throw invalid(`A session has up to ${MAX_LINE_ITEMS} line items.`)
  if (params.success_url === undefined) throw missingParam('success_url')
  for (const name of ['success_url', 'cancel_url'] as const) {
    const url = params[name]
    if (url !== undefined && !/^https?:\/\/./.test(url)) throw invalid('Not a valid URL', 'url_invalid', name)
  }
  if ((params.client_reference_id ?? '').length > MAX_REFERENCE_LENGTH) {
    throw invalid(`Up to ${MAX_REFERENCE_LENGTH} characters.`, undefined, 'client_reference_id')
  }
  if (customer !== undefined) livingCustomer(desk, customer, 'customer')
  if (customer !== undefined && params.customer_email !== undefined) {
    throw invalid('You may only specify one of these parameters: customer, customer_email.', 'parameters_exclusive')
  }
  const openFor = (params.expires_at ?? seconds(desk) + MAX_OPEN_SECONDS) - seconds(desk)
  if (openFor < MIN_OPEN_SECONDS || openFor > MAX_OPEN_SECONDS) {
    throw invalid('The `expires_at` timestamp must be 30 minutes to 24 hours from now.', undefined, 'expires_at')
  }
}
