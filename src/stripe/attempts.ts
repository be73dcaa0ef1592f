/** Charging a kept card without the customer (R15): created unconfirmed, confirmed by id, cancelled by id. */
import type { Stripe } from 'stripe'
import type { Purchase } from '../ledger/purchase.ts'
import { type Told, told } from './told.ts'

/** Harmless until it is confirmed, and the same for the same attempt. Answers with its id. */
export function createIntent(
  stripe: Stripe,
  account: string,
  attempt: Purchase,
  description: string,
): Promise<Told<string>> {
  const { id, customer, card, priceCents } = attempt
  if (customer === null || card === null) throw new Error(`attempt ${id} has nobody to charge`)
  const params: Stripe.PaymentIntentCreateParams = {
    amount: priceCents,
    currency: 'usd',
    customer,
    payment_method: card,
    allowed_payment_method_types: ['card'],
    description,
    metadata: { account, purchase: id },
  }
  const idempotencyKey = `${account}:${id}:create`
  return told(stripe.paymentIntents.create(params, { idempotencyKey }).then((intent) => intent.id))
}

/** Charges. That a PaymentIntent is paid once is Stripe's own promise, so this needs no key of ours. */
export function confirmIntent(stripe: Stripe, paymentIntent: string): Promise<Told<null>> {
  return told(stripe.paymentIntents.confirm(paymentIntent, { off_session: true }).then(() => null))
}

export function cancelIntent(stripe: Stripe, paymentIntent: string): Promise<Told<null>> {
  return told(stripe.paymentIntents.cancel(paymentIntent).then(() => null))
}
