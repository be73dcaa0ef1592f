import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { ask, newCustomer, payWith, picture, stage } from './browser.ts'
import { checkPage, people } from './seen.ts'

const GOOD = '4242424242424242'
const MASTERCARD = '5555555555554444'
const NO_MONEY = '4000000000009995'
/** Charged without its owner, it wants them. */
const ASKS_ALWAYS = '4000002760003184'
const WITHIN = { timeout: 20_000 }
const PATH = '/billing/auto-top-up'

const { system } = stage()
const { page: newPage } = people()

async function enter(account: string) {
  const { path, key } = await newCustomer(system(), account)
  const { url } = await ask(system(), 'POST', `${path}/dashboard-sessions`, {})
  const page = await newPage({ javaScriptEnabled: false })
  await page.goto(url)
  return { path, key, page, topUp: () => ask(system(), 'GET', `${path}/auto-top-up`) }
}

/** One who has bought Team once, and asked for the card to be kept. */
async function enterWithCard(account: string, card: string) {
  const customer = await enter(account)
  const { page } = customer
  await page.goto(`${system().url}/billing/buy`)
  await page.getByRole('checkbox', { name: 'Keep my card' }).check()
  await page.getByRole('button', { name: 'Buy Team' }).click()
  await payWith(page, card)
  if (card === ASKS_ALWAYS) await page.getByRole('button', { name: 'Yes' }).click()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  // The account hears of the card a moment after the payment.
  await expect.poll(async () => (await customer.topUp()).default_card, WITHIN).not.toBeNull()
  await page.getByRole('link', { name: 'Auto Top-Up', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Auto Top-Up' }).waitFor()
  return customer
}

async function switchOn(page: Page, threshold: string): Promise<void> {
  await page.getByLabel('Buy when fewer credits').fill(threshold)
  await page.getByRole('checkbox', { name: '$19.00 for Team' }).check()
  await page.getByRole('button', { name: 'Switch on' }).click()
  await page.getByText('On', { exact: true }).waitFor()
}

/** A review that brings 2,000 credits below 500. */
async function spend(path: string): Promise<void> {
  const { runnerKey } = system()
  await ask(system(), 'PUT', `${path}/reservations/r1`, { credits: 1_800 }, runnerKey)
  await ask(system(), 'POST', `${path}/reservations/r1/settle`, { credits: 1_700 }, runnerKey)
}

/** Loads the page anew until it says so. */
async function untilSaid(page: Page, text: string): Promise<void> {
  const said = async () => {
    await page.goto(`${system().url}${PATH}`)
    return page.locator('main').textContent()
  }
  await expect.poll(said, WITHIN).toContain(text)
}

function stripeControl(path: string, body: object): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' }
  return fetch(`${system().stripeUrl}/_control${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** The card that this account paid with has another number, or ends, from now on. */
async function changeCard(account: string, change: { number?: string; expYear?: number }): Promise<void> {
  const { stripeUrl } = system()
  const headers = { Authorization: 'Bearer sk_test_of_a_test' }
  const listed = await fetch(`${stripeUrl}/v1/payment_intents?limit=100`, { headers })
  const { data } = (await listed.json()) as { data: { payment_method: string; metadata: { account?: string } }[] }
  const paid = data.find(({ metadata }) => metadata.account === account)
  expect((await stripeControl(`/cards/${paid?.payment_method}`, change)).status).toBe(200)
}

test('without a card it cannot be switched on, and the page says what to do', async () => {
  const { page, topUp } = await enter('no-card')
  await page.goto(`${system().url}${PATH}`)
  await page.getByText('Nothing is bought by itself').waitFor()
  await page.getByText('Auto top-up has not charged anything yet.').waitFor()
  await picture(page, 'top-up-empty')
  await page.getByRole('button', { name: 'Switch on' }).click()
  await page.getByText('There is no card to charge yet').waitFor()
  expect(await topUp()).toMatchObject({ enabled: false, state: 'off' })
})

test('it is switched on only with consent to this card, pack and price, and off with one button', async () => {
  const { page, topUp } = await enterWithCard('consenting', GOOD)
  await page.getByLabel('Buy when fewer credits').fill('1,500.5')
  await page.getByLabel('Spend at most').fill('$40')
  await page.getByRole('button', { name: 'Switch on' }).click()
  await page.getByText('It is switched on only when you tick this: your Visa ending in 4242').waitFor()
  expect(await page.getByLabel('Buy when fewer credits').inputValue()).toBe('1,500.5')
  expect(await page.getByLabel('Spend at most').inputValue()).toBe('$40')
  await picture(page, 'top-up-refused')
  expect(await topUp()).toMatchObject({ enabled: false })
  // Ticked for Team, and then another pack is chosen: that one was not agreed to.
  await page.getByRole('checkbox', { name: '$19.00 for Team' }).check()
  await page.getByRole('radio', { name: 'Starter' }).check()
  expect(await page.getByRole('checkbox', { name: '$5.00 for Starter' }).isChecked()).toBe(false)
  await page.getByRole('button', { name: 'Switch on' }).click()
  await page.getByText('It is switched on only when you tick this').waitFor()
  expect(await topUp()).toMatchObject({ enabled: false })
  await page.getByRole('checkbox', { name: '$5.00 for Starter' }).check()
  await page.getByRole('button', { name: 'Switch on' }).click()
  const sentence =
    'When you have fewer than 1,500.5 credits we buy Starter for $5.00, at most $40.00 a month; $0.00 spent'
  await page.getByText(sentence).waitFor()
  expect(await topUp()).toMatchObject({ state: 'armed', threshold: 1_500.5, monthly_limit_cents: 4_000 })
  await picture(page, 'top-up-armed')
  await checkPage(page, PATH)
  await page.getByRole('button', { name: 'Switch off' }).click()
  await page.getByText('Nothing is bought by itself').waitFor()
  expect(await topUp()).toMatchObject({ enabled: false, state: 'off' })
})

test('a form that is sent again does not switch on what was switched off since', async () => {
  const { page, topUp } = await enterWithCard('sent-again', GOOD)
  const key = await page.getByRole('button', { name: 'Switch on' }).getAttribute('value')
  const consent = await page.getByRole('checkbox', { name: '$19.00 for Team' }).getAttribute('value')
  const form = { threshold: '100', limit: '100', pack: 'team', consent: consent ?? '', key: key ?? '' }
  const options = { headers: { Origin: system().url }, maxRedirects: 0 }
  const send = (fields: Record<string, string>) => page.request.post(system().url + PATH, { ...options, form: fields })
  expect((await send(form)).status()).toBe(303)
  expect(await topUp()).toMatchObject({ enabled: true })
  await page.goto(`${system().url}${PATH}`)
  await page.getByRole('button', { name: 'Switch off' }).click()
  expect((await send(form)).status()).toBe(303)
  expect(await topUp()).toMatchObject({ enabled: false })
  expect((await send({ ...form, threshold: '200' })).status()).toBe(422)
  expect(await topUp()).toMatchObject({ enabled: false })
})

test('what is wrong is said at its field', async () => {
  const { page } = await enterWithCard('typing', GOOD)
  await page.getByLabel('Buy when fewer credits').fill('many')
  await page.getByLabel('Spend at most').fill('5')
  await page.getByRole('button', { name: 'Switch on' }).click()
  await page.getByText('Write a number of credits above 0').waitFor()
  await page.getByText('This is less than one pack: Team for $19.00.').waitFor()
  expect(await page.getByLabel('Buy when fewer credits').getAttribute('aria-invalid')).toBe('true')
  expect(await page.getByLabel('Buy when fewer credits').inputValue()).toBe('many')
  await picture(page, 'top-up-wrong')
  await checkPage(page, `${PATH}?threshold=many&limit=5&pack=none`)
})

test('spending below the threshold is charged, shown, and seen by the preview', async () => {
  const { page, path, key } = await enterWithCard('spending', GOOD)
  await switchOn(page, '500')
  await spend(path)
  await untilSaid(page, '$19.00 spent so far this month')
  await expect.poll(() => page.getByRole('row', { name: 'Paid' }).count()).toBe(1)
  await page.getByLabel('Buy when fewer credits').fill('2,500')
  await page.getByRole('button', { name: 'Preview' }).click()
  const preview = page.getByRole('region', { name: 'With these settings, the last 30 days' })
  await preview.getByText('2 × Team').waitFor()
  expect(new URL(page.url()).searchParams.get('threshold')).toBe('2,500')
  await picture(page, 'top-up-preview')
  await checkPage(page, `${PATH}?threshold=2500&pack=team&limit=100`)
  const settings = { threshold: 500, pack: 'team', monthly_limit_cents: 10_000 }
  expect(await ask(system(), 'POST', `${path}/auto-top-up/preview`, settings, key)).toMatchObject({
    charges: [{ price_cents: 1_900, credits: 2_000 }],
    total_cents: 1_900,
    minutes_without_credits_as_it_was: 0,
    cut: false,
  })
})

test('a card that is taken away at Stripe is missed, and the page says what to do', async () => {
  const { page } = await enterWithCard('card-removed', GOOD)
  await switchOn(page, '500')
  await page.getByRole('link', { name: 'Billing', exact: true }).click()
  await page.getByText('Visa ending in 4242').waitFor()
  await picture(page, 'billing-card')
  await page.getByRole('button', { name: 'Cards and receipts at Stripe' }).click()
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByText('No cards are kept.').waitFor()
  await untilSaid(page, 'There is no card to charge')
  await page.getByText('Keep one when you buy a pack, then agree to it below.').waitFor()
  await picture(page, 'top-up-needs-card')
})

test('another card in the place of the agreed one is not charged before it is agreed to', async () => {
  const { page, topUp } = await enterWithCard('another-card', GOOD)
  await switchOn(page, '500')
  await changeCard('another-card', { number: MASTERCARD })
  await untilSaid(page, 'The card is now your Mastercard ending in 4444; you agreed to Visa ending in 4242.')
  expect(await topUp()).toMatchObject({ state: 'needs_agreement' })
  await picture(page, 'top-up-needs-agreement')
  await page.getByRole('checkbox', { name: '$19.00 for Team' }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('with your Mastercard ending in 4444').waitFor()
  expect(await topUp()).toMatchObject({ state: 'armed' })
})

test('a card that has expired is not charged, and the page says what to do', async () => {
  const { page, topUp } = await enterWithCard('card-expired', GOOD)
  await switchOn(page, '500')
  await changeCard('card-expired', { expYear: new Date().getUTCFullYear() - 1 })
  await untilSaid(page, 'Your Visa ending in 4242 has expired.')
  await page.getByText('Keep another when you buy a pack, then agree to it below.').waitFor()
  await page.getByRole('link', { name: 'Buy credits and keep the card' }).waitFor()
  // Nobody is asked to agree to a card that cannot be charged.
  expect(await page.getByRole('checkbox').count()).toBe(0)
  await page.getByText('there must be a card that it may charge').waitFor()
  expect(await topUp()).toMatchObject({ state: 'needs_card' })
  await picture(page, 'top-up-expired-card')
})

test('a charge that is under way is said, and then what it brought; the monthly limit is said once it is reached', async () => {
  const { page, path, topUp } = await enterWithCard('limited', GOOD)
  await page.getByLabel('Spend at most').fill('20')
  await switchOn(page, '500')
  // Long enough to be seen, shorter than anybody gives up on Stripe.
  const slow = { route: 'POST /v1/payment_intents/:id/confirm', delayMs: 6_000 }
  expect((await stripeControl('/faults', slow)).status).toBe(200)
  await spend(path)
  await untilSaid(page, 'A top-up is under way')
  await page.getByText('The credits come within seconds.').waitFor()
  await picture(page, 'top-up-charging')
  await untilSaid(page, 'The monthly limit is reached')
  await page.getByText('$1.00 is left, which is less than the pack costs.').waitFor()
  await page.getByText('It goes on next month (UTC), or at once with a higher limit.').waitFor()
  expect(await topUp()).toMatchObject({ state: 'limit_reached', spent_this_month_cents: 1_900 })
  await picture(page, 'top-up-limit-reached')
  await page.getByLabel('Spend at most').fill('100')
  await page.getByRole('checkbox', { name: '$19.00 for Team' }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('It watches your balance').waitFor()
})

test('a declined card is told with its reason', async () => {
  const { page, path } = await enterWithCard('declined-later', GOOD)
  await changeCard('declined-later', { number: NO_MONEY })
  await untilSaid(page, 'Visa ending in 9995')
  await switchOn(page, '500')
  await spend(path)
  // Told with its reason as soon as the bank has said no, and called declined once it is cancelled at Stripe too.
  const declined = async () => {
    await page.goto(`${system().url}${PATH}`)
    return page.getByText('Declined', { exact: true }).count()
  }
  await expect.poll(declined, WITHIN).toBe(1)
  await page.getByText('The bank says that there is not enough money on the card.').waitFor()
  await picture(page, 'top-up-declined')
})

test('a bank that wants the customer gets them, and it goes on', async () => {
  const { page, path, topUp } = await enterWithCard('confirming', ASKS_ALWAYS)
  await switchOn(page, '500')
  await spend(path)
  await untilSaid(page, 'Your bank asks for you')
  await picture(page, 'top-up-action-required')
  await page.getByRole('link', { name: 'Confirm and pay $19.00' }).click()
  await page.getByRole('button', { name: 'Pay $19.00' }).click()
  await payWith(page, ASKS_ALWAYS)
  await page.getByRole('button', { name: 'Yes' }).click()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  expect(await topUp()).toMatchObject({ state: 'armed' })
  await page.goto(`${system().url}${PATH}`)
  await page.getByText('Paid by you').waitFor()
  await picture(page, 'top-up-action-done')
})
