import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { ask, newCustomer, payWith, picture, stage } from './browser.ts'
import { checkPage, people } from './seen.ts'

const GOOD = '4242424242424242'

const { system } = stage()
const { page: newPage } = people()

/** A customer who has just come in; without a script, as everything here must work. */
async function enter(account: string, name?: string) {
  const customer = await newCustomer(system(), account)
  const { path } = customer
  if (name !== undefined) await ask(system(), 'PUT', path, { name })
  const { url } = await ask(system(), 'POST', `${path}/dashboard-sessions`, {})
  const page = await newPage({ javaScriptEnabled: false })
  await page.goto(url)
  return { ...customer, page, purchases: async () => (await ask(system(), 'GET', `${path}/purchases`)).data }
}

async function go(page: Page, section: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: section, exact: true }).click()
  await page.getByRole('heading', { level: 1, name: section }).waitFor()
}

function note(page: Page): Promise<string | null> {
  return page.locator('main .note').first().textContent()
}

test('buys a pack by clicking from the sidebar, without a script, and sees it everywhere after', async () => {
  const { page, purchases } = await enter('buying-by-click')
  await go(page, 'Billing')
  await page.getByText('You have not had any credits yet.').waitFor()
  await page.getByText('No card is kept.').waitFor()
  await picture(page, 'billing-empty')
  await go(page, 'Buy Credits')
  expect(await page.getByRole('checkbox', { name: 'Keep my card' }).isChecked()).toBe(false)
  await page.getByText('$0.0095 a credit').waitFor()
  await page.getByText('5% off', { exact: true }).waitFor()
  await picture(page, 'billing-buy')
  await checkPage(page, '/billing/buy')
  await page.getByRole('button', { name: 'Buy Team' }).click()
  await payWith(page, GOOD)
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  expect(await note(page)).toContain('2,000 credits are yours. You now have 2,000 credits.')
  await picture(page, 'billing-thank-you')
  await checkPage(page, new URL(page.url()).pathname)
  await page.getByRole('link', { name: 'Receipt' }).waitFor()
  await page.getByRole('link', { name: 'To Billing' }).click()
  const bought = page.getByRole('region', { name: 'Purchases and top-ups' }).getByRole('row', { name: 'Team' })
  expect((await bought.textContent())?.replace(/\s+/g, ' ')).toMatch(/Team ?Paid ?2,000 ?\$19\.00/)
  await bought.getByRole('link', { name: 'Receipt' }).waitFor()
  await page.getByText('No card is kept.').waitFor()
  expect(await purchases()).toMatchObject([{ pack: 'team', state: 'paid' }])
})

test('a double click is one purchase; going back for another pack is another', async () => {
  const { page, purchases } = await enter('double-click')
  await go(page, 'Buy Credits')
  await page.getByRole('button', { name: 'Buy Team' }).dblclick()
  await page.getByRole('heading', { name: 'Pay $19.00' }).waitFor()
  expect(await purchases()).toHaveLength(1)
  await page.goto(`${system().url}/billing/buy`)
  const key = await page.locator('input[name=key]').getAttribute('value')
  const send = (pack: string) =>
    page.request.post(`${system().url}/billing/buy`, {
      form: { key: key ?? '', pack },
      headers: { Origin: system().url },
      maxRedirects: 0,
    })
  const [first, second] = await Promise.all([send('starter'), send('starter')])
  expect([first.status(), second.status()]).toEqual([303, 303])
  expect(first.headers()['location']).toBe(second.headers()['location'])
  await send('growth')
  expect((await purchases()).map(({ pack }: { pack: string }) => pack)).toEqual(['growth', 'starter', 'team'])
})

test('who goes back without paying is told that nothing was charged, and can go on', async () => {
  const { page } = await enter('going-back')
  await go(page, 'Buy Credits')
  await page.getByRole('button', { name: 'Buy Starter' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('heading', { level: 1, name: 'Not paid yet' }).waitFor()
  expect(await note(page)).toContain('Nothing was charged.')
  await picture(page, 'billing-not-paid')
  await page.getByRole('link', { name: 'Pay $5.00' }).click()
  await payWith(page, GOOD)
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
})

test('a bank that takes its time is waited for by a page that looks again, and not for ever', async () => {
  const { page } = await enter('slow-bank')
  await go(page, 'Buy Credits')
  await page.getByRole('button', { name: 'Buy Growth' }).click()
  await payWith(page, 'debit')
  await page.getByRole('heading', { level: 1, name: 'On its way' }).waitFor()
  expect(await note(page)).toContain('This page looks again by itself.')
  await picture(page, 'billing-processing')
  const here = new URL(page.url())
  const looked = await page.goto(`${here.origin}${here.pathname}?looks=12`)
  expect(looked?.headers()['refresh']).toBeUndefined()
  await page.getByRole('link', { name: 'Look again' }).waitFor()
})

test('Stripe away is said, charges nothing, and the same form goes on with the purchase', async () => {
  const { page, purchases } = await enter('stripe-away')
  const faults = `${system().stripeUrl}/_control/faults`
  await go(page, 'Buy Credits')
  const fault = { route: 'POST /v1/checkout/sessions', answer: 500, times: 20 }
  await fetch(faults, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(fault) })
  await page.getByRole('button', { name: 'Buy Team' }).click()
  await page.getByRole('alert').waitFor()
  expect(await page.getByRole('alert').textContent()).toContain('Nothing was charged')
  await picture(page, 'billing-stripe-away')
  await fetch(faults, { method: 'DELETE' })
  await page.getByRole('button', { name: 'Buy Team' }).click()
  await page.getByRole('heading', { name: 'Pay $19.00' }).waitFor()
  expect(await purchases()).toHaveLength(1)
})

test('every kind of credits is told apart, with what was taken back and what is owed', async () => {
  const { page, path, purchases } = await enter('all-kinds')
  await ask(system(), 'PUT', `${path}/grants/a`, { kind: 'adjustment', credits: 10, reason: 'For the long wait' })
  await go(page, 'Buy Credits')
  await page.getByRole('button', { name: 'Buy Starter' }).click()
  await payWith(page, GOOD)
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  await ask(system(), 'PUT', `${path}/reservations/r`, { credits: 510 })
  await ask(system(), 'POST', `${path}/reservations/r/settle`, { credits: 510 })
  const [{ id }] = await purchases()
  await ask(system(), 'POST', `${path}/purchases/${id}/refund`, { amount_cents: 100, reason: 'a test' })
  await go(page, 'Billing')
  expect(await note(page)).toContain('You owe 100 credits')
  await page.getByText('Refunded in part').waitFor()
  await page.getByText('For the long wait').waitFor()
  for (let count = 0; count < 12; count += 1) {
    const expires_at = `2099-01-${String(count + 1).padStart(2, '0')}T00:00:00.000Z`
    const gift = { kind: 'promotional', credits: 50.5 + count, reason: `Gift ${count + 1}`, expires_at }
    await ask(system(), 'PUT', `${path}/grants/g${count}`, gift)
  }
  await ask(system(), 'PUT', `${path}/reservations/s`, { credits: 40 })
  await page.reload()
  await page.getByText('The first on Jan 3, 2099').waitFor()
  await picture(page, 'billing-full')
  await checkPage(page, '/billing')
  expect(await page.getByText('Gift 2', { exact: true }).count()).toBe(0)
  await page.getByRole('navigation', { name: 'Pages of grants' }).getByRole('link', { name: 'Older' }).click()
  await page.getByText('Gift 2', { exact: true }).waitFor()
  await page.getByText('For the long wait').waitFor()
  await page.getByRole('link', { name: 'Newest' }).click()
  await page.getByText('Gift 12', { exact: true }).waitFor()
})

test("cards are looked after on Stripe's page, which leads back", async () => {
  const { page } = await enter('portal-visit')
  await go(page, 'Billing')
  await page.getByRole('button', { name: 'Cards and receipts at Stripe' }).click()
  await page.getByRole('heading', { name: 'Your cards' }).waitFor()
  await page.getByRole('link', { name: 'Back' }).click()
  await page.getByRole('heading', { level: 1, name: 'Billing' }).waitFor()
})

test('what operators write is text, wherever it stands', async () => {
  const attack = '<img src=x onerror=alert(1)>"\'><script>alert(1)</script>'
  const { page, path } = await enter('attacked', attack)
  await ask(system(), 'PUT', `${path}/grants/g`, { kind: 'promotional', credits: 1, reason: attack })
  for (const section of ['Billing', 'Buy Credits', 'Auto Top-Up']) {
    await go(page, section)
    await page.locator('.account', { hasText: attack }).waitFor()
    expect(await page.locator('img, script').count()).toBe(0)
  }
  await page.goto(`${system().url}/billing/auto-top-up?threshold=${encodeURIComponent('"><img src=x>')}&pack=<b>`)
  expect(await page.locator('input[name=threshold]').inputValue()).toBe('"><img src=x>')
  expect(await page.locator('img').count()).toBe(0)
  expect((await page.goto(`${system().url}/billing/purchases/%3Cimg%20src=x%3E`))?.status()).toBe(404)
})
