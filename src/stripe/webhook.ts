/**
 * Webhooks: whether Stripe sent it, and whom it concerns. An event is a hint to read Stripe again, so nothing else is
 * believed of it (R12).
 */
import { Stripe } from 'stripe'
import { idOf } from './payments.ts'
import { type Told, told } from './told.ts'

/**
 * What the endpoint subscribes to: everything that can change a payment, a kept card or the customer. No more than 20,
 * which is as many types as Stripe lists events of at once.
 */
export const WEBHOOK_EVENTS = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'payment_method.attached',
  'payment_method.detached',
  'payment_method.updated',
  'payment_method.automatically_updated',
  'customer.deleted',
] as const satisfies readonly Stripe.Event['type'][]

/** For folders that pass an event on and look at nothing in it but its id. */
export type StripeEvent = Stripe.Event

/** How old a signature may be, and how far ahead of us Stripe's clock: beyond, it is a replay or a forgery. */
const TOLERANCE_SECONDS = 300

export type Verified =
  | { readonly ok: true; readonly event: Stripe.Event }
  | { readonly ok: false; readonly why: string }

/** `secrets` are never empty. The SDK refuses what is too old; a time in the future, it would take. */
export async function verifyEvent(
  stripe: Stripe,
  body: string,
  signature: string,
  secrets: readonly string[],
  nowMs: number,
): Promise<Verified> {
  const times = [...signature.matchAll(/(?:^|,)t=([^,]*)/g)].map(([, time]) => Number(time))
  if (times.length === 0 || !times.every((time) => time <= nowMs / 1000 + TOLERANCE_SECONDS))
    return { ok: false, why: 'The signature has no time, or one to come.' }
  for (const secret of secrets) {
    try {
      const event = await stripe.webhooks.constructEventAsync(
        body,
        signature,
        secret,
        TOLERANCE_SECONDS,
        undefined,
        nowMs,
      )
      return isEvent(event) ? { ok: true, event } : { ok: false, why: 'The body is no event.' }
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) {
        return { ok: false, why: 'The body is no event.' }
      }
    }
  }
  return { ok: false, why: 'The signature is not one of ours, or too old.' }
}

/** JSON may be anything, whoever signed it. */
function isEvent(body: Partial<Stripe.Event> | null): boolean {
  return typeof body === 'object' && body !== null && typeof body.id === 'string' && typeof body.livemode === 'boolean'
}

/** Whom an event concerns. Ids only; the account acts on those that it wrote down itself. */
export interface Concern {
  readonly account: string
  readonly about: 'payment' | 'cards'
  readonly purchase: string | null
  readonly session: string | null
  readonly payment: string | null
  readonly customer: string | null
}

/** `null` for an event that is none of ours. Refunds, disputes and cards do not name the account; then Stripe is asked. */
export async function concernOf(stripe: Stripe, event: Stripe.Event): Promise<Told<Concern | null>> {
  return told(find(stripe, event))
}

async function find(stripe: Stripe, event: Stripe.Event): Promise<Concern | null> {
  switch (event.type) {
    case 'checkout.session.completed':
    case 'checkout.session.async_payment_succeeded':
    case 'checkout.session.async_payment_failed':
    case 'checkout.session.expired': {
      const { id, metadata, payment_intent, customer } = event.data.object
      return payment(metadata, { session: id, payment: idOf(payment_intent), customer: idOf(customer) })
    }
    case 'payment_intent.succeeded':
    case 'payment_intent.payment_failed':
    case 'payment_intent.canceled': {
      const { id, metadata, customer } = event.data.object
      return payment(metadata, { payment: id, customer: idOf(customer) })
    }
    case 'refund.created':
    case 'refund.updated':
    case 'refund.failed':
    case 'charge.dispute.created':
    case 'charge.dispute.updated':
    case 'charge.dispute.closed':
    case 'charge.dispute.funds_withdrawn':
    case 'charge.dispute.funds_reinstated': {
      const id = idOf(event.data.object.payment_intent)
      if (id === null) return null
      const { metadata, customer } = await stripe.paymentIntents.retrieve(id)
      return payment(metadata, { payment: id, customer: idOf(customer) })
    }
    case 'payment_method.attached':
    case 'payment_method.detached':
    case 'payment_method.updated':
    case 'payment_method.automatically_updated': {
      const before = event.data.previous_attributes as { customer?: unknown } | undefined
      const customer = idOf(event.data.object.customer) ?? before?.customer
      if (typeof customer !== 'string') return null
      const found = await stripe.customers.retrieve(customer)
      return found.deleted ? null : cards(found.metadata, customer)
    }
    case 'customer.deleted':
      return cards(event.data.object.metadata, event.data.object.id)
    default:
      return null
  }
}

function payment(
  metadata: Stripe.Metadata | null,
  ids: { readonly session?: string; readonly payment: string | null; readonly customer: string | null },
): Concern | null {
  const account = metadata?.['account']
  if (account === undefined) return null
  return { account, about: 'payment', purchase: metadata?.['purchase'] ?? null, session: null, ...ids }
}

function cards(metadata: Stripe.Metadata, customer: string): Concern | null {
  const account = metadata['account']
  if (account === undefined) return null
  return { account, about: 'cards', purchase: null, session: null, payment: null, customer }
}
