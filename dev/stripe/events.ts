/** Events: written in the transaction of what caused them, listed for 30 days, and queued for each endpoint. */
import type { Stripe } from 'stripe'
import { matchesType, queueDeliveries } from './deliveries.ts'
import { API_VERSION, type Desk, existing, newId, type Routes, seconds } from './desk.ts'
import { list } from './lists.ts'
import { missing } from './refusal.ts'

const LISTED_FOR_SECONDS = 30 * 24 * 60 * 60

export const eventRoutes = {
  'GET /v1/events': (desk, { type, types, ...params }) => {
    const matches = (event: Stripe.Event) =>
      isListed(desk, event) &&
      (type === undefined || matchesType(type, event.type)) &&
      (types === undefined || types.some((each) => matchesType(each, event.type)))
    return list(desk, 'event', '/v1/events', params, matches)
  },
  'GET /v1/events/:id': (desk, _params, { id }) => {
    const event = existing(desk, 'event', id)
    if (!isListed(desk, event)) throw missing('event', id)
    return event
  },
} satisfies Routes

function isListed(desk: Desk, event: Stripe.Event): boolean {
  return event.created > seconds(desk) - LISTED_FOR_SECONDS
}

export type RecordEvent = Desk['emit']

export function eventRecorder(desk: Omit<Desk, 'emit'>): RecordEvent {
  return (type, object, before) => {
    const event = {
      id: newId('evt'),
      object: 'event',
      api_version: API_VERSION,
      created: seconds(desk),
      data: { object, ...(before === undefined ? {} : { previous_attributes: before }) },
      livemode: false,
      pending_webhooks: 0,
      request: desk.request,
      type,
    } satisfies Omit<Stripe.EventBase, 'data' | 'type'> & { data: object; type: string }
    // Which of 250 types it is, only the caller's type argument knows.
    const recorded = event as unknown as Stripe.Event
    recorded.pending_webhooks = queueDeliveries(desk, recorded)
    desk.books.put(recorded)
  }
}

/** The former values of what changed, as an `updated` event tells them. */
export function changes<T extends object>(before: T, after: T): Partial<T> {
  const entries = Object.entries(before) as [keyof T, unknown][]
  const changed = entries.filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(after[key]))
  return Object.fromEntries(changed) as Partial<T>
}
