import type { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { anyStripe, eventsOf, refusal } from './double.ts'

const stripe = await anyStripe()

const params = {
  mode: 'payment' as const,
  allowed_payment_method_types: ['card' as const],
  line_items: [
    {
      quantity: 1,
      price_data: { currency: 'usd', unit_amount: 2_500, product_data: { name: '2,500 credits' } },
    },
  ],
  client_reference_id: 'purchase_1',
  metadata: { purchase: 'purchase_1' },
  payment_intent_data: { metadata: { purchase: 'purchase_1' }, setup_future_usage: 'off_session' as const },
  success_url: 'https://shop.example/thanks?session={CHECKOUT_SESSION_ID}',
  cancel_url: 'https://shop.example/cart',
}

describe('a Checkout session', () => {
  it('is open and unpaid, knows its price and our ids, and has charged nobody', async () => {
    const { id: customer } = await stripe.customers.create()
    const session = await stripe.checkout.sessions.create({ ...params, customer })
    expect(session).toMatchObject({
      status: 'open',
      payment_status: 'unpaid',
      amount_total: 2_500,
      currency: 'usd',
      client_reference_id: 'purchase_1',
      metadata: { purchase: 'purchase_1' },
      customer,
      payment_intent: null,
    })
    expect(session.url).toMatch(/^https?:\/\//)
    const { data } = await stripe.checkout.sessions.listLineItems(session.id)
    expect(data).toMatchObject([{ amount_total: 2_500, quantity: 1, description: '2,500 credits' }])
    const read = await stripe.checkout.sessions.retrieve(session.id, { expand: ['line_items'] })
    expect(read.line_items?.data).toHaveLength(1)
  })

  it('can be expired once, and then no more', async () => {
    const session = await stripe.checkout.sessions.create(params)
    expect(await stripe.checkout.sessions.expire(session.id)).toMatchObject({ status: 'expired', url: null })
    expect(await refusal(stripe.checkout.sessions.expire(session.id))).toMatchObject({ statusCode: 400 })
    expect(await eventsOf(stripe, session.id)).toEqual(['checkout.session.expired'])
  })

  it.each<[string, Partial<Stripe.Checkout.SessionCreateParams>, string]>([
    ['without items', { line_items: [] }, 'line_items'],
    ['for a customer that is not there', { customer: 'cus_nobody' }, 'customer'],
    ['that would expire at once', { expires_at: 1 }, 'expires_at'],
    ['with a reference that would be cut off', { client_reference_id: 'x'.repeat(201) }, 'client_reference_id'],
  ])('%s is refused by name', async (_what, change, param) => {
    const refused = await refusal(stripe.checkout.sessions.create({ ...params, ...change }))
    expect(refused).toMatchObject({ statusCode: 400, param })
  })
})

describe('the portal', () => {
  it('has a page for a customer, and none for nobody', async () => {
    const { id: customer } = await stripe.customers.create()
    const session = await stripe.billingPortal.sessions.create({ customer, return_url: 'https://shop.example/' })
    expect(session).toMatchObject({ customer, return_url: 'https://shop.example/' })
    expect(session.url).toMatch(/^https?:\/\//)
    const refused = await refusal(stripe.billingPortal.sessions.create({ customer: 'cus_nobody' }))
    expect(refused).toMatchObject({ code: 'resource_missing', param: 'customer' })
  })
})
