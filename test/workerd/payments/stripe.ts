/** Stripe's double as tests see it: its control plane, its events to deliver in any order, and what a customer does. */
import { env } from 'cloudflare:workers'
import type { Stripe } from 'stripe'
import { expect } from 'vitest'
import { newClient } from '../../../src/stripe/client.ts'
import { type AccountApi, type Body, call, type Options, type Result } from '../api.ts'

export const WEBHOOK_SECRET = 'whsec_newest_0123456789abcdef'

export const stripe = newClient({ key: env.STRIPE_SECRET_KEY, apiBase: null })

/** One request of the double's control plane. */
export async function control(path: string, body: object = {}, method = 'POST'): Promise<Body> {
  const response = await fetch(`https://stripe-double.test/_control${path}`, {
    method,
    ...(method === 'GET' ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const answer = await response.json()
  if (!response.ok && response.status !== 402) throw new Error(`${path}: ${JSON.stringify(answer)}`)
  return answer
}

/** A double of its own for a test file. */
export function resetDouble(): Promise<Body> {
  return control('/reset')
}

/** Starts buying a pack. */
export function checkout(account: AccountApi, body: object = {}, options: Options = {}): Promise<Result> {
  const urls = { success_url: 'https://shop.test/paid', cancel_url: 'https://shop.test/cancelled' }
  return account.post('/checkout', { pack: 'starter', ...urls, ...body }, options)
}

/** What a customer does on Checkout's page; `card` as in the double's list of test cards. */
export function payWith(card: string, url: string): Promise<Body> {
  return control(`/checkout/${sessionOf(url)}`, { card })
}

export function sessionOf(url: string): string {
  const id = /cs_test_\w+/.exec(url)?.[0]
  if (id === undefined) throw new Error(`${url} is no page of Checkout`)
  return id
}

/** Buys a pack to the end and syncs. Returns the purchase. */
export async function buy(account: AccountApi, body: object = {}, card = 'pm_card_visa'): Promise<Body> {
  const started = await checkout(account, body)
  expect(started.status).toBe(201)
  await payWith(card, started.body.url)
  return sync(account, started.body.purchase.id)
}

export async function sync(account: AccountApi, purchase: string): Promise<Body> {
  const synced = await account.post(`/purchases/${purchase}/sync`, {})
  expect(synced.status).toBe(200)
  return synced.body.purchase
}

/** All events that Stripe has of an account's customer, oldest first. */
export async function eventsOf(account: AccountApi): Promise<Stripe.Event[]> {
  const events = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 10_000 })
  const customers = events.flatMap(({ data }) => {
    const { object } = data as { object: { object: string; id: string; metadata?: Record<string, string> } }
    return object.object === 'customer' && object.metadata?.['account'] === account.id ? [object.id] : []
  })
  const charges = new Set(
    events.filter((event) => mentions(event, customers)).flatMap(({ data }) => idsIn(data.object)),
  )
  return events.filter((event) => mentions(event, customers) || mentions(event, [...charges])).reverse()
}

function mentions(event: Stripe.Event, ids: readonly string[]): boolean {
  const text = JSON.stringify(event.data)
  return ids.some((id) => text.includes(`"${id}"`))
}

function idsIn(object: object): string[] {
  return [...JSON.stringify(object).matchAll(/"((?:pi|ch)_\w+)"/g)].map(([, id = '']) => id)
}

/** Brings an event to the webhook as Stripe does, signed now. */
export async function deliver(event: Stripe.Event, options: Options & SignatureOptions = {}): Promise<Result> {
  const payload = JSON.stringify(event)
  return postWebhook(payload, await signatureOf(payload, options), options)
}

export interface SignatureOptions {
  readonly secret?: string
  readonly ageSeconds?: number
}

export function signatureOf(payload: string, options: SignatureOptions = {}): Promise<string> {
  const { secret = WEBHOOK_SECRET, ageSeconds = 0 } = options
  const timestamp = Math.floor(Date.now() / 1000) - ageSeconds
  return stripe.webhooks.generateTestHeaderStringAsync({ payload, secret, timestamp })
}

export function postWebhook(payload: string, signature: string | null, options: Options = {}): Promise<Result> {
  const headers = signature === null ? {} : { 'Stripe-Signature': signature }
  return call('POST', '/v1/stripe/webhook', { ...options, key: null, body: payload, headers })
}

/** What the double's books say was really charged to this account. */
export async function chargedTo(account: AccountApi): Promise<Body[]> {
  const intents: Body[] = await control('/books/payment_intents', {}, 'GET')
  return intents.filter(({ metadata }) => metadata.account === account.id)
}
