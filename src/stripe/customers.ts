/** Customers: one per account, and another if that was deleted. */
import type { Stripe } from 'stripe'
import { type Told, told } from './told.ts'

export interface CustomerDetails {
  readonly id: string
  readonly name: string | null
  readonly email: string | null
}

/** `made` counts the customers that the account has had before. Answers with the new one's id. */
export function createCustomer(stripe: Stripe, details: CustomerDetails, made: number): Promise<Told<string>> {
  return told(create(stripe, details, made))
}

async function create(stripe: Stripe, { id, name, email }: CustomerDetails, made: number): Promise<string> {
  const params = {
    metadata: { account: id },
    ...(name === null ? {} : { name }),
    ...(email === null ? {} : { email }),
  }
  // What was sent is part of the key: a name that changes after a lost answer makes another, empty customer, no error.
  const idempotencyKey = `${id}:customer:${made}:${await digest(JSON.stringify([name, email]))}`
  return (await stripe.customers.create(params, { idempotencyKey })).id
}

async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return [...bytes.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
