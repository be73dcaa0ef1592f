import { beforeAll, expect, test } from 'vitest'
import { call, newAccount } from '../api.ts'
import { linkOf } from '../attacks/operations.ts'
import { buy, chargedTo, checkout, payWith, resetDouble, sync } from './stripe.ts'

beforeAll(resetDouble)

test('a pack that is paid for is granted once, at the price that was written down', async () => {
  const account = await newAccount()
  const purchase = await buy(account)
  expect(purchase).toMatchObject({ kind: 'checkout', pack: 'starter', credits: 500, price_cents: 500, state: 'paid' })
  expect(await sync(account, purchase.id)).toEqual(purchase)
  expect(await account.balance()).toMatchObject({ available: 500, purchased: { available: 500 } })
  expect(await chargedTo(account)).toMatchObject([{ charges: 1, cents: 500 }])
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a card that is declined grants nothing, and the page stays open for another', async () => {
  const account = await newAccount()
  const { body } = await checkout(account)
  await payWith('pm_card_chargeDeclined', body.url)
  expect(await sync(account, body.purchase.id)).toMatchObject({ state: 'open' })
  expect(await account.balance()).toMatchObject({ available: 0 })
  await payWith('pm_card_visa', body.url)
  expect(await sync(account, body.purchase.id)).toMatchObject({ state: 'paid' })
  expect(await account.balance()).toMatchObject({ available: 500 })
})

test("Stripe's portal and the page of a payment lead back to the dashboard", async () => {
  const account = await newAccount()
  const purchase = await buy(account)
  const portal = await account.post('/portal', {})
  expect(await (await fetch(portal.body.url)).text()).toContain('href="https://credits.test/billing"')
  const page = await call('GET', `/pay/${await linkOf(account.id)}/${purchase.id}`, { key: null })
  expect(page.body).toContain('<a href="/billing">')
})
