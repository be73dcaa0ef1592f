import { expect, test } from 'vitest'
import { ask, picture, stage } from './browser.ts'
import { checkPage, people } from './seen.ts'

const TIERS = ['quick_scan', 'code_review', 'deep_analysis'] as const
/** History trails the balance by a moment, on a busy machine by a few. */
const FROM_HISTORY = { timeout: 20_000 }

const { system } = stage()
const { page: newPage } = people()

/** A customer with a review of each tier in two repositories, on their dashboard. */
async function enter(account: string) {
  const path = `/v1/accounts/${account}`
  const { runnerKey } = system()
  await ask(system(), 'PUT', path, { name: 'Acme Inc.', trial: null })
  await ask(system(), 'PUT', `${path}/grants/g1`, { kind: 'promotional', credits: 2_000, reason: 'a test' })
  for (const [index, repository] of ['acme/api', 'acme/web'].entries()) {
    for (const [step, tier] of TIERS.entries()) {
      const id = `r${index}${step}`
      const metadata = { repository, pull_request: String(117 + step) }
      const body = { tier, diff_lines: 150, files: 6, overage: 'cap', metadata }
      await ask(system(), 'PUT', `${path}/reservations/${id}`, body, runnerKey)
      await ask(system(), 'POST', `${path}/reservations/${id}/settle`, { credits: 10 + 40 * step + index }, runnerKey)
    }
  }
  const { url } = await ask(system(), 'POST', `${path}/dashboard-sessions`, {})
  const page = await newPage()
  await page.goto(url)
  return { page }
}

test('usage shows a period by day, tier and repository, and its dearest pull requests', async () => {
  const { page } = await enter('using')
  await page.getByRole('link', { name: 'Usage' }).click()
  await expect
    .poll(async () => {
      await page.reload()
      return page.locator('.figures dd').first().textContent()
    }, FROM_HISTORY)
    .toBe('6')
  await page.locator('.plot canvas').waitFor()
  const rows = (title: string) =>
    page
      .locator('section.card', { has: page.getByRole('heading', { name: title, exact: true }) })
      .locator('tbody tr')
      .evaluateAll((all) => all.map((row) => [...row.children].slice(0, 3).map(({ textContent }) => textContent)))
  expect(await rows('By tier')).toEqual([
    ['Deep Analysis', '181', '2'],
    ['Code Review', '101', '2'],
    ['Quick Scan', '21', '2'],
  ])
  expect(await rows('By repository')).toEqual([
    ['acme/web', '153', '3'],
    ['acme/api', '150', '3'],
  ])
  expect((await rows('The dearest pull requests'))[0]).toEqual(['acme/web #119', '91', '1'])
  expect(await rows('By day')).toHaveLength(1)
  await picture(page, 'usage')
  await page.getByLabel('From', { exact: true }).fill('2026-01-01')
  await page.getByLabel('To', { exact: true }).fill('2026-01-31')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByText('Jan 1, 2026 to Jan 31, 2026').waitFor()
  await page.getByText('No credits were used in these days').waitFor()
  await picture(page, 'usage-empty')
})

test('axe finds nothing serious on it, and no screen is too narrow for it', async () => {
  const { page } = await enter('used')
  await checkPage(page, '/usage')
  await checkPage(page, '/usage?from=2026-02-31&to=2026-02-01')
})

test('it works without JavaScript, the choice of days too', async () => {
  const { page } = await enter('plainly')
  const plain = await newPage({ javaScriptEnabled: false, storageState: await page.context().storageState() })
  await plain.goto(`${system().url}/usage`)
  await plain.getByRole('link', { name: 'Last 30 days' }).click()
  await plain.getByRole('heading', { name: 'By tier' }).waitFor()
  expect(await plain.locator('.plot').isVisible()).toBe(false)
})
