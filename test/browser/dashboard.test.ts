import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { ask, newCustomer, picture, stage } from './browser.ts'
import { checkPage, people } from './seen.ts'

/** What the issue allows for a page's own code and styles. */
const MAX_PAGE_BYTES = 60_000
const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }
const METADATA = { repository: 'acme/api', pull_request: '118' }
/** Pauses between tries grow, from half a second. */
const RECONNECTED_WITHIN_MS = 15_000
/** History trails the balance by a moment, on a busy machine by a few. */
const FROM_HISTORY = { timeout: 20_000 }

const { system } = stage()
const { page: newPage } = people()

/** A customer with credits and a trial, on their dashboard. */
async function enter(account: string) {
  const path = `/v1/accounts/${account}`
  await ask(system(), 'PUT', path, { name: 'Acme Inc.', trial: { credits: 100, days: 14 } })
  await ask(system(), 'PUT', `${path}/grants/g1`, { kind: 'promotional', credits: 1_234.5, reason: 'a test' })
  const { url } = await ask(system(), 'POST', `${path}/dashboard-sessions`, {})
  const page = await newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) errors.push(message.text())
  })
  await page.goto(url)
  return { path, page, errors }
}

function reserve(path: string, id: string, body: object = FACTS) {
  return ask(system(), 'PUT', `${path}/reservations/${id}`, { metadata: METADATA, ...body }, system().runnerKey)
}

function settle(path: string, id: string, credits: number) {
  return ask(system(), 'POST', `${path}/reservations/${id}/settle`, { credits }, system().runnerKey)
}

const figure = (page: Page, name: string) => page.locator(`[data-figure="${name}"]`)
const isLive = (page: Page) => page.getByText('Live: changes appear by themselves').waitFor()

test('a runner reserves and settles, and the numbers change without a reload', async () => {
  const { path, page, errors } = await enter('watching')
  await isLive(page)
  await expect(figure(page, 'available').textContent()).resolves.toBe('1,334.5')
  await page.evaluate('window.isSamePage = true')
  await page.locator('#balance-by-day-card summary').click()
  await reserve(path, 'r1')
  await page.getByText('acme/api #118').waitFor()
  await expect.poll(() => figure(page, 'reserved').textContent()).toBe('62.5')
  await expect.poll(() => figure(page, 'available').textContent()).toBe('1,272')
  await picture(page, 'dashboard-in-progress')
  await settle(path, 'r1', 50.125)
  await expect.poll(() => figure(page, 'total').textContent()).toBe('1,284.375')
  await page.getByText('No review is running').waitFor()
  // History trails by a moment; what was used this month comes by itself as well.
  await expect.poll(() => page.locator('#month .big').textContent(), FROM_HISTORY).toMatch(/^50\.125 credits/)
  // The charts follow, and so do their tables, which stay open.
  const used = page.locator('#use-by-day-card tbody tr').first().locator('td', { hasText: '50.125' })
  const balance = page.locator('#balance-by-day-card tbody tr').first().locator('td').first()
  await expect.poll(() => used.count(), FROM_HISTORY).toBe(1)
  expect(await balance.textContent()).toBe(await figure(page, 'available').textContent())
  await page.locator('#use-by-day-card .plot canvas').waitFor()
  expect(await page.locator('#balance-by-day-card details').getAttribute('open')).not.toBeNull()
  expect(await page.evaluate('window.isSamePage')).toBe(true)
  const written = await page.locator('.figures').first().textContent()
  await page.reload()
  expect(await page.locator('.figures').first().textContent()).toBe(written)
  expect(errors).toEqual([])
})

test('when the connection is lost the page says so, and it comes back by itself', async () => {
  const { path, page } = await enter('offline')
  await isLive(page)
  await page.context().setOffline(true)
  await page.getByText('Connection lost').waitFor()
  await picture(page, 'dashboard-lost')
  await reserve(path, 'r1', { credits: 34.5 })
  expect(await figure(page, 'reserved').textContent()).toBe('0')
  await page.context().setOffline(false)
  await isLive(page)
  await expect.poll(() => figure(page, 'reserved').textContent(), { timeout: RECONNECTED_WITHIN_MS }).toBe('34.5')
})

test('a session that ends elsewhere ends the live page too, and it does not ask again', async () => {
  const { page } = await enter('ending')
  await isLive(page)
  const other = await page.context().newPage()
  await other.goto(`${system().url}/dashboard`)
  await other.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('Your session is over').waitFor()
})

test('without JavaScript everything is there but the charts, whose numbers stand in tables', async () => {
  const { path, page } = await enter('plain')
  await reserve(path, 'r1')
  await reserve(path, 'r2')
  await settle(path, 'r2', 40)
  const plain = await newPage({ javaScriptEnabled: false, storageState: await page.context().storageState() })
  await expect
    .poll(async () => {
      await plain.goto(`${system().url}/dashboard`)
      return plain.locator('#month .big').textContent()
    }, FROM_HISTORY)
    .toMatch(/^40 credits/)
  expect(await figure(plain, 'reserved').textContent()).toBe('62.5')
  await plain.getByText('acme/api #118').waitFor()
  expect(await plain.getByText('Live: changes').count()).toBe(0)
  expect(await plain.locator('.plot').first().isVisible()).toBe(false)
  await plain.getByText('The same in numbers').first().click()
  await plain.getByRole('cell', { name: '40', exact: true }).first().waitFor()
  await plain.screenshot({ path: '.state/screenshots/dashboard-plain.png', fullPage: true })
})

test('text of a runner is text, also in the parts that a script puts in', async () => {
  const { path, page, errors } = await enter('hostile')
  await isLive(page)
  const hostile = '</script><img src=x onerror="document.title=1"><b>'
  await reserve(path, 'r1', { credits: 10, metadata: { repository: hostile, pull_request: hostile } })
  await page.getByText('<b>').first().waitFor()
  expect(await page.locator('#in-progress img, #in-progress b').count()).toBe(0)
  expect(errors).toEqual([])
})

test('code and styles are small, come after first paint but for the style sheet, and nothing moves', async () => {
  const { path, page } = await enter('small')
  for (const id of ['r1', 'r2']) {
    await reserve(path, id)
    await settle(path, id, 60)
  }
  await expect.poll(() => page.locator('#month .big').textContent(), FROM_HISTORY).toMatch(/^120 credits/)
  // One that has nothing of it yet: what is only confirmed has no size.
  const fresh = await newPage({ storageState: await page.context().storageState() })
  const sizes = new Map<string, number>()
  const read: Promise<void>[] = []
  fresh.on('response', (response) => {
    const { pathname } = new URL(response.url())
    if (!pathname.startsWith('/static/')) return
    read.push(response.body().then((body) => void sizes.set(pathname, gzipSync(body).length)))
  })
  await fresh.goto(`${system().url}/dashboard`)
  await fresh.locator('.plot canvas').nth(1).waitFor()
  await isLive(fresh)
  await Promise.all(read)
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  console.log(`the dashboard's code and styles: ${total} bytes gzip, ${JSON.stringify(Object.fromEntries(sizes))}`)
  expect(sizes.size).toBe(8)
  expect(total).toBeLessThan(MAX_PAGE_BYTES)
  const blocking = await fresh.evaluate(
    "performance.getEntriesByType('resource').filter((each) => each.renderBlockingStatus === 'blocking').map((each) => new URL(each.name).pathname)",
  )
  expect(blocking).toEqual(['/static/app.css'])
  const shift = await fresh.evaluate(`new Promise((resolve) => {
    let sum = 0
    new PerformanceObserver((list) => { for (const { value } of list.getEntries()) sum += value }).observe({ type: 'layout-shift', buffered: true })
    setTimeout(() => resolve(sum), 500)
  })`)
  expect(shift).toBeLessThan(0.01)
})

test('axe finds nothing serious on it, and no screen is too narrow for it', async () => {
  const { path, page } = await enter('checked')
  await reserve(path, 'r1')
  await reserve(path, 'r2', { ...FACTS, tier: 'deep_analysis', specialists: ['security'] })
  for (const [index, tier] of ['quick_scan', 'code_review', 'deep_analysis'].entries()) {
    await reserve(path, `done${index}`, { ...FACTS, tier })
    await settle(path, `done${index}`, 20 + 60 * index)
  }
  await expect.poll(() => page.locator('#month .big').textContent(), FROM_HISTORY).toMatch(/^240 credits/)
  await checkPage(page, '/dashboard')
  await page.reload()
  await page.locator('.plot canvas').nth(1).waitFor()
  await picture(page, 'dashboard')
})

test('a new customer finds a page that says what will be there', async () => {
  const { path } = await newCustomer(system(), 'empty')
  const { url } = await ask(system(), 'POST', `${path}/dashboard-sessions`, {})
  const page = await newPage()
  await page.goto(url)
  await page.getByText('No review is running').waitFor()
  await page.getByText('No credits were used in the last 30 days').waitFor()
  await picture(page, 'dashboard-empty')
})
