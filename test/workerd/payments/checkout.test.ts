import { beforeAll, expect, test } from 'vitest'
import { newAccount } from '../api.ts'
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
