import { expect, test } from 'vitest'
import { ask, newCustomer, payWith, picture, stage } from './browser.ts'
import { people } from './seen.ts'

const GOOD = '4242424242424242'
/** Kept and charged by its owner; charged without them, it wants them, unless it was set up with them. */
const ASKS_ALWAYS = '4000002760003184'
const SETTINGS = { enabled: true, threshold: 500, pack: 'team', monthly_limit_cents: 10_000 }
const CHARGED_WITHIN_MS = 20_000

const { system } = stage()
const { page: newPage } = people()

async function customerWithCard(account: string, card: string) {
  const customer = await newCustomer(system(), account)
  const { path, key } = customer
  const { url } = await ask(system(), 'POST', `${path}/checkout`, { pack: 'team', save_card: true }, key)
  const page = await newPage()
  await page.goto(url)
  await payWith(page, card)
  if (card === ASKS_ALWAYS) await page.getByRole('button', { name: 'Yes' }).click()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  const topUp = () => ask(system(), 'GET', `${path}/auto-top-up`)
  return { ...customer, page, topUp }
}

/** A review that brings the balance below the threshold. */
async function spend(path: string): Promise<void> {
  const { runnerKey } = system()
  await ask(system(), 'PUT', `${path}/reservations/r1`, { credits: 1_800 }, runnerKey)
  await ask(system(), 'POST', `${path}/reservations/r1/settle`, { credits: 1_700 }, runnerKey)
}

test('spending below the threshold brings exactly one charge, and its credits', async () => {
  const { path, key, topUp } = await customerWithCard('topping-up', GOOD)
  const agreed = await ask(system(), 'PUT', `${path}/auto-top-up`, SETTINGS, key)
  expect(agreed).toMatchObject({ state: 'armed', card: { last4: '4242' } })
  await spend(path)
  await expect.poll(topUp, { timeout: CHARGED_WITHIN_MS }).toMatchObject({
    state: 'armed',
    spent_this_month_cents: 1_900,
    last_attempt: { state: 'paid' },
  })
  expect(await ask(system(), 'GET', `${path}/balance`)).toMatchObject({ available: 2_300, reserved: 0 })
  const { data } = await ask(system(), 'GET', `${path}/purchases`)
  expect(data.map((each: { kind: string }) => each.kind)).toEqual(['auto_top_up', 'checkout'])
  const books = await (await fetch(`${system().stripeUrl}/_control/books/payment_intents`)).json()
  expect(books).toHaveLength(2)
  expect(await ask(system(), 'GET', `${path}/audit`)).toMatchObject({ ok: true, checked: { purchases: 2 } })
})

test('a bank that wants the customer gets them: the link leads to a page where they pay, and it goes on', async () => {
  const { path, key, page, topUp } = await customerWithCard('asked-for', ASKS_ALWAYS)
  await ask(system(), 'PUT', `${path}/auto-top-up`, SETTINGS, key)
  await spend(path)
  await expect.poll(topUp, { timeout: CHARGED_WITHIN_MS }).toMatchObject({ state: 'action_required' })
  const { action_url } = await topUp()
  await page.goto(action_url)
  await page.getByRole('heading', { name: 'Your bank asks for you' }).waitFor()
  await picture(page, 'action-required')
  await page.getByRole('button', { name: 'Pay $19.00' }).click()
  await payWith(page, ASKS_ALWAYS)
  await page.getByRole('button', { name: 'Yes' }).click()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  await picture(page, 'action-done')
  expect(await topUp()).toMatchObject({ state: 'armed', action_url: null })
  expect(await ask(system(), 'GET', `${path}/balance`)).toMatchObject({ available: 2_300 })
})
