/** Checkout: the page of Stripe's where a customer pays. */
import type { Stripe } from 'stripe'
import type { Purchase } from '../ledger/purchase.ts'
import { idOf } from './payments.ts'
import { type Told, told } from './told.ts'

export interface CheckoutOrder {
  readonly account: string
  readonly customer: string
  readonly purchase: Pick<Purchase, 'id' | 'priceCents' | 'expiresAt' | 'successUrl' | 'cancelUrl'>
  /** What the customer reads that they buy. */
  readonly description: string
  /** Whether they agreed that the card is kept, to be charged without them. */
  readonly savesCard: boolean
}

export interface SessionReading {
  readonly id: string
  readonly status: (typeof SESSION_STATUSES)[number]
  readonly payment: string | null
  readonly url: string | null
}

/** Safe to repeat: the same purchase of the same customer has the same session. */
export function createSession(stripe: Stripe, order: CheckoutOrder): Promise<Told<SessionReading>> {
  const { account, customer, purchase, description, savesCard } = order
  const metadata = { account, purchase: purchase.id }
  const params: Stripe.Checkout.SessionCreateParams = {
    mode: 'payment',
    customer,
    client_reference_id: purchase.id,
    metadata,
    line_items: [
      {
        quantity: 1,
        price_data: { currency: 'usd', unit_amount: purchase.priceCents, product_data: { name: description } },
      },
    ],
    payment_intent_data: {
      metadata,
      description,
      ...(savesCard ? { setup_future_usage: 'off_session' } : {}),
    },
    // Only a card can be charged later without asking; whoever just pays may pay as the operator allows.
    ...(savesCard ? { allowed_payment_method_types: ['card'] } : {}),
    // What is charged is the price that we wrote down, in its currency.
    adaptive_pricing: { enabled: false },
    ...(purchase.successUrl === null ? {} : { success_url: purchase.successUrl }),
    ...(purchase.cancelUrl === null ? {} : { cancel_url: purchase.cancelUrl }),
    ...(purchase.expiresAt === null ? {} : { expires_at: Math.floor(purchase.expiresAt / 1000) }),
  }
  const idempotencyKey = `${account}:${purchase.id}:session:${customer}`
  return told(stripe.checkout.sessions.create(params, { idempotencyKey }).then(readingOf))
}

export function readSession(stripe: Stripe, id: string): Promise<Told<SessionReading>> {
  return told(stripe.checkout.sessions.retrieve(id).then(readingOf))
}

const SESSION_STATUSES = ['open', 'complete', 'expired'] as const

function readingOf({ id, status, payment_intent, url }: Stripe.Checkout.Session): SessionReading {
  const known = SESSION_STATUSES.find((each) => each === status) ?? 'open'
  return { id, status: known, payment: idOf(payment_intent), url }
}
