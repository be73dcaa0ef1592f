import { expect, test } from 'vitest'
import { ask, newCustomer, picture, stage } from './browser.ts'
import { checkPage, people } from './seen.ts'
import { enter, historyIsComplete, review } from './visit.ts'

const { system } = stage()
const { page: newPage } = people()

test('a key is made, shown once, never in a URL, used, and revoked, without a script', async () => {
  const { path } = await newCustomer(system(), 'keys')
  await ask(system(), 'PUT', `${path}/grants/g1`, { kind: 'promotional', credits: 500, reason: 'a test' })
  await review(system(), 'keys', 'r1', { credits: 40, metadata: { repository: 'acme/api' } }, { credits: 31.25 })
  await historyIsComplete(system(), 'keys')
  const page = await newPage({ javaScriptEnabled: false })
  const urls: string[] = []
  page.on('request', (request) => urls.push(request.url()))
  await enter(system(), page, 'keys')
  await page.getByRole('link', { name: 'Settings' }).click()
  for (const words of ['31.25', '468.75', '$0.3125']) expect(await page.locator('main').textContent()).toContain(words)
  await page.getByLabel('Name').fill('CI of acme/api')
  await page.getByLabel('What it may do').selectOption({ index: 2 })
  await page.getByRole('button', { name: 'Make the key' }).click()
  const key = (await page.locator('.secret').textContent()) ?? ''
  expect(key).toMatch(/^assay_read_/)
  await picture(page, 'settings-new-key')
  expect((await ask(system(), 'GET', `${path}/balance`, undefined, key)).available).toBe(468.75)
  expect(urls.join('\n')).not.toContain(key.slice(-20))
  await page.reload()
  await page.getByText('That key was made already').waitFor()
  expect(await page.content()).not.toContain(key.slice(-20))
  expect((await ask(system(), 'GET', `${path}/keys`)).data).toHaveLength(2)

  await page.getByRole('link', { name: 'Settings' }).click()
  await picture(page, 'settings')
  await checkPage(page, '/settings')
  const line = page.locator('.keys li', { hasText: 'CI of acme/api' })
  await line.getByText('Revoke', { exact: true }).click()
  await line.getByRole('button', { name: 'Revoke CI of acme/api' }).click()
  await line.getByText('revoked', { exact: true }).waitFor()
  const refused = await fetch(`${system().url}${path}/balance`, { headers: { Authorization: `Bearer ${key}` } })
  expect(refused.status).toBe(401)
})

test('a day in the past is said to be wrong on the page itself', async () => {
  await newCustomer(system(), 'past')
  const page = await newPage()
  await enter(system(), page, 'past')
  await page.goto(`${system().url}/settings`)
  await page.locator('input[name="until"]').evaluate((input) => input.removeAttribute('min'))
  await page.getByLabel('Last day').fill('2020-01-01')
  await page.getByRole('button', { name: 'Make the key' }).click()
  await page.getByRole('alert').getByText('cannot be in the past').waitFor()
  await checkPage(page, '/settings')
})

const OWN_KEY = `sk-ant-api03-${'Ab3_-'.repeat(18)}wxyz`
const OTHER_KEY = `sk-ant-api03-${'Zz9_-'.repeat(18)}last`

test('an own key is put, replaced and removed without a script, and is in no page and no URL afterwards', async () => {
  const { path } = await newCustomer(system(), 'own-key')
  const page = await newPage({ javaScriptEnabled: false })
  const seen: string[] = []
  page.on('request', (request) => seen.push(request.url()))
  page.on('response', async (response) => seen.push(await response.text().catch(() => '')))
  await enter(system(), page, 'own-key')
  await page.getByRole('link', { name: 'Settings' }).click()
  await picture(page, 'settings-no-own-key')
  const card = page.locator('#own-key')
  const field = card.getByLabel('Anthropic API key')
  expect([await field.getAttribute('type'), await field.getAttribute('autocomplete')]).toEqual(['password', 'off'])
  await field.fill('sk-ant-oops')
  await card.getByRole('button', { name: 'Use this key' }).click()
  await page.getByRole('alert').getByText('no Anthropic API key').waitFor()
  expect(await field.inputValue()).toBe('')
  await field.fill(`${OWN_KEY} `)
  await card.getByRole('button', { name: 'Use this key' }).click()
  await card.getByText('sk-ant-…wxyz').waitFor()
  const runner = system().runnerKey
  const metadata = { repository: 'acme/api', pull_request: '118' }
  const facts = { tier: 'code_review', diff_lines: 150, files: 6, metadata }
  await review(system(), 'own-key', 'r1', facts, { credits: 50.31 })
  await review(system(), 'own-key', 'r2', { ...facts, metadata: { ...metadata, pull_request: '119' } }, null)
  const read = await ask(system(), 'GET', `${path}/byok/key?reservation=r2`, undefined, runner)
  expect(read).toEqual({ api_key: OWN_KEY })
  await historyIsComplete(system(), 'own-key')

  await page.goto(`${system().url}/dashboard`)
  await page.locator('.reviews').getByText('BYOK').waitFor()
  await page.getByText('Your own key saved you 50.31 credits.').waitFor()
  await page.getByText('so they need no credits').waitFor()
  await picture(page, 'own-key-dashboard')
  await page.goto(`${system().url}/billing/history`)
  await page.getByText('Your own key sk-ant-…wxyz was added').waitFor()
  await page.getByText('Your own key was used for a Code Review of acme/api #119').waitFor()
  await picture(page, 'own-key-history')
  await page.goto(`${system().url}/billing/reviews/r1`)
  for (const words of ['BYOK', 'Credits saved', '$0.5031']) await page.getByText(words).first().waitFor()
  await picture(page, 'own-key-review')
  await page.goto(`${system().url}/usage`)
  await page.getByText('One review ran on your own key and used no credits.').waitFor()
  await picture(page, 'own-key-usage')

  await page.goto(`${system().url}/settings`)
  await card.getByText('Replace', { exact: true }).click()
  await card.getByText('Remove', { exact: true }).click()
  await picture(page, 'settings-own-key')
  await field.fill(OTHER_KEY)
  await card.getByRole('button', { name: 'Replace the key' }).click()
  await card.getByText('sk-ant-…last').waitFor()
  await card.getByText('Remove', { exact: true }).click()
  await card.getByRole('button', { name: 'Remove the key' }).click()
  await card.getByRole('button', { name: 'Use this key' }).waitFor()
  expect((await ask(system(), 'GET', `${path}/byok`)).enabled).toBe(false)
  for (const secret of [OWN_KEY.slice(10, 60), OTHER_KEY.slice(10, 60)]) {
    expect(seen.filter((text) => text.includes(secret))).toEqual([])
  }
})

test('the pages that show an own key have nothing serious for axe', async () => {
  const { path } = await newCustomer(system(), 'own-key-axe')
  await ask(system(), 'PUT', `${path}/byok`, { api_key: OWN_KEY })
  await review(system(), 'own-key-axe', 'r1', { credits: 10 }, { credits: 5 })
  await review(system(), 'own-key-axe', 'r2', { credits: 10 }, null)
  await historyIsComplete(system(), 'own-key-axe')
  const page = await newPage()
  await enter(system(), page, 'own-key-axe')
  for (const each of ['/settings', '/dashboard', '/billing/history', '/billing/reviews/r1', '/usage']) {
    await checkPage(page, each)
  }
})
