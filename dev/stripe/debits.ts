/** Bank debits: under way for days, and then paid or returned. */
import type { Stripe } from 'stripe'
import type { Decline } from './cards.ts'
import { newCharge } from './charges.ts'
import { type Desk, existing, idOf } from './desk.ts'
import { afterwards, fail, unexpectedState } from './outcomes.ts'

const RETURNED: Decline = {
  code: 'card_declined',
  declineCode: 'insufficient_funds',
  message: 'The bank returned the debit: the account has insufficient funds.',
}

export function startDebit(
  desk: Desk,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
): Stripe.PaymentIntent {
  const charge = newCharge(desk, intent, method, 'pending')
  const processing: Stripe.PaymentIntent = { ...intent, status: 'processing', latest_charge: charge.id }
  desk.books.put(processing)
  desk.emit('charge.pending', charge)
  desk.emit('payment_intent.processing', processing)
  return processing
}

/** What became of a debit, days later. */
export function settleDebit(desk: Desk, intent: Stripe.PaymentIntent, paid: boolean): Stripe.PaymentIntent {
  if (intent.status !== 'processing') throw unexpectedState(intent, 'settle')
  const charge = existing(desk, 'charge', idOf(intent.latest_charge) ?? '')
  const method = existing(desk, 'payment_method', idOf(intent.payment_method) ?? '')
  if (!paid) {
    const failed: Stripe.Charge = { ...charge, status: 'failed', failure_code: RETURNED.declineCode }
    desk.books.put(failed)
    desk.emit('charge.failed', failed)
    return fail(desk, intent, method, RETURNED, charge.id)
  }
  const settled: Stripe.Charge = {
    ...charge,
    status: 'succeeded',
    paid: true,
    captured: true,
    amount_captured: charge.amount,
  }
  const succeeded: Stripe.PaymentIntent = { ...intent, status: 'succeeded', amount_received: intent.amount }
  desk.books.put(settled)
  desk.books.put(succeeded)
  afterwards(desk, succeeded, method)
  desk.emit('charge.succeeded', settled)
  desk.emit('payment_intent.succeeded', succeeded)
  return succeeded
}
