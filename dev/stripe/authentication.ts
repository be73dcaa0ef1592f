/** The customer proves who they are, or does not: what a bank's page would do. */
import type { Stripe } from 'stripe'
import { AUTHENTICATION_REQUIRED } from './cards.ts'
import { type Desk, existing, idOf } from './desk.ts'
import { fail } from './outcomes.ts'
import { tryPayment } from './payment.ts'
import { type Declined, invalid } from './refusal.ts'
import { paySession } from './session-payment.ts'
import { failAuthentication, trySetup } from './setup-intents.ts'

type Intent = Stripe.PaymentIntent | Stripe.SetupIntent

export function waitingIntent(desk: Desk, id: string): Intent {
  const intent = id.startsWith('seti_') ? existing(desk, 'setup_intent', id) : existing(desk, 'payment_intent', id)
  if (intent.status !== 'requires_action') throw invalid(`${id} is ${intent.status}: there is nothing to authenticate.`)
  return intent
}

export function authenticate(desk: Desk, id: string, passes: boolean): Intent | Declined {
  const intent = waitingIntent(desk, id)
  const method = existing(desk, 'payment_method', idOf(intent.payment_method) ?? '')
  if (intent.object === 'setup_intent') {
    return passes ? trySetup(desk, intent, { method, authenticated: true }) : failAuthentication(desk, intent, method)
  }
  if (!passes) {
    const why = { ...AUTHENTICATION_REQUIRED, code: 'payment_intent_authentication_failure' } as const
    return fail(desk, intent, method, why, null)
  }
  const attempt = { method, offSession: false, authenticated: true }
  for (const session of desk.books.newestFirst('checkout.session')) {
    if (session.payment_intent === id && session.status === 'open') return paySession(desk, session, attempt)
  }
  return tryPayment(desk, intent, attempt)
}
