/** What a PaymentIntent becomes: failed, captured or cancelled, and what is left of the method that it used. */
import type { Stripe } from 'stripe'
import type { Decline } from './cards.ts'
import { type Desk, existing, idOf, seconds } from './desk.ts'
import { declineError, keepMethod, noteOf } from './methods.ts'
import { Refusal } from './refusal.ts'

/** The method is kept for the customer if they agreed; one that nobody keeps has done its only service. */
export function afterwards(desk: Desk, intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod): void {
  const customer = idOf(intent.customer)
  const { setup_future_usage: usage } = intent
  if (customer !== null && usage !== null)
    keepMethod(desk, method, customer, usage === 'off_session' ? 'setup' : 'attach')
  else if (method.customer === null) {
    desk.books.putNote('method', method.id, { ...noteOf(desk, method.id), spent: true })
  }
}

/** Back to the start: the method is taken off, and the reason stays to be read. */
export function fail(
  desk: Desk,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  why: Decline,
  charge: string | null,
): Stripe.PaymentIntent {
  const failed: Stripe.PaymentIntent = {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    next_action: null,
    latest_charge: charge,
    last_payment_error: {
      ...declineError(why),
      ...(charge === null ? {} : { charge }),
      payment_method: method,
    },
  }
  desk.books.put(failed)
  desk.emit('payment_intent.payment_failed', failed)
  return failed
}

export function capturePayment(desk: Desk, intent: Stripe.PaymentIntent): Stripe.PaymentIntent {
  const charge = existing(desk, 'charge', idOf(intent.latest_charge) ?? '')
  const captured: Stripe.Charge = { ...charge, captured: true, amount_captured: charge.amount }
  const paid: Stripe.PaymentIntent = {
    ...intent,
    status: 'succeeded',
    amount_capturable: 0,
    amount_received: intent.amount,
  }
  desk.books.put(captured)
  desk.books.put(paid)
  desk.emit('charge.captured', captured)
  desk.emit('payment_intent.succeeded', paid)
  return paid
}

export function cancelPayment(
  desk: Desk,
  intent: Stripe.PaymentIntent,
  reason: Stripe.PaymentIntent.CancellationReason | null,
): Stripe.PaymentIntent {
  if (intent.status === 'succeeded' || intent.status === 'canceled' || intent.status === 'processing') {
    throw unexpectedState(intent, 'cancel')
  }
  const canceled: Stripe.PaymentIntent = {
    ...intent,
    status: 'canceled',
    amount_capturable: 0,
    canceled_at: seconds(desk),
    cancellation_reason: reason,
    next_action: null,
  }
  desk.books.put(canceled)
  desk.emit('payment_intent.canceled', canceled)
  return canceled
}

export function unexpectedState(intent: Stripe.PaymentIntent, verb: string): Refusal {
  return new Refusal(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message: `You cannot ${verb} this PaymentIntent because it has a status of ${intent.status}.`,
    payment_intent: intent,
  })
}
