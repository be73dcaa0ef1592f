/** Events that Stripe lists, for what no webhook ever brought. */
import type { Stripe } from 'stripe'
import { type Told, told } from './told.ts'
import { WEBHOOK_EVENTS } from './webhook.ts'

const PAGE = 100

/** Created from one second up to another, both counted, newest first; `whole` says whether that is all of them. */
export function listEvents(
  stripe: Stripe,
  fromSeconds: number,
  toSeconds: number,
  maxPages: number,
): Promise<Told<{ readonly events: readonly Stripe.Event[]; readonly whole: boolean }>> {
  const limit = maxPages * PAGE
  const params = { types: [...WEBHOOK_EVENTS], created: { gte: fromSeconds, lte: toSeconds }, limit: PAGE }
  return told(
    stripe.events
      .list(params)
      .autoPagingToArray({ limit: limit + 1 })
      .then((events) => ({ events: events.slice(0, limit), whole: events.length <= limit })),
  )
}

export function readEvent(stripe: Stripe, id: string): Promise<Told<Stripe.Event>> {
  return told(stripe.events.retrieve(id))
}
