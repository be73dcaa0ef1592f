/** Stripe's billing portal, where a customer looks after cards and receipts. */
import type { Stripe } from 'stripe'
import { type Told, told } from './told.ts'

export function createPortal(stripe: Stripe, customer: string, returnUrl: string): Promise<Told<string>> {
  return told(stripe.billingPortal.sessions.create({ customer, return_url: returnUrl }).then(({ url }) => url))
}
