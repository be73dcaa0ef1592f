/** What money really moved, by the books: for judging whoever used the double, not for their use. */
import type { Stripe } from 'stripe'
import type { Books } from './books.ts'

export interface ChargedMonth {
  readonly customer: string | null
  /** UTC, as 2026-11. */
  readonly month: string
  readonly charges: number
  readonly cents: number
}

/** Gross: what a refund or a dispute took back does not lower it. */
export function chargedByMonth(books: Books): ChargedMonth[] {
  const months = new Map<string, ChargedMonth>()
  for (const { amount_captured: cents, created, customer } of paidCharges(books)) {
    const month = new Date(created * 1000).toISOString().slice(0, 7)
    const id = typeof customer === 'string' ? customer : null
    const sum = months.get(`${id} ${month}`) ?? { customer: id, month, charges: 0, cents: 0 }
    months.set(`${id} ${month}`, { ...sum, charges: sum.charges + 1, cents: sum.cents + cents })
  }
  return [...months.values()]
}

export interface ChargedIntent {
  readonly paymentIntent: string
  readonly customer: string | null
  readonly metadata: Stripe.Metadata
  readonly charges: number
  readonly cents: number
}

/** Each PaymentIntent that was paid, with how often: more than once would be a fault of the double. */
export function chargedByIntent(books: Books): ChargedIntent[] {
  const intents = new Map<string, ChargedIntent>()
  for (const { amount_captured: cents, payment_intent: intent, customer, metadata } of paidCharges(books)) {
    const id = String(intent)
    const before = intents.get(id)
    intents.set(id, {
      paymentIntent: id,
      customer: typeof customer === 'string' ? customer : null,
      metadata,
      charges: (before?.charges ?? 0) + 1,
      cents: (before?.cents ?? 0) + cents,
    })
  }
  return [...intents.values()]
}

function paidCharges(books: Books): Stripe.Charge[] {
  return [...books.newestFirst('charge')].filter(({ paid, captured }) => paid && captured)
}
