/** Webhooks as a receiver sees them, verified by the SDK. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Stripe } from 'stripe'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { startDouble } from './double.ts'

const { stripe, double } = await startDouble()
const SECRET = 'whsec_test_0123456789'
const HOUR_MS = 60 * 60 * 1000

interface Received {
  readonly event: Stripe.Event
  readonly signature: string
}
const received: Received[] = []
let answers: number[] = []

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', async () => {
    const signature = String(request.headers['stripe-signature'])
    // Against the double's clock: it is ahead of ours in some of these tests.
    const now = double.control.nowMs()
    const text = Buffer.concat(chunks).toString()
    const event = await stripe.webhooks.constructEventAsync(text, signature, SECRET, 300, undefined, now)
    received.push({ event, signature })
    response.writeHead(answers.shift() ?? 200).end()
  })
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
const port = typeof address === 'object' ? address?.port : undefined
double.control.listen(`http://127.0.0.1:${port}/hook`, SECRET, ['customer.*'])
afterAll(() => void server.close())

beforeEach(async () => {
  double.control.setDeliveries('at_once')
  await double.control.settled()
  received.length = 0
  answers = []
})

describe('an event', () => {
  it('arrives signed, with the whole envelope, and only at who asked for its type', async () => {
    const idempotencyKey = crypto.randomUUID()
    const customer = await stripe.customers.create({ name: 'Ada' }, { idempotencyKey })
    await stripe.paymentIntents.create({ amount: 500, currency: 'usd' })
    await double.control.settled()
    expect(received).toHaveLength(1)
    expect(received[0]?.event).toMatchObject({
      object: 'event',
      type: 'customer.created',
      api_version: '2026-10-28.endive',
      livemode: false,
      data: { object: { id: customer.id, name: 'Ada' } },
      request: { id: customer.lastResponse.requestId, idempotency_key: idempotencyKey },
    })
    const kept = await stripe.events.retrieve(received[0]?.event.id ?? '')
    expect(kept.pending_webhooks).toBe(0)
  })

  it('that is not accepted comes again, later each time, signed anew', async () => {
    answers = [500, 503]
    await stripe.customers.create()
    await double.control.settled()
    expect(received).toHaveLength(1)
    await double.control.advance(4 * 60 * 1000)
    expect(received).toHaveLength(1)
    await double.control.advance(HOUR_MS)
    await double.control.advance(HOUR_MS)
    expect(received).toHaveLength(3)
    await double.control.advance(100 * HOUR_MS)
    expect(received).toHaveLength(3)
    expect(new Set(received.map(({ event }) => event.id)).size).toBe(1)
    expect(new Set(received.map(({ signature }) => signature)).size).toBe(3)
  })

  it('is given up after three days, and can still be listed', async () => {
    answers = Array.from({ length: 50 }, () => 500)
    const { id } = await stripe.customers.create()
    await double.control.settled()
    for (let hours = 0; hours < 96; hours += 12) await double.control.advance(12 * HOUR_MS)
    const tries = received.length
    expect(tries).toBeGreaterThan(5)
    await double.control.advance(96 * HOUR_MS)
    expect(received).toHaveLength(tries)
    const { data } = await stripe.events.list({ type: 'customer.created', limit: 1 })
    expect(data[0]?.data.object).toMatchObject({ id })
    await double.control.advance(30 * 24 * HOUR_MS)
    expect((await stripe.events.list({ type: 'customer.created' })).data).toEqual([])
  })

  it('waits to be told, and then comes shuffled and doubled, or never', async () => {
    double.control.setDeliveries('when_told')
    const made: string[] = []
    for (let count = 0; count < 6; count++) made.push((await stripe.customers.create()).id)
    await double.control.settled()
    expect(received).toHaveLength(0)
    expect(await double.control.deliver({ order: 'shuffled', seed: 7, times: 2 })).toBe(12)
    const seen = received.map(({ event }) => (event.data.object as Stripe.Customer).id)
    expect(new Set(seen)).toEqual(new Set(made))
    expect(seen.slice(0, 6)).not.toEqual(made)
    await stripe.customers.create()
    expect(double.control.drop()).toBe(1)
    expect(await double.control.deliver()).toBe(0)
  })

  it('can be collected, signed, by who carries it themselves', async () => {
    double.control.setDeliveries('when_told')
    const { id } = await stripe.customers.create()
    const [signed, copy, ...rest] = await double.control.collect({ times: 2 })
    expect(rest).toEqual([])
    for (const { body = '', headers } of [signed, copy].filter((each) => each !== undefined)) {
      const signature = headers['stripe-signature'] ?? ''
      const now = double.control.nowMs()
      const event = await stripe.webhooks.constructEventAsync(body, signature, SECRET, 300, undefined, now)
      expect(event.data.object).toMatchObject({ id })
    }
  })
})

describe('an endpoint', () => {
  it('shows its secret once, can be disabled, and is gone when deleted', async () => {
    const made = await stripe.webhookEndpoints.create({ url: 'http://127.0.0.1:9/', enabled_events: ['charge.failed'] })
    expect(made.secret).toMatch(/^whsec_/)
    expect((await stripe.webhookEndpoints.retrieve(made.id)).secret).toBeUndefined()
    expect((await stripe.webhookEndpoints.update(made.id, { disabled: true })).status).toBe('disabled')
    expect(await stripe.webhookEndpoints.del(made.id)).toMatchObject({ id: made.id, deleted: true })
    const listed = await stripe.webhookEndpoints.list()
    expect(listed.data.map(({ id }) => id)).not.toContain(made.id)
  })
})
