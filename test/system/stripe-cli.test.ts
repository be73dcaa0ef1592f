/**
 * Stripe's own command line drives the double with the fixtures that Stripe wrote, and the double brings each event to
 * the Worker: it has to take every one that it listens to, though these are of customers that it does not know.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Stripe } from 'stripe'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, type System, startSystem } from '../../dev/system.ts'
import { WEBHOOK_EVENTS } from '../../src/stripe/webhook.ts'

const CLI = fileURLToPath(new URL('../../node_modules/.bin/stripe', import.meta.url))
const KEY = 'sk_test_0123456789abcdef'
/** By the fixture of each, all that the endpoint listens to, but for what a bank or a card network does by itself. */
const FIXTURES = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
  'charge.refunded',
  'charge.refund.updated',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'payment_method.detached',
  'payment_method.updated',
  'customer.deleted',
] as const
const DELIVERED_WITHIN_MS = 20_000

let folder: string
let system: System
let stripe: Stripe

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-cli-'))
  const options = { stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') }
  system = await startSystem({ port: await freePort(), ...options })
  const { hostname, port } = new URL(system.stripeUrl)
  stripe = new Stripe(KEY, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false })
})

afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('every event that the Worker listens to arrives by Stripe’s own fixtures, and is taken', async () => {
  for (const fixture of FIXTURES) await trigger(fixture)
  await bankAndNetwork()
  await expect
    .poll(async () => (await events()).filter((event) => event.pending_webhooks > 0).map(({ type }) => type), {
      timeout: DELIVERED_WITHIN_MS,
    })
    .toEqual([])
  const types = new Set((await events()).map(({ type }) => type))
  expect(WEBHOOK_EVENTS.filter((type) => !types.has(type))).toEqual([])
})

async function trigger(fixture: string): Promise<void> {
  const args = ['trigger', fixture, '--api-base', system.stripeUrl, '--api-key', KEY]
  const env = { PATH: process.env['PATH'], HOME: folder, XDG_CONFIG_HOME: folder, STRIPE_CLI_TELEMETRY_OPTOUT: '1' }
  await promisify(execFile)(CLI, args, { env, timeout: 30_000 })
}

/** What no request to Stripe can bring about: debits that are paid or not, refunds that fail, disputes won, new cards. */
async function bankAndNetwork(): Promise<void> {
  const sessions = await stripe.checkout.sessions.list({ status: 'complete', limit: 100 })
  const unpaid = sessions.data.filter((session) => session.payment_status === 'unpaid')
  for (const [at, session] of unpaid.entries()) {
    await control(`/payments/${session.payment_intent}/settle`, { paid: at === 0 })
  }
  const [refund] = (await stripe.refunds.list({ limit: 1 })).data
  await control(`/refunds/${refund?.id}`, { status: 'failed' })
  const card = { payment_method: 'pm_card_createDispute', allowed_payment_method_types: ['card'] as ['card'] }
  const disputed = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', confirm: true, ...card })
  const [dispute] = (await stripe.disputes.list({ payment_intent: disputed.id })).data
  await control(`/disputes/${dispute?.id}`, { status: 'won' })
  const customer = await stripe.customers.create({ payment_method: 'pm_card_visa' })
  const [kept] = (await stripe.customers.listPaymentMethods(customer.id)).data
  await control(`/cards/${kept?.id}`, { number: '5555555555554444' })
}

async function control(path: string, body: object): Promise<void> {
  const response = await fetch(`${system.stripeUrl}/_control${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.ok, await response.text()).toBe(true)
}

function events(): Promise<Stripe.Event[]> {
  return stripe.events.list({ limit: 100, types: [...WEBHOOK_EVENTS] }).autoPagingToArray({ limit: 10_000 })
}
