/** Auto top-up as tests see it: a customer who agrees to it, and what has become of it. */
import { expect } from 'vitest'
import { type AccountApi, type Body, call, newAccount, type Result } from '../api.ts'
import { callAlarm, query } from '../object.ts'
import { MINUTE_MS, passTime } from './clock.ts'
import { buy, deliver, stripe } from './stripe.ts'

export const SETTINGS = { enabled: true, threshold: 100, pack: 'starter', monthly_limit_cents: 2_000 }

/** The key of somebody who may agree. */
export async function customerKey(account: AccountApi): Promise<string> {
  return (await account.post('/keys', { scope: 'billing' })).body.key
}

export async function agree(account: AccountApi, key: string, settings: object = {}): Promise<Body> {
  const agreed = await put(account, key, settings)
  expect(agreed.status).toBe(200)
  return agreed.body
}

export function put(account: AccountApi, key: string, settings: object = {}, headers = {}): Promise<Result> {
  const path = `/v1/accounts/${account.id}/auto-top-up`
  return call('PUT', path, { key, headers, body: { ...SETTINGS, ...settings } })
}

export async function view(account: AccountApi): Promise<Body> {
  return (await account.get('/auto-top-up')).body
}

export interface Armed {
  readonly account: AccountApi
  readonly key: string
}

/** An account with 500 bought credits and a card that is kept. */
export async function withCard(card = 'pm_card_visa'): Promise<Armed> {
  const account = await newAccount()
  await buy(account, { save_card: true }, card)
  await callAlarm(account.id)
  return { account, key: await customerKey(account) }
}

/** The same with auto top-up switched on. */
export async function armed(settings: object = {}, card = 'pm_card_visa'): Promise<Armed> {
  const { account, key } = await withCard(card)
  expect(await agree(account, key, settings)).toMatchObject({ state: 'armed' })
  return { account, key }
}

let reviews = 0

/** Spends so much that auto top-up is wanted. */
export async function need(account: AccountApi, credits = 450): Promise<void> {
  reviews += 1
  const id = `need-${reviews}`
  expect((await account.reserve(id, { credits })).status).toBe(201)
  expect((await account.settle(id, credits)).status).toBe(200)
}

export async function customerOf(account: AccountApi): Promise<string> {
  return String((await query(account.id, 'SELECT customer FROM payer'))[0]?.['customer'])
}

/** Keeps another card at Stripe and gives up all others. The account hears of it when it is told. */
export async function replaceCard(account: AccountApi, card: string): Promise<void> {
  const customer = await customerOf(account)
  const { data: before } = await stripe.customers.listPaymentMethods(customer, { type: 'card' })
  await stripe.paymentMethods.attach(card, { customer })
  for (const { id } of before) await stripe.paymentMethods.detach(id)
}

/** Delivers all events of the account's cards. */
export async function tellOfCards(account: AccountApi): Promise<void> {
  const customer = await customerOf(account)
  const { data } = await stripe.events.list({ types: ['payment_method.detached'], limit: 100 })
  for (const event of data) {
    if (JSON.stringify(event.data).includes(customer)) expect((await deliver(event)).status).toBe(200)
  }
  await callAlarm(account.id)
}

/** An account with auto top-up on for a card that no Checkout would take. */
export async function armedWith(card: string, settings: object = {}): Promise<Armed> {
  const { account, key } = await armed(settings)
  await replaceCard(account, card)
  expect(await agree(account, key, settings)).toMatchObject({ state: 'armed' })
  return { account, key }
}

/** Lets so much time pass that whatever is under way ends: pauses after failures, and the alarms behind them. */
export async function workToTheEnd(account: AccountApi): Promise<void> {
  for (let round = 0; round < 12; round += 1) {
    await callAlarm(account.id)
    const open = await query(account.id, 'SELECT 1 FROM purchases WHERE stage IS NOT NULL')
    const asked = await query(account.id, 'SELECT 1 FROM inbox WHERE failures > 0')
    if (open.length === 0 && asked.length === 0 && round > 0) return
    await passTime(11 * MINUTE_MS)
  }
  throw new Error(`an attempt of ${account.id} does not end`)
}
