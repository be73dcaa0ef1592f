/** Stripe's webhook: verified over the raw body, taken in for good, and answered before anything is done about it. */
import * as z from 'zod'
import { deliver } from '../../account/deliver.ts'
import { isLiveKey, stripeOf } from '../../stripe/client.ts'
import { verifyEvent } from '../../stripe/webhook.ts'
import { readUpTo } from '../body.ts'
import { PAYMENT_PROVIDER_UNAVAILABLE, problem, problemResponse } from '../problems.ts'
import { json } from '../respond.ts'
import { type Route, route } from '../route.ts'

/** Far above any event that we subscribe to. */
const MAX_EVENT_BYTES = 512 * 1024

export const stripeRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/stripe/webhook',
    operation: 'receiveStripeEvent',
    group: 'Stripe',
    summary: "Stripe's webhook",
    description: 'Stripe only: its signature over the raw body is the credential.',
    scopes: 'public',
    uncounted: true,
    signed: true,
    answers: { 200: { description: 'Taken in for good.', schema: z.strictObject({ received: z.literal(true) }) } },
    problems: ['payload_too_large', 'payment_provider_unavailable'],
    async handle({ env, configuration, context }) {
      const bytes = await readUpTo(context.req.raw, MAX_EVENT_BYTES)
      if (bytes === null)
        return problemResponse(problem('payload_too_large', `An event has up to ${MAX_EVENT_BYTES} bytes.`))
      const signature = context.req.header('Stripe-Signature') ?? ''
      const body = new TextDecoder().decode(bytes)
      const verified = await verifyEvent(stripeOf(env), body, signature, configuration.webhookSecrets, Date.now())
      if (!verified.ok) return problemResponse(problem('invalid_request', verified.why, { errors: [] }))
      const { event } = verified
      if (event.livemode !== isLiveKey(env.STRIPE_SECRET_KEY)) {
        return problemResponse(problem('invalid_request', 'The event is of another mode than the key.', { errors: [] }))
      }
      const delivered = await deliver(env, event)
      // Not taken in: Stripe brings it again, for three days.
      if (delivered === 'unavailable') return problemResponse(PAYMENT_PROVIDER_UNAVAILABLE)
      return json({ received: true })
    },
  }),
]
