/** SetupIntents: a card is agreed on for later, without a payment. */
import type { Stripe } from 'stripe'
import { AUTHENTICATION_REQUIRED } from './cards.ts'
import { type Desk, existing, livingCustomer, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { list } from './lists.ts'
import { declineError, declineOfKeeping, keepMethod, testCardOf, usableMethod } from './methods.ts'
import { METHOD_TYPES } from './payment-intents.ts'
import { Declined, type ErrorObject, missingParam, Refusal } from './refusal.ts'
import type { Requests } from './requests.ts'

export const setupIntentRoutes = {
  'POST /v1/setup_intents': create,
  'GET /v1/setup_intents': (desk, { customer, payment_method, ...params }) => {
    const matches = (setup: Stripe.SetupIntent) =>
      (customer === undefined || setup.customer === customer) &&
      (payment_method === undefined || setup.payment_method === payment_method)
    return list(desk, 'setup_intent', '/v1/setup_intents', params, matches)
  },
  'GET /v1/setup_intents/:id': (desk, _params, { id }) => existing(desk, 'setup_intent', id),
  'POST /v1/setup_intents/:id/confirm': (desk, { payment_method: given, return_url: returnUrl }, { id }) => {
    const setup = existing(desk, 'setup_intent', id)
    if (setup.status === 'succeeded' || setup.status === 'canceled') throw unexpectedState(setup, 'confirm')
    const method = given ?? (typeof setup.payment_method === 'string' ? setup.payment_method : undefined)
    if (method === undefined) throw missingParam('payment_method')
    return trySetup(desk, setup, { method: usableMethod(desk, method), returnUrl })
  },
  'POST /v1/setup_intents/:id/cancel': (desk, { cancellation_reason: reason = null }, { id }) => {
    const setup = existing(desk, 'setup_intent', id)
    if (setup.status === 'succeeded' || setup.status === 'canceled') throw unexpectedState(setup, 'cancel')
    const canceled: Stripe.SetupIntent = {
      ...setup,
      status: 'canceled',
      cancellation_reason: reason,
      next_action: null,
    }
    desk.books.put(canceled)
    desk.emit('setup_intent.canceled', canceled)
    return canceled
  },
} satisfies Routes

function create(desk: Desk, params: Requests['POST /v1/setup_intents']): object {
  const { customer, confirm = false, payment_method: methodId, allowed_payment_method_types: allowed = null } = params
  if (customer !== undefined) livingCustomer(desk, customer, 'customer')
  const method = methodId === undefined ? undefined : usableMethod(desk, methodId)
  const id = newId('seti')
  const automatic = params.automatic_payment_methods ?? { allow_redirects: 'always', enabled: true }
  const setup: Stripe.SetupIntent = {
    id,
    object: 'setup_intent',
    allowed_payment_method_types: allowed,
    application: null,
    automatic_payment_methods: allowed === null ? automatic : null,
    cancellation_reason: null,
    client_secret: `${id}_secret_${newId('x').slice(2)}`,
    created: seconds(desk),
    customer: customer ?? null,
    description: params.description ?? null,
    excluded_payment_method_types: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    mandate: null,
    metadata: mergeMetadata(null, params.metadata),
    next_action: null,
    on_behalf_of: null,
    payment_method: method?.id ?? null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: [...(allowed ?? METHOD_TYPES)],
    single_use_mandate: null,
    status: method === undefined ? 'requires_payment_method' : 'requires_confirmation',
    usage: params.usage ?? 'off_session',
  }
  desk.books.put(setup)
  desk.emit('setup_intent.created', setup)
  if (!confirm) return setup
  if (method === undefined) throw missingParam('payment_method')
  return trySetup(desk, setup, { method, returnUrl: params.return_url })
}

interface Try {
  readonly method: Stripe.PaymentMethod
  readonly returnUrl?: string | undefined
  readonly authenticated?: boolean
}

export function trySetup(desk: Desk, setup: Stripe.SetupIntent, attempt: Try): Stripe.SetupIntent | Declined {
  const { method, returnUrl, authenticated = false } = attempt
  const decline = declineOfKeeping(desk, method)
  if (decline !== undefined) return failSetup(desk, setup, method, decline)
  if (!authenticated && testCardOf(desk, method)?.authentication !== undefined) {
    const redirect = { return_url: returnUrl ?? null, url: `${desk.origin}/authenticate/${setup.id}` }
    const waiting: Stripe.SetupIntent = {
      ...setup,
      payment_method: method.id,
      status: 'requires_action',
      next_action:
        returnUrl === undefined
          ? { type: 'use_stripe_sdk', use_stripe_sdk: {} }
          : { type: 'redirect_to_url', redirect_to_url: redirect },
    }
    desk.books.put(waiting)
    desk.emit('setup_intent.requires_action', waiting)
    return waiting
  }
  if (typeof setup.customer === 'string') keepMethod(desk, method, setup.customer, 'setup')
  const done: Stripe.SetupIntent = {
    ...setup,
    payment_method: method.id,
    status: 'succeeded',
    last_setup_error: null,
    next_action: null,
  }
  desk.books.put(done)
  desk.emit('setup_intent.succeeded', done)
  return done
}

function failSetup(desk: Desk, setup: Stripe.SetupIntent, method: Stripe.PaymentMethod, error: ErrorObject): Declined {
  const failed: Stripe.SetupIntent = {
    ...setup,
    payment_method: null,
    status: 'requires_payment_method',
    last_setup_error: { ...error, payment_method: method },
    next_action: null,
  }
  desk.books.put(failed)
  desk.emit('setup_intent.setup_failed', failed)
  return new Declined({ ...error, setup_intent: failed, payment_method: method })
}

/** The customer did not prove who they are. */
export function failAuthentication(desk: Desk, setup: Stripe.SetupIntent, method: Stripe.PaymentMethod): Declined {
  return failSetup(desk, setup, method, {
    ...declineError(AUTHENTICATION_REQUIRED),
    code: 'setup_intent_authentication_failure',
  })
}

function unexpectedState(setup: Stripe.SetupIntent, verb: string): Refusal {
  return new Refusal(400, {
    type: 'invalid_request_error',
    code: 'setup_intent_unexpected_state',
    message: `You cannot ${verb} this SetupIntent because it has a status of ${setup.status}.`,
    setup_intent: setup,
  })
}
