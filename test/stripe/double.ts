/**
 * Who the suite talks to: a double of its own, or whatever STRIPE_BASE names, such as a real sandbox with its
 * STRIPE_KEY. Only checks that need no control plane may use `stripe` alone.
 */
import { Stripe } from 'stripe'
import { afterAll } from 'vitest'
import { type Served, serveDouble } from '../../dev/stripe/serve.ts'

const KEY = 'sk_test_0123456789abcdef'
const DAY_MS = 24 * 60 * 60 * 1000

export async function startDouble(): Promise<Served & { readonly stripe: Stripe }> {
  const served = await serveDouble({ port: 0, file: ':memory:' })
  afterAll(() => served.stop())
  return { ...served, stripe: client(served.url) }
}

/** For the checks that a sandbox can pass as well. */
export async function anyStripe(): Promise<Stripe> {
  const base = process.env['STRIPE_BASE']
  return base === undefined ? (await startDouble()).stripe : client(base, process.env['STRIPE_KEY'])
}

export function client(url: string, key = KEY): Stripe {
  const { hostname, port, protocol } = new URL(url)
  const isSecure = protocol === 'https:'
  return new Stripe(key, {
    host: hostname,
    port: port === '' ? (isSecure ? 443 : 80) : port,
    protocol: isSecure ? 'https' : 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })
}

/** The error that the SDK throws, or a failure of the test. */
export async function refusal(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error
    throw error
  }
  throw new Error('the call was not refused')
}

/** The types of the events that an object caused, oldest first. */
export async function eventsOf(stripe: Stripe, id: string): Promise<string[]> {
  const created = { gte: Math.floor((Date.now() - DAY_MS) / 1000) }
  const found: string[] = []
  for await (const event of stripe.events.list({ limit: 100, created })) {
    if (JSON.stringify(event.data.object).includes(`"${id}"`)) found.push(event.type)
  }
  return found.reverse()
}

/** Unique, so that a suite can run again within a day. */
export function freshKey(): string {
  return crypto.randomUUID()
}
