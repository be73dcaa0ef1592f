import { expect, test } from 'vitest'
import { ask, newCustomer, payWith, picture, stage } from './browser.ts'
import { people } from './seen.ts'

const GOOD = '4242424242424242'
const DECLINED = '4000000000000002'
const ASKS_ALWAYS = '4000002760003184'

const { system } = stage()
const { page: newPage } = people()

/** Starts buying, and opens Checkout's page in the browser. */
async function open(account: string) {
  const { path, key } = await newCustomer(system(), account)
  const { purchase, url } = await ask(system(), 'POST', `${path}/checkout`, { pack: 'team', save_card: true }, key)
  const page = await newPage()
  await page.goto(url)
  const balance = () => ask(system(), 'GET', `${path}/balance`)
  return { page, path, key, purchase, balance }
}

test('with a good card the credits appear, once, and the page says so', async () => {
  const { page, path, balance, purchase } = await open('good-card')
  await expect(page.locator('h1').textContent()).resolves.toBe('Pay $19.00')
  await payWith(page, GOOD)
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  await picture(page, 'paid')
  expect(await balance()).toMatchObject({ available: 2_000, purchased: { available: 2_000 } })
  await page.reload()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  expect(await balance()).toMatchObject({ available: 2_000 })
  const { data } = await ask(system(), 'GET', `${path}/purchases`)
  expect(data).toMatchObject([{ id: purchase.id, state: 'paid', price_cents: 1_900 }])
  expect(await ask(system(), 'GET', `${path}/audit`)).toMatchObject({ ok: true })
})

test('a card that is declined is told clearly, grants nothing, and another may be tried', async () => {
  const { page, balance } = await open('declined-card')
  await payWith(page, DECLINED)
  await expect(page.getByRole('alert').textContent()).resolves.toMatch(/declined/i)
  await picture(page, 'declined')
  expect(await balance()).toMatchObject({ available: 0 })
  await payWith(page, GOOD)
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  expect(await balance()).toMatchObject({ available: 2_000 })
})

test('a card that asks for its owner grants nothing before they have answered', async () => {
  const { page, balance } = await open('asking-card')
  await payWith(page, ASKS_ALWAYS)
  await page.getByRole('heading', { name: 'Is it you?' }).waitFor()
  expect(await balance()).toMatchObject({ available: 0 })
  await page.getByRole('button', { name: 'Yes' }).click()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  expect(await balance()).toMatchObject({ available: 2_000 })
})

test('who goes back without paying is told that nothing was charged, and can go on', async () => {
  const { page, balance } = await open('cancelling')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('heading', { name: 'Not paid yet' }).waitFor()
  await picture(page, 'not-paid')
  expect(await balance()).toMatchObject({ available: 0 })
  await page.getByRole('button', { name: 'Pay $19.00' }).click()
  await payWith(page, GOOD)
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  expect(await balance()).toMatchObject({ available: 2_000 })
})
