/** Stripe's own command line, with the fixtures that Stripe wrote, against the double. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'
import { startDouble } from './double.ts'

const { stripe, url, double } = await startDouble()
const CLI = fileURLToPath(new URL('../../node_modules/.bin/stripe', import.meta.url))
const KEY = 'sk_test_0123456789abcdef'
const home = await mkdtemp(join(tmpdir(), 'stripe-cli-'))
afterAll(() => rm(home, { recursive: true }))

async function trigger(event: string): Promise<void> {
  const args = ['trigger', event, '--api-base', url, '--api-key', KEY]
  const env = { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_HOME: home, STRIPE_CLI_TELEMETRY_OPTOUT: '1' }
  await promisify(execFile)(CLI, args, { env, timeout: 30_000 })
}

async function countOf(type: string): Promise<number> {
  return (await stripe.events.list({ type, limit: 100 })).data.length
}

it.each([
  'customer.created',
  'customer.updated',
  'customer.deleted',
  'payment_method.attached',
  'payment_method.detached',
  'payment_method.updated',
  'payment_intent.created',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
  'payment_intent.requires_action',
  'payment_intent.processing',
  'payment_intent.amount_capturable_updated',
  'setup_intent.created',
  'setup_intent.succeeded',
  'setup_intent.canceled',
  'setup_intent.setup_failed',
  'setup_intent.requires_action',
  'charge.succeeded',
  'charge.failed',
  'charge.captured',
  'charge.refunded',
  'charge.refund.updated',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'checkout.session.completed',
  'checkout.session.expired',
  'billing_portal.session.created',
])('stripe trigger %s', async (event) => {
  const before = await countOf(event)
  await trigger(event)
  expect(await countOf(event)).toBeGreaterThan(before)
})

it.each([
  ['checkout.session.async_payment_succeeded', true],
  ['checkout.session.async_payment_failed', false],
])('stripe trigger %s, once the bank has answered', async (event, paid) => {
  await trigger(event)
  const [session] = (await stripe.checkout.sessions.list({ status: 'complete', limit: 1 })).data
  expect(session).toMatchObject({ payment_status: 'unpaid' })
  expect(await countOf(event)).toBe(0)
  double.control.settle(String(session?.payment_intent), paid)
  expect(await countOf(event)).toBe(1)
})
