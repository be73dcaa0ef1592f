/** What can happen to a request between us and Stripe, and what the books say afterwards. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { Books } from '../../dev/stripe/books.ts'
import { createDouble } from '../../dev/stripe/double.ts'
import { serveDouble } from '../../dev/stripe/serve.ts'
import { client, freshKey, refusal, startDouble } from './double.ts'

const { stripe, double, url } = await startDouble()
const { control } = double
const CONFIRM = 'POST /v1/payment_intents/:id/confirm'
const HOUR_MS = 60 * 60 * 1000
/** The SDK sends once more by itself when a connection breaks, in case it was a stale one. */
const SENT = 2

async function readyToConfirm() {
  const { id: customer } = await stripe.customers.create()
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer })
  const fields = { amount: 2_000, currency: 'usd', allowed_payment_method_types: ['card' as const] }
  const { id } = await stripe.paymentIntents.create({ ...fields, customer, payment_method: method.id })
  return { id, customer }
}

describe('an answer that is lost', () => {
  it('after the charge looks like a broken connection; the same key tells what happened, and charges no more', async () => {
    const { id, customer } = await readyToConfirm()
    control.fault({ route: CONFIRM, strikes: 'after', answer: 'lost', times: SENT })
    const idempotencyKey = freshKey()
    const lost = await refusal(stripe.paymentIntents.confirm(id, {}, { idempotencyKey }))
    expect(lost).toBeInstanceOf(Stripe.errors.StripeConnectionError)
    expect((await stripe.paymentIntents.retrieve(id)).status).toBe('succeeded')
    const again = await stripe.paymentIntents.confirm(id, {}, { idempotencyKey })
    expect(again.status).toBe('succeeded')
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true')
    expect(control.chargedByMonth().filter((sum) => sum.customer === customer)).toMatchObject([{ charges: 1 }])
  })

  it('before the charge looks the same, and nothing has happened', async () => {
    const { id } = await readyToConfirm()
    control.fault({ route: CONFIRM, strikes: 'before', answer: 'lost', times: SENT })
    expect(await refusal(stripe.paymentIntents.confirm(id))).toBeInstanceOf(Stripe.errors.StripeConnectionError)
    expect((await stripe.paymentIntents.retrieve(id)).status).toBe('requires_confirmation')
    expect((await stripe.paymentIntents.confirm(id)).status).toBe('succeeded')
  })
})

describe('a 500', () => {
  it.each(['before', 'after'] as const)('%s the charge says nothing; only reading by id does', async (strikes) => {
    const { id } = await readyToConfirm()
    control.fault({ route: CONFIRM, strikes, answer: 500 })
    const idempotencyKey = freshKey()
    const failed = await refusal(stripe.paymentIntents.confirm(id, {}, { idempotencyKey }))
    expect(failed).toMatchObject({ type: 'StripeAPIError', statusCode: 500 })
    const now = await stripe.paymentIntents.retrieve(id)
    expect(now.status).toBe(strikes === 'after' ? 'succeeded' : 'requires_confirmation')
    if (strikes === 'before') return
    // The stored answer is the 500 itself.
    const again = await refusal(stripe.paymentIntents.confirm(id, {}, { idempotencyKey }))
    expect(again.headers?.['idempotent-replayed']).toBe('true')
  })

  it('strikes as often as it was ordered, and the SDK retries it with the same key', async () => {
    const { id } = await readyToConfirm()
    control.fault({ route: CONFIRM, answer: 503, times: 2 })
    const confirmed = await stripe.paymentIntents.confirm(id, {}, { maxNetworkRetries: 2 })
    expect(confirmed.status).toBe('succeeded')
    expect(control.faults()).toEqual([])
  })
})

describe('a key in flight', () => {
  it('is refused with a 409 while the first request still runs', async () => {
    const { id } = await readyToConfirm()
    control.fault({ route: CONFIRM, delayMs: HOUR_MS })
    const idempotencyKey = freshKey()
    const slow = stripe.paymentIntents.confirm(id, {}, { idempotencyKey })
    // The fault is taken as soon as the request has arrived.
    await expect.poll(() => control.faults().length).toBe(0)
    const early = await refusal(stripe.paymentIntents.confirm(id, {}, { idempotencyKey }))
    expect(early).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' })
    await control.advance(HOUR_MS)
    expect((await slow).status).toBe('succeeded')
  })
})

describe('a key', () => {
  it('is forgotten after 24 hours, and then charges again', async () => {
    const idempotencyKey = freshKey()
    const params = { amount: 700, currency: 'usd', payment_method: 'pm_card_visa', confirm: true }
    const first = await stripe.paymentIntents.create(params, { idempotencyKey })
    await control.advance(23 * HOUR_MS)
    expect((await stripe.paymentIntents.create(params, { idempotencyKey })).id).toBe(first.id)
    await control.advance(HOUR_MS)
    expect((await stripe.paymentIntents.create(params, { idempotencyKey })).id).not.toBe(first.id)
  })
})

describe('the bank, by order', () => {
  it('fails a refund, and the charge counts it no more', async () => {
    const { id } = await readyToConfirm()
    const { latest_charge } = await stripe.paymentIntents.confirm(id)
    const refund = await stripe.refunds.create({ payment_intent: id, amount: 800 })
    expect(control.moveRefund(refund.id, 'failed').status).toBe('failed')
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'failed' })
    expect(await stripe.charges.retrieve(String(latest_charge))).toMatchObject({ amount_refunded: 0, refunded: false })
  })

  it('turns an inquiry into a dispute, and decides it', async () => {
    const { id } = await readyToConfirm()
    await stripe.paymentIntents.confirm(id)
    const inquiry = control.dispute(id, { inquiry: true, amount: 900 })
    expect(control.moveDispute(inquiry.id, 'needs_response').balance_transactions).toHaveLength(1)
    expect(control.moveDispute(inquiry.id, 'won').balance_transactions).toHaveLength(2)
    expect(await stripe.disputes.retrieve(inquiry.id)).toMatchObject({ status: 'won', amount: 900 })
    expect(() => control.moveDispute(inquiry.id, 'lost')).toThrow('cannot become')
  })
})

describe('the double', () => {
  it('needs no server: its fetch is the wire, and breaks where an answer is lost', async () => {
    const alone = createDouble({ books: new Books(), origin: 'http://127.0.0.1:12111' })
    const httpClient = Stripe.createFetchHttpClient((input: Request | URL | string, init?: RequestInit) =>
      alone.fetch(new Request(input, init)),
    )
    const wired = new Stripe('sk_test_0123456789abcdef', { httpClient, maxNetworkRetries: 0 })
    const { id } = await wired.customers.create({ name: 'Ada' })
    expect(await wired.customers.retrieve(id)).toMatchObject({ name: 'Ada' })
    alone.control.fault({ route: 'GET /v1/customers/:id', answer: 'lost', times: SENT })
    expect(await refusal(wired.customers.retrieve(id))).toBeInstanceOf(Stripe.errors.StripeConnectionError)
  })

  it('takes only test keys, and only the version it was made for', async () => {
    for (const key of ['sk_live_0123456789abcdef', 'pk_test_0123456789abcdef']) {
      const refused = await refusal(client(url, key).customers.list())
      expect(refused).toMatchObject({ type: 'StripeAuthenticationError', statusCode: 401 })
    }
    expect((await client(url, 'rk_test_0123456789abcdef').customers.list({ limit: 1 })).object).toBe('list')
    const old = await refusal(stripe.customers.list({}, { apiVersion: '2020-08-27' }))
    expect(old).toMatchObject({ statusCode: 400 })
  })

  it('offers its control over HTTP, away from what Stripe has', async () => {
    const order = (body: string, type: string) =>
      fetch(`${url}/_control/faults`, { method: 'POST', body, headers: { 'content-type': type } })
    const body = JSON.stringify({ route: 'GET /v1/customers', answer: 503 })
    expect((await order(body, 'text/plain')).status).toBe(400)
    expect((await order('{"route":"*","whim":1}', 'application/json')).status).toBe(400)
    expect((await order(body, 'application/json')).status).toBe(200)
    expect(await refusal(stripe.customers.list())).toMatchObject({ statusCode: 503 })
    const months: unknown = await (await fetch(`${url}/_control/books/months`)).json()
    expect(months).toEqual(control.chargedByMonth())
  })

  it('forgets nothing when it starts again: objects, keys, its clock, and what still has to be delivered', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'double-'))
    const options = { port: 0, file: join(folder, 'books.sqlite') }
    const before = await serveDouble(options)
    before.double.control.setDeliveries('when_told')
    before.double.control.listen('http://127.0.0.1:9/', 'whsec_x')
    await before.double.control.advance(48 * HOUR_MS)
    const nowMs = before.double.control.nowMs()
    const idempotencyKey = freshKey()
    const { id } = await client(before.url).customers.create({}, { idempotencyKey })
    await before.stop()
    const after = await serveDouble(options)
    expect((await client(after.url).customers.create({}, { idempotencyKey })).id).toBe(id)
    expect(after.double.control.nowMs()).toBeGreaterThanOrEqual(nowMs)
    after.double.control.listen('http://127.0.0.1:9/', 'whsec_y')
    expect(await after.double.control.collect()).toHaveLength(1)
    await after.stop()
    await rm(folder, { recursive: true })
  })
})
