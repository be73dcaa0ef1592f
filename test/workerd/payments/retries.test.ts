/** What people and machines do when an answer did not come: they ask again, with a key or without, and somebody else too. */
import { runInDurableObject } from 'cloudflare:test'
import { beforeAll, expect, test } from 'vitest'
import type { Account } from '../../../src/account/object.ts'
import { type AccountApi, call, newAccount } from '../api.ts'
import { callAlarm } from '../object.ts'
import { buy, chargedTo, checkout, control, payWith, resetDouble, stripe, sync } from './stripe.ts'
import { agree, armedWith, customerKey, customerOf, need, put, view, workToTheEnd } from './topping-up.ts'

beforeAll(resetDouble)

const REFUNDS = 'POST /v1/refunds'
/** The SDK does not try again, but a connection that breaks it does. */
const FOR_ONE_CALL = { answer: 500, strikes: 'before', times: 1 }

function refund(account: AccountApi, purchase: string, key: string | null, amount = 100) {
  const headers: Record<string, string> = key === null ? {} : { 'Idempotency-Key': key }
  return account.post(`/purchases/${purchase}/refund`, { amount_cents: amount, reason: 'asked for' }, { headers })
}

test('a refund that did not come about is made once, however many keys and people ask for it', async () => {
  const account = await newAccount()
  const { id } = await buy(account)
  await control('/faults', { route: REFUNDS, ...FOR_ONE_CALL })
  expect((await refund(account, id, 'k1')).status).toBe(503)
  // Another key is another refund; the first is made on the way. Each answers for itself from then on.
  expect((await refund(account, id, 'k2')).status).toBe(201)
  expect((await refund(account, id, 'k2')).status).toBe(200)
  expect((await refund(account, id, 'k1')).status).toBe(200)
  expect((await refund(account, id, 'k3', 200)).status).toBe(201)
  expect(await sync(account, id)).toMatchObject({ refunded_cents: 400 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('the same refund without a key is the same refund for a day, and is made without being asked for again', async () => {
  const account = await newAccount()
  const { id } = await buy(account)
  await control('/faults', { route: REFUNDS, ...FOR_ONE_CALL })
  expect((await refund(account, id, null)).status).toBe(503)
  await callAlarm(account.id)
  expect((await refund(account, id, null)).headers.get('Idempotent-Replayed')).toBe('true')
  expect(await sync(account, id)).toMatchObject({ refunded_cents: 100 })
})

test('two clicks on the link of a top-up lead to one page, so that it is paid once', async () => {
  const { account } = await armedWith('pm_card_authenticationRequired')
  await need(account)
  await workToTheEnd(account)
  const attempt = (await view(account)).last_attempt.id
  // In the object, because both have to come while a commit is on its way.
  const urls = await runInDurableObject(account.stub(), async (instance: Account) => {
    const service = { kind: 'service' } as const
    const pay = () => instance.desk(service, 'pay', { id: attempt, links: 'https://credits.test/pay/x' })
    const grant = {
      op: 'grant',
      id: 'g',
      kind: 'promotional',
      credits: 1,
      expiresAt: null,
      reason: 'a commit',
    } as const
    const answers = await Promise.all([instance.execute(service, grant), pay(), pay()])
    return answers.slice(1).map((answer) => (answer.ok && 'purchase' in answer ? answer.purchase?.url : null))
  })
  expect(urls[0]).toMatch(/^https/)
  expect(urls[1]).toBe(urls[0])
})

test('an outage of Stripe locks nobody out of buying after it', async () => {
  const account = await newAccount()
  await control('/faults', { route: '*', answer: 500, times: 1_000 })
  for (let time = 0; time < 51; time += 1) expect((await checkout(account)).status).toBe(503)
  await control('/faults', {}, 'DELETE')
  expect(await buy(account)).toMatchObject({ state: 'paid' })
  expect(await chargedTo(account)).toHaveLength(1)
})

test('agreeing again moves auto top-up to the card that the customer made their default', async () => {
  const account = await newAccount()
  await buy(account, { save_card: true })
  await callAlarm(account.id)
  const key = await customerKey(account)
  expect(await agree(account, key)).toMatchObject({ agreed: { card: { last4: '4242' } } })
  const customer = await customerOf(account)
  const card = await stripe.paymentMethods.attach('pm_card_mastercard', { customer })
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: card.id } })
  // Kept beside the agreed one, it changes nothing by itself.
  expect(await view(account)).toMatchObject({ state: 'armed', card: { last4: '4242' } })
  expect(await agree(account, key)).toMatchObject({ state: 'armed', agreed: { card: { last4: '4444' } } })
})

test('what an operator writes while it is off, the customer does not agree to by switching it on', async () => {
  const account = await newAccount()
  await buy(account, { save_card: true })
  await callAlarm(account.id)
  const key = await customerKey(account)
  await agree(account, key)
  const operator = { enabled: false, threshold: 5_000, pack: 'enterprise', monthly_limit_cents: 99_999_999 }
  expect((await put(account, 'operator-test-key-newest', operator)).status).toBe(200)
  const path = `/v1/accounts/${account.id}/auto-top-up`
  const on = await call('PUT', path, { key, body: { enabled: true } })
  expect(on.body).toMatchObject({ enabled: true, pack: 'starter', threshold: 100, monthly_limit_cents: 2_000 })
})

test('the audit names a payment that the account has not followed', async () => {
  const account = await newAccount()
  const started = await checkout(account)
  await payWith('pm_card_visa', started.body.url)
  const { id } = started.body.purchase
  await control('/faults', { route: 'GET /v1/checkout/sessions/:id', answer: 500, times: 10 })
  expect((await account.post(`/purchases/${id}/sync`, {})).status).toBe(503)
  const audit = await account.audit()
  await control('/faults', {}, 'DELETE')
  expect(audit).toMatchObject({ ok: false })
  expect(audit.differences).toContain(`purchase ${id} is open, but Stripe says that it is paid`)
  await sync(account, id)
  expect(await account.audit()).toMatchObject({ ok: true })
})
