/** What becomes of a Checkout session: paid on its page, settled by the bank later, or expired. */
import type { Stripe } from 'stripe'
import { settleDebit } from './debits.ts'
import { type Desk, existing, seconds } from './desk.ts'
import { cancelPayment, unexpectedState } from './outcomes.ts'
import { type Try, tryPayment } from './payment.ts'
import { newIntent } from './payment-intents.ts'
import { Declined, invalid } from './refusal.ts'

/** Sessions live for a day, so a walk over the newest ones soon meets only settled ones. */
const LOOK_BACK_SECONDS = 2 * 24 * 60 * 60

/** The customer pays on the page. What they see of it is the page's matter. */
export function paySession(
  desk: Desk,
  session: Stripe.Checkout.Session,
  attempt: Try,
): Stripe.PaymentIntent | Declined {
  if (session.status !== 'open') throw invalid(`This Checkout Session is ${session.status}.`)
  const intent = intentOf(desk, session)
  // It may have been cancelled or paid by id, past the page.
  if (!intent.status.startsWith('requires_')) throw unexpectedState(intent, 'confirm')
  const outcome = tryPayment(desk, intent, attempt)
  if (outcome instanceof Declined || outcome.status === 'requires_action') return outcome
  const { address, email, name, phone } = attempt.method.billing_details
  const customer = typeof session.customer === 'string' ? desk.books.get('customer', session.customer) : undefined
  const known = customer === undefined || customer.deleted ? null : customer.email
  const complete: Stripe.Checkout.Session = {
    ...session,
    payment_intent: outcome.id,
    status: 'complete',
    payment_status: outcome.status === 'succeeded' ? 'paid' : 'unpaid',
    url: null,
    customer_details: {
      address,
      business_name: null,
      email: email ?? known ?? session.customer_email,
      individual_name: null,
      name,
      phone,
      tax_exempt: 'none',
      tax_ids: [],
    },
  }
  desk.books.put(complete)
  desk.emit('checkout.session.completed', complete)
  return outcome
}

/** One PaymentIntent for all tries on the page. */
function intentOf(desk: Desk, session: Stripe.Checkout.Session): Stripe.PaymentIntent {
  if (typeof session.payment_intent === 'string') return existing(desk, 'payment_intent', session.payment_intent)
  const { data } = desk.books.note('session', session.id) ?? { data: {} }
  const allowed = session.allowed_payment_method_types
  const intent = newIntent(
    desk,
    {
      ...data,
      amount: session.amount_total ?? 0,
      currency: session.currency ?? 'usd',
      ...(allowed === null ? {} : { allowed_payment_method_types: allowed }),
      ...(typeof session.customer === 'string' ? { customer: session.customer } : {}),
    },
    null,
  )
  desk.books.put({ ...session, payment_intent: intent.id })
  return intent
}

export function expireSession(desk: Desk, before: Stripe.Checkout.Session): Stripe.Checkout.Session {
  const session: Stripe.Checkout.Session = { ...before, status: 'expired', url: null }
  desk.books.put(session)
  const intent =
    typeof session.payment_intent === 'string' ? desk.books.get('payment_intent', session.payment_intent) : undefined
  // Nobody can pay it any more; what was cancelled or paid by id stays as it is.
  if (intent?.status.startsWith('requires_')) cancelPayment(desk, intent, 'expired')
  desk.emit('checkout.session.expired', session)
  return session
}

export function expireDueSessions(desk: Desk): void {
  const now = seconds(desk)
  for (const session of desk.books.newestFirst('checkout.session')) {
    if (session.created < now - LOOK_BACK_SECONDS && session.status !== 'open') return
    if (session.status === 'open' && session.expires_at <= now) expireSession(desk, session)
  }
}

/** What became of a debit, and of the session that it was for. */
export function settlePayment(desk: Desk, id: string, paid: boolean): Stripe.PaymentIntent {
  const intent = settleDebit(desk, existing(desk, 'payment_intent', id), paid)
  for (const session of desk.books.newestFirst('checkout.session')) {
    if (session.payment_intent !== id) continue
    const settled: Stripe.Checkout.Session = { ...session, payment_status: paid ? 'paid' : 'unpaid' }
    desk.books.put(settled)
    desk.emit(`checkout.session.async_payment_${paid ? 'succeeded' : 'failed'}`, settled)
  }
  return intent
}
