import { describe, expect, it } from 'vitest'
import { anyStripe, eventsOf, freshKey, refusal } from './double.ts'

const stripe = await anyStripe()
const fields = { amount: 2_000, currency: 'usd', allowed_payment_method_types: ['card' as const] }

async function customerWith(card: string) {
  const customer = await stripe.customers.create({ email: 'ada@example.com', metadata: { account: 'a1' } })
  const method = await stripe.paymentMethods.attach(card, { customer: customer.id })
  return { customer: customer.id, payment_method: method.id }
}

describe('customers', () => {
  it('keep what they were given, merge metadata, and tell what changed', async () => {
    const customer = await stripe.customers.create({ name: 'Ada', metadata: { a: '1', b: '2' } })
    const changed = await stripe.customers.update(customer.id, { name: 'Ada L.', metadata: { b: '', c: '3' } })
    expect(changed).toMatchObject({ name: 'Ada L.', metadata: { a: '1', c: '3' } })
    expect(changed.metadata).not.toHaveProperty('b')
    expect(await eventsOf(stripe, customer.id)).toEqual(['customer.created', 'customer.updated'])
  })

  it('once deleted can be read as deleted, and used for nothing', async () => {
    const { customer, payment_method } = await customerWith('pm_card_visa')
    await stripe.customers.del(customer)
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ id: customer, deleted: true })
    const refused = await refusal(stripe.paymentIntents.create({ ...fields, customer }))
    expect(refused).toMatchObject({ code: 'resource_missing', param: 'customer', statusCode: 400 })
    expect((await stripe.paymentMethods.retrieve(payment_method)).customer).toBeNull()
  })

  it('that do not exist are a 404 that names the id', async () => {
    const refused = await refusal(stripe.customers.retrieve('cus_nobody'))
    expect(refused).toMatchObject({ statusCode: 404, code: 'resource_missing', type: 'StripeInvalidRequestError' })
  })
})

describe('payment methods', () => {
  it('are new each time a test card is attached, listed for their customer, and useless once detached', async () => {
    const { customer, payment_method: id } = await customerWith('pm_card_visa')
    const second = await stripe.paymentMethods.attach('pm_card_mastercard', { customer })
    const listed = await stripe.customers.listPaymentMethods(customer)
    expect(listed.data.map((method) => method.id)).toEqual([second.id, id])
    await stripe.paymentMethods.detach(id)
    expect((await stripe.paymentMethods.list({ customer })).data.map((method) => method.id)).toEqual([second.id])
    const refused = await refusal(stripe.paymentMethods.attach(id, { customer }))
    expect(refused.message).toContain('may not be used again')
    expect(await eventsOf(stripe, id)).toEqual(['payment_method.attached', 'payment_method.detached'])
  })

  it('that the bank declines cannot be kept', async () => {
    const { id: customer } = await stripe.customers.create()
    const refused = await refusal(stripe.paymentMethods.attach('pm_card_chargeDeclined', { customer }))
    expect(refused).toMatchObject({ type: 'StripeCardError', code: 'card_declined', statusCode: 402 })
    expect((await stripe.customers.listPaymentMethods(customer)).data).toEqual([])
  })

  it('of one customer cannot pay for another', async () => {
    const { payment_method } = await customerWith('pm_card_visa')
    const { id: customer } = await stripe.customers.create()
    const refused = await refusal(stripe.paymentIntents.create({ ...fields, customer, payment_method }))
    expect(refused).toMatchObject({ type: 'StripeInvalidRequestError', statusCode: 400 })
  })
})

describe('a PaymentIntent', () => {
  it('is created unconfirmed, moves nothing, and is charged once when it is confirmed by id', async () => {
    const parties = await customerWith('pm_card_visa')
    const metadata = { attempt: 't1' }
    const created = await stripe.paymentIntents.create({ ...fields, ...parties, metadata })
    expect(created).toMatchObject({ status: 'requires_confirmation', amount_received: 0, latest_charge: null })
    const confirmed = await stripe.paymentIntents.confirm(created.id, { off_session: true, expand: ['latest_charge'] })
    expect(confirmed).toMatchObject({ status: 'succeeded', amount_received: 2_000, metadata })
    expect(confirmed.latest_charge).toMatchObject({ object: 'charge', paid: true, amount: 2_000, metadata })
    const again = await refusal(stripe.paymentIntents.confirm(created.id, { off_session: true }))
    expect(again).toMatchObject({ code: 'payment_intent_unexpected_state', statusCode: 400 })
    expect(again.payment_intent?.status).toBe('succeeded')
    expect((await stripe.charges.list({ payment_intent: created.id })).data).toHaveLength(1)
    expect(await eventsOf(stripe, created.id)).toEqual([
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
    ])
  })

  it('whose card declines goes back to the start, and its error carries it', async () => {
    const parties = await customerWith('pm_card_chargeCustomerFail')
    const created = await stripe.paymentIntents.create({ ...fields, ...parties })
    const declined = await refusal(stripe.paymentIntents.confirm(created.id, { off_session: true }))
    expect(declined).toMatchObject({ type: 'StripeCardError', statusCode: 402, code: 'card_declined' })
    expect(declined.payment_intent).toMatchObject({ id: created.id, status: 'requires_payment_method' })
    const now = await stripe.paymentIntents.retrieve(created.id)
    expect(now).toMatchObject({ status: 'requires_payment_method', payment_method: null })
    expect(now.last_payment_error?.code).toBe('card_declined')
    const [charge] = (await stripe.charges.list({ payment_intent: created.id })).data
    expect(charge).toMatchObject({ status: 'failed', paid: false })
    expect((await stripe.paymentIntents.cancel(created.id)).status).toBe('canceled')
    expect(await eventsOf(stripe, created.id)).toEqual([
      'payment_intent.created',
      'charge.failed',
      'payment_intent.payment_failed',
      'payment_intent.canceled',
    ])
  })

  it.each([
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error'],
  ])('with %s is declined as %s', async (payment_method, code, decline) => {
    const declined = await refusal(stripe.paymentIntents.create({ ...fields, payment_method, confirm: true }))
    expect(declined.code).toBe(code)
    expect(declined.decline_code ?? code).toBe(decline)
  })

  it('that needs the customer says so off session, and waits for them on session', async () => {
    const payment_method = 'pm_card_authenticationRequired'
    const parties = await customerWith(payment_method)
    const created = await stripe.paymentIntents.create({ ...fields, ...parties })
    const refused = await refusal(stripe.paymentIntents.confirm(created.id, { off_session: true }))
    expect(refused).toMatchObject({ statusCode: 402, code: 'authentication_required' })
    expect(refused.payment_intent?.status).toBe('requires_payment_method')
    const waiting = await stripe.paymentIntents.create({ ...fields, payment_method, confirm: true })
    expect(waiting).toMatchObject({ status: 'requires_action', amount_received: 0 })
  })

  it('that was cancelled cannot be charged', async () => {
    const parties = await customerWith('pm_card_visa')
    const { id } = await stripe.paymentIntents.create({ ...fields, ...parties })
    await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' })
    const refused = await refusal(stripe.paymentIntents.confirm(id))
    expect(refused.code).toBe('payment_intent_unexpected_state')
    expect((await stripe.charges.list({ payment_intent: id })).data).toEqual([])
  })
})

describe('a SetupIntent', () => {
  it('keeps the card for its customer', async () => {
    const { id: customer } = await stripe.customers.create()
    const setup = await stripe.setupIntents.create({
      customer,
      payment_method: 'pm_card_visa',
      allowed_payment_method_types: ['card'],
      confirm: true,
    })
    expect(setup).toMatchObject({ status: 'succeeded', usage: 'off_session' })
    const listed = await stripe.customers.listPaymentMethods(customer)
    expect(listed.data.map((method) => method.id)).toEqual([setup.payment_method])
  })

  it('that is declined carries its error, and can be cancelled', async () => {
    const setup = await stripe.setupIntents.create({ allowed_payment_method_types: ['card'] })
    const payment_method = 'pm_card_chargeDeclined'
    const refused = await refusal(stripe.setupIntents.confirm(setup.id, { payment_method }))
    expect(refused).toMatchObject({ statusCode: 402, code: 'card_declined' })
    expect(refused.setup_intent).toMatchObject({ id: setup.id, status: 'requires_payment_method' })
    expect((await stripe.setupIntents.cancel(setup.id)).status).toBe('canceled')
  })
})

describe('idempotency', () => {
  it('gives the first answer again, and says so', async () => {
    const idempotencyKey = freshKey()
    const first = await stripe.paymentIntents.create(fields, { idempotencyKey })
    const second = await stripe.paymentIntents.create(fields, { idempotencyKey })
    expect(second.id).toBe(first.id)
    expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined()
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true')
  })

  it('refuses the key of another request', async () => {
    const idempotencyKey = freshKey()
    await stripe.paymentIntents.create(fields, { idempotencyKey })
    for (const call of [
      stripe.paymentIntents.create({ ...fields, amount: 2_001 }, { idempotencyKey }),
      stripe.customers.create({}, { idempotencyKey }),
    ]) {
      expect(await refusal(call)).toMatchObject({ type: 'StripeIdempotencyError', statusCode: 400 })
    }
  })

  it('keeps a decline: the same key never tries the card again', async () => {
    const idempotencyKey = freshKey()
    const params = { ...fields, payment_method: 'pm_card_chargeDeclined', confirm: true }
    const first = await refusal(stripe.paymentIntents.create(params, { idempotencyKey }))
    const second = await refusal(stripe.paymentIntents.create(params, { idempotencyKey }))
    expect(second.payment_intent?.id).toBe(first.payment_intent?.id)
    expect(second.headers?.['idempotent-replayed']).toBe('true')
  })

  it('forgets a request that was never begun', async () => {
    const idempotencyKey = freshKey()
    await refusal(stripe.paymentIntents.create({ ...fields, amount: Number.NaN }, { idempotencyKey }))
    expect((await stripe.paymentIntents.create(fields, { idempotencyKey })).status).toBe('requires_payment_method')
  })
})

describe('a request', () => {
  const raw = (path: string, params: object) => stripe.rawRequest('POST', path, { ...params })

  it.each([
    ['an unknown parameter', { ...fields, colour: 'red' }, 'parameter_unknown', 'colour'],
    ['what endive removed', { ...fields, payment_method_types: ['card'] }, 'parameter_unknown', 'payment_method_types'],
    ['a missing parameter', { amount: 2_000 }, 'parameter_missing', 'currency'],
    ['text for a number', { ...fields, amount: 'much' }, 'parameter_invalid_integer', 'amount'],
    ['too small an amount', { ...fields, amount: 49 }, 'amount_too_small', 'amount'],
  ])('with %s is refused by name', async (_what, params, code, param) => {
    expect(await refusal(raw('/v1/payment_intents', params))).toMatchObject({ statusCode: 400, code, param })
  })

  it('with a word that is not in an enumeration is refused by name', async () => {
    const refused = await refusal(raw('/v1/payment_intents', { ...fields, capture_method: 'whenever' }))
    expect(refused).toMatchObject({ statusCode: 400, param: 'capture_method' })
  })

  it('to an unknown route gets an error object', async () => {
    expect(await refusal(raw('/v1/moonbeams', {}))).toMatchObject({
      type: 'StripeInvalidRequestError',
      statusCode: 404,
    })
  })

  it('may ask for an object in place of its id, and for none that is not there', async () => {
    const parties = await customerWith('pm_card_visa')
    const { id } = await stripe.paymentIntents.create({ ...fields, ...parties })
    const expanded = await stripe.paymentIntents.retrieve(id, { expand: ['customer', 'payment_method'] })
    expect(expanded.customer).toMatchObject({ id: parties.customer, object: 'customer' })
    expect(expanded.payment_method).toMatchObject({ id: parties.payment_method })
    const refused = await refusal(stripe.paymentIntents.retrieve(id, { expand: ['moon'] }))
    expect(refused.message).toContain('cannot be expanded')
  })
})

describe('a list', () => {
  it('is newest first, in pages that miss and repeat nothing', async () => {
    const { id: customer } = await stripe.customers.create()
    const made: string[] = []
    for (let count = 0; count < 5; count++) {
      made.unshift((await stripe.paymentIntents.create({ ...fields, customer })).id)
    }
    const walked = await stripe.paymentIntents.list({ customer, limit: 2 }).autoPagingToArray({ limit: 100 })
    expect(walked.map(({ id }) => id)).toEqual(made)
    const [, second = '', third = ''] = made
    const back = await stripe.paymentIntents.list({ customer, ending_before: third, limit: 1 })
    expect(back.data.map(({ id }) => id)).toEqual([second])
    expect(back.has_more).toBe(true)
  })
})
