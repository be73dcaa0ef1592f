/** Brings an event of Stripe's to the account that it concerns: the way of webhooks, and of what no webhook brought. */
import { stripeOf } from '../stripe/client.ts'
import type { StripeEvent } from '../stripe/webhook.ts'
import { askAccount } from './client.ts'
import { deliverBy, type Delivered } from './delivery.ts'

export function deliver(env: Env, event: StripeEvent): Promise<Delivered> {
  const caller = { kind: 'service' } as const
  return deliverBy(
    (concern, id) =>
      askAccount(env, concern.account, (object) => object.desk(caller, 'receive', { concern, event: id })),
    stripeOf(env),
    event,
  )
}
