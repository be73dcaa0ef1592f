/** Refunds that the operator asks for. */
import type { Stripe } from 'stripe'
import { type Told, told } from './told.ts'

export interface RefundOrder {
  readonly id: string
  readonly purchase: string
  readonly paymentIntent: string
  readonly amountCents: number
}

/** Safe to repeat under the same id; answers with Stripe's. Its metadata only names it: what it may do, the account has written down. */
export function createRefund(stripe: Stripe, account: string, order: RefundOrder): Promise<Told<string>> {
  const { id, purchase, paymentIntent, amountCents } = order
  const params = { payment_intent: paymentIntent, amount: amountCents, metadata: { account, purchase, refund: id } }
  return told(stripe.refunds.create(params, { idempotencyKey: `${account}:${id}:refund` }).then((refund) => refund.id))
}
