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
