/** The double's own pages, clicked as a browser without scripts would. */
import { describe, expect, it } from 'vitest'
import { eventsOf, startDouble } from './double.ts'

const { stripe, url, double } = await startDouble()

async function submit(page: string, fields: Record<string, string>): Promise<Response> {
  return fetch(new URL(page, url), { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
}

async function open(allowed?: 'card') {
  const customer = await stripe.customers.create({ email: 'ada@example.com' })
  const session = await stripe.checkout.sessions.create({
    mode: 'payment',
    customer: customer.id,
    ...(allowed === undefined ? {} : { allowed_payment_method_types: [allowed] }),
    line_items: [
      { quantity: 1, price_data: { currency: 'usd', unit_amount: 2_500, product_data: { name: '<b>Credits</b>' } } },
    ],
    payment_intent_data: { metadata: { purchase: 'p1' }, setup_future_usage: 'off_session' },
    success_url: 'https://shop.example/thanks?session={CHECKOUT_SESSION_ID}',
    cancel_url: 'https://shop.example/cart',
  })
  return { id: session.id, page: session.url ?? '', customer: customer.id }
}

describe('the Checkout page', () => {
  it('shows what is bought, safely, and a choice of cards', async () => {
    const { page } = await open('card')
    const text = await (await fetch(page)).text()
    expect(text).toContain('$25.00')
    expect(text).toContain('&lt;b&gt;Credits')
    expect(text).toContain('4242 4242 4242 4242')
    expect(text).not.toContain('Bank debit')
  })

  it('paid with a good card goes to the success page, keeps the card, and tells the whole story', async () => {
    const { id, page, customer } = await open('card')
    const response = await submit(page, { card: '4242424242424242', action: 'pay' })
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe(`https://shop.example/thanks?session=${id}`)
    const session = await stripe.checkout.sessions.retrieve(id, { expand: ['payment_intent.latest_charge'] })
    expect(session).toMatchObject({ status: 'complete', payment_status: 'paid', url: null })
    expect(session.payment_intent).toMatchObject({
      status: 'succeeded',
      amount_received: 2_500,
      customer,
      metadata: { purchase: 'p1' },
      latest_charge: { paid: true },
    })
    expect((await stripe.customers.listPaymentMethods(customer)).data).toHaveLength(1)
    expect(await eventsOf(stripe, id)).toEqual(['checkout.session.completed'])
    expect((await submit(page, { card: '4242424242424242', action: 'pay' })).status).toBe(409)
    const charges = await stripe.charges.list({ customer })
    expect(charges.data).toHaveLength(1)
  })

  it('stays open after a decline, and can be paid with another card by the same PaymentIntent', async () => {
    const { id, page, customer } = await open('card')
    const declined = await submit(page, { card: '4000000000009995', action: 'pay' })
    expect(declined.status).toBe(402)
    expect(await declined.text()).toContain('insufficient funds')
    expect((await stripe.checkout.sessions.retrieve(id)).status).toBe('open')
    await submit(page, { card: '4242424242424242', action: 'pay' })
    const intents = await stripe.paymentIntents.list({ customer })
    expect(intents.data.map(({ status }) => status)).toEqual(['succeeded'])
  })

  it('asks for authentication, takes no for an answer, and a yes', async () => {
    const { id, page } = await open('card')
    const first = await submit(page, { card: '4000002760003184', action: 'pay' })
    const question = first.headers.get('location') ?? ''
    expect(question).toContain('/authenticate/pi_')
    expect((await submit(question, { action: 'fail' })).status).toBe(402)
    const second = await submit(page, { card: '4000002760003184', action: 'pay' })
    const done = await submit(second.headers.get('location') ?? '', { action: 'pass' })
    expect(done.headers.get('location')).toContain('https://shop.example/thanks')
    expect((await stripe.checkout.sessions.retrieve(id)).payment_status).toBe('paid')
  })

  it('cancelled goes back to the shop and stays open', async () => {
    const { id, page } = await open('card')
    const response = await submit(page, { action: 'cancel' })
    expect(response.headers.get('location')).toBe('https://shop.example/cart')
    expect((await stripe.checkout.sessions.retrieve(id)).status).toBe('open')
  })

  it.each([
    [true, 'paid', 'checkout.session.async_payment_succeeded'],
    [false, 'unpaid', 'checkout.session.async_payment_failed'],
  ])('with a debit is complete but unpaid until the bank says %s', async (paid, status, event) => {
    const { id, page } = await open()
    await submit(page, { card: 'debit', action: 'pay' })
    const session = await stripe.checkout.sessions.retrieve(id)
    expect(session).toMatchObject({ status: 'complete', payment_status: 'unpaid' })
    double.control.settle(String(session.payment_intent), paid)
    expect((await stripe.checkout.sessions.retrieve(id)).payment_status).toBe(status)
    expect(await eventsOf(stripe, id)).toEqual(['checkout.session.completed', event])
  })

  it('expires by the clock of the double, and with it the payment that was tried', async () => {
    const { id, page, customer } = await open('card')
    await submit(page, { card: '4000000000000002', action: 'pay' })
    await double.control.advance(25 * 60 * 60 * 1000)
    expect((await stripe.checkout.sessions.retrieve(id)).status).toBe('expired')
    const [intent] = (await stripe.paymentIntents.list({ customer })).data
    expect(intent?.status).toBe('canceled')
    expect(await (await fetch(page)).text()).toContain('nothing to pay')
  })
})

describe('a session whose payment was cancelled by id', () => {
  it('cannot be paid any more, and still expires in peace', async () => {
    const { id, page, customer } = await open('card')
    await submit(page, { card: '4000000000000002', action: 'pay' })
    const [intent] = (await stripe.paymentIntents.list({ customer })).data
    await stripe.paymentIntents.cancel(intent?.id ?? '')
    expect((await submit(page, { card: '4242424242424242', action: 'pay' })).status).toBe(400)
    await double.control.advance(25 * 60 * 60 * 1000)
    expect((await stripe.checkout.sessions.retrieve(id)).status).toBe('expired')
    expect((await stripe.charges.list({ customer })).data.map(({ paid }) => paid)).toEqual([false])
  })
})

describe('the portal', () => {
  it('shows the cards that are kept, and removes one', async () => {
    const { id: customer } = await stripe.customers.create()
    const method = await stripe.paymentMethods.attach('pm_card_visa', { customer })
    const session = await stripe.billingPortal.sessions.create({ customer, return_url: 'https://shop.example/' })
    expect(await (await fetch(session.url)).text()).toContain('visa …4242')
    await submit(session.url, { remove: method.id })
    expect((await stripe.customers.listPaymentMethods(customer)).data).toEqual([])
    expect(await eventsOf(stripe, method.id)).toContain('payment_method.detached')
  })
})
