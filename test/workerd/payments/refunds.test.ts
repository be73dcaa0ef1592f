import { abortAllDurableObjects } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type AccountApi, type Body, newAccount, type Options, type Result } from '../api.ts'
import { callAlarm, query } from '../object.ts'
import { HOUR_MS, MINUTE_MS, midMonth, passTime, stopClocksAt } from './clock.ts'
import { buy, checkout, control, deliver, eventsOf, payWith, resetDouble, sessionOf, stripe, sync } from './stripe.ts'
import { armed, customerOf, need, view } from './topping-up.ts'

beforeEach(async () => {
  await resetDouble()
  await stopClocksAt(midMonth())
})
afterEach(() => vi.useRealTimers())

const REFUND = 'POST /v1/refunds'

interface Bought {
  readonly account: AccountApi
  readonly purchase: string
  readonly payment: string
}

async function bought(card = 'pm_card_visa'): Promise<Bought> {
  const account = await newAccount()
  const { id } = await buy(account, {}, card)
  return { account, purchase: id, payment: await paymentOf(account, id) }
}

async function paymentOf(account: AccountApi, purchase: string): Promise<string> {
  const rows = await query(account.id, `SELECT payment_intent FROM purchases WHERE id = '${purchase}'`)
  return String(rows[0]?.['payment_intent'])
}

function refund(
  { account, purchase }: Omit<Bought, 'payment'>,
  body: object = {},
  options: Options = {},
): Promise<Result> {
  return account.post(`/purchases/${purchase}/refund`, { reason: 'a test', ...body }, options)
}

async function refundsOf(payment: string): Promise<number[]> {
  return (await stripe.refunds.list({ payment_intent: payment })).data.map(({ amount }) => amount)
}

/** All events of the account, delivered in the order in which they happened. */
async function tellAll(account: AccountApi): Promise<void> {
  for (const event of await eventsOf(account)) await deliver(event, { unchecked: true })
  await callAlarm(account.id)
}

async function expectAudited(account: AccountApi): Promise<void> {
  expect(await account.audit()).toMatchObject({ ok: true, differences: [] })
}

async function entriesOf(account: AccountApi): Promise<Body[]> {
  const kinds =
    'SELECT kind, available_delta / 1000.0 AS available, debt_delta / 1000.0 AS debt FROM entries ORDER BY seq'
  return query(account.id, kinds)
}

let reviews = 0

async function spend(account: AccountApi, credits: number): Promise<void> {
  reviews += 1
  await account.reserve(`spent-${reviews}`, { credits })
  expect((await account.settle(`spent-${reviews}`, credits)).status).toBe(200)
}

describe("an operator's refund", () => {
  test('of all takes all credits back', async () => {
    const paid = await bought()
    const { status, body } = await refund(paid)
    expect(status).toBe(201)
    expect(body.purchase).toMatchObject({ state: 'refunded', refunded_cents: 500 })
    expect(body.balance).toMatchObject({ available: 0, debt: 0 })
    expect(await refundsOf(paid.payment)).toEqual([500])
    await expectAudited(paid.account)
  })

  test('of a part takes its share, rounded down, and of several never more than was paid', async () => {
    const paid = await bought()
    expect((await refund(paid, { amount_cents: 333 })).body.balance).toMatchObject({ available: 167 })
    const tooMuch = await refund(paid, { amount_cents: 168 })
    expect([tooMuch.status, tooMuch.body.limit, tooMuch.body.maximum]).toEqual([422, 'refundable_cents', 167])
    expect((await refund(paid)).body.purchase).toMatchObject({ state: 'refunded', refunded_cents: 500 })
    expect((await refund(paid, { amount_cents: 1 })).status).toBe(422)
    expect(await refundsOf(paid.payment)).toEqual([167, 333])
    await expectAudited(paid.account)
  })

  test('is made once for one Idempotency-Key, 20 at once, and another amount under it is a conflict', async () => {
    const paid = await bought()
    const headers = { 'Idempotency-Key': 'refund-1' }
    const all = await Promise.all(Array.from({ length: 20 }, () => refund(paid, { amount_cents: 100 }, { headers })))
    expect(all.filter(({ status }) => status >= 300)).toEqual([])
    const again = await refund(paid, { amount_cents: 100 }, { headers })
    expect([again.status, again.headers.get('Idempotent-Replayed')]).toEqual([200, 'true'])
    const other = await refund(paid, { amount_cents: 101 }, { headers })
    expect([other.status, other.body.field]).toEqual([409, 'amount_cents'])
    expect(await refundsOf(paid.payment)).toEqual([100])
    expect(await paid.account.balance()).toMatchObject({ available: 400 })
  })

  test('asked for by many at once without a key never comes to more than was paid', async () => {
    const paid = await bought()
    await Promise.all(Array.from({ length: 20 }, (_, index) => refund(paid, { amount_cents: 100 + index })))
    await sync(paid.account, paid.purchase)
    const total = (await refundsOf(paid.payment)).reduce((sum, cents) => sum + cents, 0)
    expect(total).toBeLessThanOrEqual(500)
    expect(await paid.account.balance()).toMatchObject({ available: 500 - total })
    await expectAudited(paid.account)
  })

  test.each(['before', 'after'] as const)(
    'whose outcome is not known (%s it was made) is asked for again under its key, and made once',
    async (strikes) => {
      for (const crashes of [false, true]) {
        const paid = await bought()
        const headers = { 'Idempotency-Key': 'refund-1' }
        await control('/faults', { route: REFUND, strikes, answer: 'lost' })
        expect((await refund(paid, { amount_cents: 200 }, { headers })).body.code).toBe('payment_provider_unavailable')
        if (crashes) await abortAllDurableObjects()
        // It counts as made until it is known: no other one may take what it asked for.
        const other = { headers: { 'Idempotency-Key': 'refund-2' } }
        expect((await refund(paid, { amount_cents: 301 }, other)).body).toMatchObject({ maximum: 300 })
        const again = await refund(paid, { amount_cents: 200 }, { headers })
        expect(again.body.purchase).toMatchObject({ refunded_cents: 200 })
        expect((await refund(paid, { amount_cents: 300 }, other)).status).toBe(201)
        expect(await refundsOf(paid.payment)).toEqual([300, 200])
        await expectAudited(paid.account)
      }
    },
  )

  test('that Stripe made and keeps saying 500 about is found by reading the payment', async () => {
    const paid = await bought()
    const headers = { 'Idempotency-Key': 'refund-1' }
    await control('/faults', { route: REFUND, strikes: 'after', answer: 500 })
    expect((await refund(paid, { amount_cents: 200 }, { headers })).status).toBe(503)
    expect(await sync(paid.account, paid.purchase)).toMatchObject({ refunded_cents: 200 })
    expect((await refund(paid, { amount_cents: 200 }, { headers })).status).toBe(200)
    expect(await refundsOf(paid.payment)).toEqual([200])
  })

  test('that is asked for again after Stripe has forgotten its key is still made once', async () => {
    const paid = await bought()
    const headers = { 'Idempotency-Key': 'refund-1' }
    await control('/faults', { route: REFUND, strikes: 'after', answer: 'lost' })
    expect((await refund(paid, { amount_cents: 200 }, { headers })).status).toBe(503)
    await passTime(25 * HOUR_MS)
    await refund(paid, { amount_cents: 200 }, { headers })
    expect(await refundsOf(paid.payment)).toEqual([200])
  })

  test('whose answer was lost is followed without anybody asking again', async () => {
    const paid = await bought()
    await control('/faults', { route: REFUND, strikes: 'after', answer: 'lost' })
    expect((await refund(paid)).status).toBe(503)
    await passTime(15 * MINUTE_MS)
    await callAlarm(paid.account.id)
    expect(await paid.account.balance()).toMatchObject({ available: 0 })
  })

  test('of what is not paid is refused', async () => {
    const account = await newAccount()
    const { purchase } = (await checkout(account)).body
    expect(await refund({ account, purchase: purchase.id })).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect((await refund({ account, purchase: 'pur_unknown' })).status).toBe(404)
  })
})

describe('auto top-up', () => {
  test('goes off with a refund, unless the operator said to keep it', async () => {
    for (const keeps of [false, true]) {
      const { account } = await armed()
      const { id } = (await account.get('/purchases')).body.data[0]
      await refund({ account, purchase: id }, { amount_cents: 100, keep_auto_top_up: keeps })
      expect(await view(account)).toMatchObject({ enabled: keeps })
    }
  })

  test("goes off with a refund from Stripe's dashboard, whatever its metadata pretends", async () => {
    const { account } = await armed()
    const { id } = (await account.get('/purchases')).body.data[0]
    await stripe.refunds.create({
      payment_intent: await paymentOf(account, id),
      amount: 100,
      metadata: { account: account.id, purchase: id, refund: 'ref_unknown', keep_auto_top_up: 'true' },
    })
    await tellAll(account)
    expect(await view(account)).toMatchObject({ enabled: false, state: 'off' })
    expect(await account.balance()).toMatchObject({ available: 400 })
  })

  test('goes off with a refund that was given the name of one which kept it', async () => {
    const { account } = await armed()
    const { id } = (await account.get('/purchases')).body.data[0]
    await refund({ account, purchase: id }, { amount_cents: 100, keep_auto_top_up: true })
    expect(await view(account)).toMatchObject({ enabled: true })
    const payment = await paymentOf(account, id)
    const { data } = await stripe.refunds.list({ payment_intent: payment })
    await stripe.refunds.create({ payment_intent: payment, amount: 100, metadata: data[0]?.metadata ?? {} })
    await tellAll(account)
    expect(await view(account)).toMatchObject({ enabled: false })
  })

  test('goes off with a dispute, and stays off when it is won', async () => {
    const { account } = await armed()
    const { id } = (await account.get('/purchases')).body.data[0]
    const dispute = await control('/disputes', { payment: await paymentOf(account, id) })
    await tellAll(account)
    expect(await view(account)).toMatchObject({ enabled: false })
    await control(`/disputes/${dispute.id}`, { status: 'won' })
    await tellAll(account)
    expect(await account.balance()).toMatchObject({ available: 500 })
    expect(await view(account)).toMatchObject({ enabled: false })
    await expectAudited(account)
  })
})

describe('a refund that the bank decides on', () => {
  test('takes the credits while it is pending, and no more once it has succeeded', async () => {
    const paid = await bought('pm_card_pendingRefund')
    expect((await refund(paid, { amount_cents: 200 })).body.balance).toMatchObject({ available: 300 })
    const { data } = await stripe.refunds.list({ payment_intent: paid.payment })
    expect(data[0]?.status).toBe('pending')
    await control(`/refunds/${data[0]?.id}`, { status: 'succeeded' })
    await tellAll(paid.account)
    expect(await paid.account.balance()).toMatchObject({ available: 300 })
    await expectAudited(paid.account)
  })

  test.each(['pm_card_pendingRefund', 'pm_card_refundFail'])('gives them back when it fails (%s)', async (card) => {
    const paid = await bought(card)
    await refund(paid, { amount_cents: 200 })
    const { data } = await stripe.refunds.list({ payment_intent: paid.payment })
    await control(`/refunds/${data[0]?.id}`, { status: 'failed' })
    await tellAll(paid.account)
    expect(await paid.account.balance()).toMatchObject({ available: 500 })
    expect((await entriesOf(paid.account)).map(({ kind }) => kind)).toEqual(['grant', 'refund', 'refund_reversal'])
    // And the money can be given back another way.
    expect((await refund(paid)).body.purchase).toMatchObject({ state: 'refunded', refunded_cents: 500 })
    await expectAudited(paid.account)
  })
})

describe('a dispute', () => {
  test('that is lost takes the credits for good', async () => {
    const { account, purchase, payment } = await bought()
    const dispute = await control('/disputes', { payment })
    await tellAll(account)
    expect(await account.balance()).toMatchObject({ available: 0 })
    await control(`/disputes/${dispute.id}`, { status: 'lost' })
    await tellAll(account)
    expect(await sync(account, purchase)).toMatchObject({ state: 'disputed', disputed_cents: 500 })
    expect((await entriesOf(account)).map(({ kind }) => kind)).toEqual(['grant', 'dispute'])
    await expectAudited(account)
  })

  test('that is won gives them back', async () => {
    const { account, purchase, payment } = await bought()
    const dispute = await control('/disputes', { payment, amount: 300 })
    await tellAll(account)
    expect(await account.balance()).toMatchObject({ available: 200 })
    await control(`/disputes/${dispute.id}`, { status: 'won' })
    await tellAll(account)
    expect(await sync(account, purchase)).toMatchObject({ state: 'paid', disputed_cents: 0 })
    expect(await account.balance()).toMatchObject({ available: 500 })
    await expectAudited(account)
  })

  test('that is only an inquiry moves nothing, until it becomes one', async () => {
    const { account, purchase, payment } = await bought()
    const inquiry = await control('/disputes', { payment, inquiry: true })
    await tellAll(account)
    expect(await account.balance()).toMatchObject({ available: 500 })
    expect(await sync(account, purchase)).toMatchObject({ state: 'paid', disputed_cents: 0 })
    await control(`/disputes/${inquiry.id}`, { status: 'needs_response' })
    await tellAll(account)
    expect(await account.balance()).toMatchObject({ available: 0 })
    await expectAudited(account)
  })

  test('of what is spent becomes debt, which a 402 names, and which is paid first', async () => {
    const { account, purchase, payment } = await bought()
    await spend(account, 400)
    const dispute = await control('/disputes', { payment })
    await tellAll(account)
    expect(await account.balance()).toMatchObject({ available: 0, debt: 400 })
    const { status, body } = await account.reserve('refused', { credits: 50 })
    expect([status, body.code]).toEqual([402, 'insufficient_credits'])
    expect(body).toMatchObject({
      debt: 400,
      available: 0,
      shortfall: 50,
      affordable_tiers: [],
      suggested_pack: { id: 'starter' },
      auto_top_up: { state: 'off' },
      retry_after_seconds: null,
    })
    await buy(account)
    expect(await account.balance()).toMatchObject({ available: 100, debt: 0 })
    await control(`/disputes/${dispute.id}`, { status: 'won' })
    await tellAll(account)
    expect(await sync(account, purchase)).toMatchObject({ state: 'paid' })
    expect(await account.balance()).toMatchObject({ available: 600, debt: 0 })
    await expectAudited(account)
  })

  test('never takes what a reservation holds', async () => {
    const { account, payment } = await bought()
    await account.reserve('held', { credits: 400 })
    await control('/disputes', { payment })
    await tellAll(account)
    expect(await account.balance()).toMatchObject({ available: 0, reserved: 400, debt: 400 })
    await account.release('held')
    expect(await account.balance()).toMatchObject({ available: 0, reserved: 0, debt: 0 })
    await expectAudited(account)
  })
})

describe('a 402 while auto top-up is on', () => {
  test('says that a charge is coming or under way, and when to come back', async () => {
    const { account } = await armed()
    await need(account)
    const armedStill = await account.reserve('r1', { credits: 100 })
    expect(armedStill.body).toMatchObject({ auto_top_up: { state: 'armed', pack: 'starter', credits: 500 } })
    expect(armedStill.body.retry_after_seconds).toBe(3)
    await control('/faults', { route: 'POST /v1/payment_intents', answer: 500 })
    await callAlarm(account.id)
    const charging = await account.reserve('r1', { credits: 100 })
    expect(charging.body).toMatchObject({ auto_top_up: { state: 'charging', open_cents: 500 }, retry_after_seconds: 3 })
    await passTime(MINUTE_MS)
    await callAlarm(account.id)
    expect((await account.reserve('r1', { credits: 100 })).status).toBe(201)
  })

  test('says that nothing is coming once the limit is reached', async () => {
    const { account } = await armed({ monthly_limit_cents: 500 })
    await need(account)
    await callAlarm(account.id)
    await need(account, 500)
    const { body } = await account.reserve('r1', { credits: 100 })
    expect(body.auto_top_up).toMatchObject({ state: 'limit_reached', open_cents: 0 })
    expect(Date.parse(body.auto_top_up.next_attempt_at)).toBeGreaterThan(Date.now())
  })

  test('is not needed by whoever waits: the charge serves them', async () => {
    const { account } = await armed({ monthly_limit_cents: 500 })
    await need(account)
    const waiting = account.reserve('waits', { credits: 500, wait_seconds: 20 })
    await callAlarm(account.id)
    expect((await waiting).status).toBe(201)
    expect(await account.balance()).toMatchObject({ available: 50, reserved: 500 })
  })
})

describe('a bank debit', () => {
  async function pending(): Promise<Bought> {
    const account = await newAccount()
    const { body } = await checkout(account)
    const session = await payWith('debit', body.url)
    return { account, purchase: body.purchase.id, payment: session.payment_intent }
  }

  test('grants nothing while the bank works on it, and once it is paid, by webhook alone', async () => {
    const { account, purchase, payment } = await pending()
    await tellAll(account)
    expect(await sync(account, purchase)).toMatchObject({ state: 'processing', paid_at: null })
    expect(await account.balance()).toMatchObject({ available: 0 })
    await control(`/payments/${payment}/settle`, { paid: true })
    await tellAll(account)
    expect((await account.get(`/purchases/${purchase}`)).body.purchase).toMatchObject({ state: 'paid' })
    expect(await account.balance()).toMatchObject({ available: 500 })
    await expectAudited(account)
  })

  test('that the bank returns grants nothing', async () => {
    const { account, purchase, payment } = await pending()
    await sync(account, purchase)
    await control(`/payments/${payment}/settle`, { paid: false })
    await tellAll(account)
    expect((await account.get(`/purchases/${purchase}`)).body.purchase).toMatchObject({ state: 'failed' })
    expect(await account.balance()).toMatchObject({ available: 0 })
    await expectAudited(account)
  })

  test('is looked after when no webhook comes', async () => {
    const { account, purchase, payment } = await pending()
    await sync(account, purchase)
    await control(`/payments/${payment}/settle`, { paid: true })
    await passTime(25 * HOUR_MS)
    await callAlarm(account.id)
    expect(await account.balance()).toMatchObject({ available: 500 })
  })

  test('is not offered to whoever keeps the method for auto top-up', async () => {
    const account = await newAccount()
    const { body } = await checkout(account, { save_card: true })
    await expect(payWith('debit', body.url)).rejects.toThrow()
  })
})

describe('a Checkout page that closes', () => {
  test('unpaid is an expired purchase, with a webhook or without', async () => {
    for (const tells of [true, false]) {
      const account = await newAccount()
      const { purchase, url } = (await checkout(account)).body
      await passTime(24 * HOUR_MS)
      if (tells) await tellAll(account)
      else await callAlarm(account.id)
      expect((await account.get(`/purchases/${purchase.id}`)).body).toMatchObject({
        purchase: { state: 'expired' },
        url: null,
      })
      await expect(payWith('pm_card_visa', url)).rejects.toThrow()
      expect(await account.balance()).toMatchObject({ available: 0 })
    }
  })

  test('paid in its last minute is granted, though no webhook came', async () => {
    const account = await newAccount()
    const { url } = (await checkout(account)).body
    await passTime(23 * HOUR_MS)
    await payWith('pm_card_visa', url)
    await callAlarm(account.id)
    await passTime(2 * HOUR_MS)
    await callAlarm(account.id)
    expect(await account.balance()).toMatchObject({ available: 500 })
  })

  test('because Stripe was told to close it is expired too, and says so once', async () => {
    const account = await newAccount()
    const { purchase, url } = (await checkout(account)).body
    await stripe.checkout.sessions.expire(sessionOf(url))
    await Promise.all([tellAll(account), tellAll(account)])
    expect((await account.get(`/purchases/${purchase.id}`)).body.purchase).toMatchObject({ state: 'expired' })
    expect(await entriesOf(account)).toEqual([])
  })

  test('that Stripe never made is expired as well, when its time is over', async () => {
    const account = await newAccount()
    await control('/faults', { route: 'POST /v1/checkout/sessions', answer: 500 })
    expect((await checkout(account)).status).toBe(503)
    await passTime(24 * HOUR_MS)
    await callAlarm(account.id)
    expect((await account.get('/purchases')).body.data).toMatchObject([{ state: 'expired' }])
  })
})

test('a customer who is deleted at Stripe can still be refunded for what they bought', async () => {
  const paid = await bought()
  await stripe.customers.del(await customerOf(paid.account))
  expect((await refund(paid)).body.purchase).toMatchObject({ state: 'refunded' })
  await tellAll(paid.account)
  expect((await checkout(paid.account)).status).toBe(201)
  await expectAudited(paid.account)
})
