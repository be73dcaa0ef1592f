/** One try at a payment: what the card does to the PaymentIntent, its charge, and the events that tell of it. */
import type { Stripe } from 'stripe'
import { AUTHENTICATION_REQUIRED, type Decline } from './cards.ts'
import { newCharge } from './charges.ts'
import { startDebit } from './debits.ts'
import { type Desk, idOf } from './desk.ts'
import { openDispute } from './disputes.ts'
import { declineError, noteOf, testCardOf } from './methods.ts'
import { afterwards, fail } from './outcomes.ts'
import { Declined, invalid } from './refusal.ts'

export interface Try {
  readonly method: Stripe.PaymentMethod
  readonly offSession: boolean
  /** The customer has just proved who they are. */
  readonly authenticated?: boolean
  readonly returnUrl?: string | undefined
  readonly failInsteadOfAction?: boolean
}

export function tryPayment(desk: Desk, before: Stripe.PaymentIntent, attempt: Try): Stripe.PaymentIntent | Declined {
  const { method, offSession } = attempt
  checkOwner(before, method)
  const intent: Stripe.PaymentIntent = { ...before, payment_method: method.id, next_action: null }
  if (method.type === 'sepa_debit') return startDebit(desk, intent, method)
  const card = testCardOf(desk, method)
  if (!attempt.authenticated && needsAuthentication(desk, method, offSession)) {
    if (offSession || attempt.failInsteadOfAction) return decline(desk, intent, method, AUTHENTICATION_REQUIRED)
    return requireAction(desk, intent, attempt.returnUrl)
  }
  if (card?.decline !== undefined) return decline(desk, intent, method, card.decline)
  return intent.capture_method === 'manual' ? authorize(desk, intent, method) : succeed(desk, intent, method)
}

function needsAuthentication(desk: Desk, method: Stripe.PaymentMethod, offSession: boolean): boolean {
  const rule = testCardOf(desk, method)?.authentication
  return rule === 'always' || (rule === 'unless_set_up' && !(offSession && noteOf(desk, method.id).setUp))
}

/** A card that is kept belongs to its customer alone. */
function checkOwner(intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod): void {
  if (!intent.payment_method_types.includes(method.type)) {
    throw invalid(
      `The PaymentMethod provided (${method.type}) is not allowed for this PaymentIntent. Allowed: ${intent.payment_method_types.join(', ')}.`,
      'payment_intent_incompatible_payment_method',
      'payment_method',
    )
  }
  if (method.customer === null || method.customer === intent.customer) return
  throw invalid(
    `The provided PaymentMethod belongs to the Customer ${idOf(method.customer)}, not to the one of this PaymentIntent.`,
    undefined,
    'payment_method',
  )
}

function succeed(desk: Desk, intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod): Stripe.PaymentIntent {
  const charge = newCharge(desk, intent, method, 'succeeded')
  const paid: Stripe.PaymentIntent = {
    ...intent,
    status: 'succeeded',
    amount_received: intent.amount,
    latest_charge: charge.id,
    last_payment_error: null,
  }
  desk.books.put(paid)
  afterwards(desk, paid, method)
  desk.emit('charge.succeeded', charge)
  desk.emit('payment_intent.succeeded', paid)
  const dispute = testCardOf(desk, method)?.dispute
  if (dispute !== undefined) openDispute(desk, charge, dispute)
  return paid
}

function authorize(desk: Desk, intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod): Stripe.PaymentIntent {
  const charge = newCharge(desk, intent, method, 'authorized')
  const held: Stripe.PaymentIntent = {
    ...intent,
    status: 'requires_capture',
    amount_capturable: intent.amount,
    latest_charge: charge.id,
  }
  desk.books.put(held)
  afterwards(desk, held, method)
  desk.emit('charge.succeeded', charge)
  desk.emit('payment_intent.amount_capturable_updated', held)
  return held
}

function requireAction(desk: Desk, intent: Stripe.PaymentIntent, returnUrl: string | undefined): Stripe.PaymentIntent {
  const waiting: Stripe.PaymentIntent = {
    ...intent,
    status: 'requires_action',
    next_action:
      returnUrl === undefined
        ? { type: 'use_stripe_sdk', use_stripe_sdk: {} }
        : {
            type: 'redirect_to_url',
            redirect_to_url: { return_url: returnUrl, url: `${desk.origin}/authenticate/${intent.id}` },
          },
  }
  desk.books.put(waiting)
  desk.emit('payment_intent.requires_action', waiting)
  return waiting
}

function decline(desk: Desk, intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod, why: Decline): Declined {
  const charge = newCharge(desk, intent, method, why)
  desk.emit('charge.failed', charge)
  const failed = fail(desk, intent, method, why, charge.id)
  return new Declined({ ...declineError(why), charge: charge.id, payment_intent: failed, payment_method: method })
}
