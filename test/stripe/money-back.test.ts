import { describe, expect, it } from 'vitest'
import { anyStripe, eventsOf, refusal } from './double.ts'

const stripe = await anyStripe()

async function paid(payment_method = 'pm_card_visa') {
  const fields = { amount: 2_000, currency: 'usd', allowed_payment_method_types: ['card' as const] }
  return stripe.paymentIntents.create({ ...fields, payment_method, confirm: true })
}

describe('a refund', () => {
  it('in parts adds up on the charge, and can never exceed it', async () => {
    const { id: payment_intent } = await paid()
    const refund = await stripe.refunds.create({ payment_intent, amount: 500, metadata: { why: 'test' } })
    expect(refund).toMatchObject({ status: 'succeeded', amount: 500, payment_intent, metadata: { why: 'test' } })
    const tooMuch = await refusal(stripe.refunds.create({ payment_intent, amount: 1_501 }))
    expect(tooMuch).toMatchObject({ statusCode: 400, param: 'amount' })
    await stripe.refunds.create({ payment_intent })
    const [charge] = (await stripe.charges.list({ payment_intent })).data
    expect(charge).toMatchObject({ amount_refunded: 2_000, refunded: true })
    expect(await refusal(stripe.refunds.create({ payment_intent }))).toMatchObject({ code: 'charge_already_refunded' })
    const listed = await stripe.refunds.list({ payment_intent })
    expect(listed.data.map(({ amount }) => amount)).toEqual([1_500, 500])
    const events = await eventsOf(stripe, refund.id)
    expect(events).toContain('refund.created')
  })

  it('of a card that says so stays pending', async () => {
    const { id: payment_intent } = await paid('pm_card_pendingRefund')
    expect(await stripe.refunds.create({ payment_intent })).toMatchObject({ status: 'pending' })
  })

  it('of a payment that was never made is refused', async () => {
    const { id: payment_intent } = await stripe.paymentIntents.create({ amount: 2_000, currency: 'usd' })
    expect(await refusal(stripe.refunds.create({ payment_intent }))).toMatchObject({ statusCode: 400 })
  })
})

describe('a dispute', () => {
  it('takes the amount and a fee, is won with evidence, and gives the amount back', async () => {
    const { id: payment_intent } = await paid('pm_card_createDispute')
    const [dispute] = (await stripe.disputes.list({ payment_intent })).data
    expect(dispute).toMatchObject({ status: 'needs_response', amount: 2_000, is_charge_refundable: false })
    expect(dispute?.balance_transactions.map(({ amount, net }) => [amount, net])).toEqual([[-2_000, -3_500]])
    const refused = await refusal(stripe.refunds.create({ payment_intent }))
    expect(refused.code).toBe('charge_disputed')
    const evidence = { uncategorized_text: 'winning_evidence' }
    const won = await stripe.disputes.update(dispute?.id ?? '', { evidence, submit: true })
    expect(won.status).toBe('won')
    expect(won.balance_transactions.reduce((sum, { amount }) => sum + amount, 0)).toBe(0)
    expect(await eventsOf(stripe, won.id)).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.updated',
      'charge.dispute.closed',
      'charge.dispute.funds_reinstated',
    ])
  })

  it('that nobody contests is lost', async () => {
    const { id: payment_intent } = await paid('pm_card_createDisputeProductNotReceived')
    const [dispute] = (await stripe.disputes.list({ payment_intent })).data
    expect(dispute?.reason).toBe('product_not_received')
    expect((await stripe.disputes.close(dispute?.id ?? '')).status).toBe('lost')
  })

  it('that is only an inquiry moves no money, and the payment can still be refunded', async () => {
    const { id: payment_intent } = await paid('pm_card_createDisputeInquiry')
    const [inquiry] = (await stripe.disputes.list({ payment_intent })).data
    expect(inquiry).toMatchObject({ status: 'warning_needs_response', balance_transactions: [] })
    expect(await stripe.refunds.create({ payment_intent })).toMatchObject({ status: 'succeeded' })
    expect(await eventsOf(stripe, inquiry?.id ?? '')).toEqual(['charge.dispute.created'])
  })
})
