/**
 * Webhooks: each event goes to each endpoint that asked for it, signed anew at each attempt, and again after a while
 * until a 2xx. What is due waits in the books, so a restart forgets none.
 */
import { Stripe } from 'stripe'
import type { Books } from './books.ts'
import type { Desk } from './desk.ts'
import { newId } from './desk.ts'

export interface Delivery {
  readonly event: string
  readonly endpoint: string
  readonly attempts: number
  readonly queuedAt: number
  readonly dueAt: number
}

/** Whether deliveries go out by themselves, or wait to be told (shuffled, doubled, or never). */
export type DeliveryMode = 'at_once' | 'when_told'

export interface SignedEvent {
  readonly url: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** Answers with the status. A failure to connect rejects. */
export type SendEvent = (event: SignedEvent) => Promise<number>

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** After each attempt: roughly Stripe's own. */
const RETRY_AFTER_MS = [5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS]
const RETRY_LATER_MS = 12 * HOUR_MS
const GIVEN_UP_AFTER_MS = 72 * HOUR_MS

const signer = new Stripe('sk_test_never_sent').webhooks

export function queueDeliveries(desk: Pick<Desk, 'books' | 'nowMs'>, event: Stripe.Event): number {
  const endpoints = [...desk.books.newestFirst('webhook_endpoint')].filter(
    ({ status, enabled_events }) =>
      status === 'enabled' && enabled_events.some((wanted) => matchesType(wanted, event.type)),
  )
  for (const { id } of endpoints) {
    const { nowMs } = desk
    const delivery = { event: event.id, endpoint: id, attempts: 0, queuedAt: nowMs, dueAt: nowMs }
    desk.books.putNote('delivery', newId('dlv'), delivery)
  }
  return endpoints.length
}

/** `charge.*` is every type below `charge`. */
export function matchesType(wanted: string, type: string): boolean {
  return wanted === '*' || wanted === type || (wanted.endsWith('.*') && type.startsWith(wanted.slice(0, -1)))
}

/** The event as it goes over the wire now; its signature carries the time of this attempt. */
export async function signEvent(
  books: Books,
  { event, endpoint }: Pick<Delivery, 'event' | 'endpoint'>,
  nowMs: number,
): Promise<SignedEvent | undefined> {
  const found = books.get('event', event)
  const url = books.get('webhook_endpoint', endpoint)?.url
  const secret = books.note('secret', endpoint)?.secret
  if (found === undefined || url === undefined || secret === undefined) return undefined
  const body = JSON.stringify(found, null, 2)
  const timestamp = Math.floor(nowMs / 1000)
  const signature = await signer.generateTestHeaderStringAsync({ payload: body, secret, timestamp })
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'stripe-signature': signature,
    'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
  }
  return { url, body, headers }
}

/** One attempt; what fails is due again later by the double's clock, until it is given up. */
export async function attemptDelivery(
  books: Books,
  id: string,
  delivery: Delivery,
  nowMs: number,
  send: SendEvent,
): Promise<boolean> {
  const signed = await signEvent(books, delivery, nowMs)
  // An endpoint that was deleted gets nothing more.
  const status = signed === undefined ? 'gone' : await send(signed).catch(() => 'unreachable' as const)
  const done = status === 'gone' || (typeof status === 'number' && status >= 200 && status < 300)
  const attempts = delivery.attempts + 1
  books.transaction(() => {
    const dueAt = nowMs + (RETRY_AFTER_MS[attempts - 1] ?? RETRY_LATER_MS)
    if (!done && dueAt <= delivery.queuedAt + GIVEN_UP_AFTER_MS) {
      books.putNote('delivery', id, { ...delivery, attempts, dueAt })
      return
    }
    books.removeNote('delivery', id)
    const event = books.get('event', delivery.event)
    if (done && event !== undefined) books.put({ ...event, pending_webhooks: Math.max(0, event.pending_webhooks - 1) })
  })
  return done
}
