import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ask, newCustomer, picture, stage } from './browser.ts'
import { checkPage, people } from './seen.ts'
import { enter, historyIsComplete, review } from './visit.ts'

const { system } = stage()
const { page: newPage } = people()

const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }

function of(pullRequest: number, more: object = {}) {
  return { ...FACTS, metadata: { repository: 'acme/api', pull_request: `${pullRequest}` }, ...more }
}

/** An account in which most of what can happen has happened. */
async function livelyAccount(account: string): Promise<string> {
  const path = `/v1/accounts/${account}`
  await ask(system(), 'PUT', path, { name: 'Acme', trial: { credits: 100, days: 14 } })
  await ask(system(), 'PUT', `${path}/grants/g1`, { kind: 'promotional', credits: 1_000, reason: 'Welcome' })
  await ask(system(), 'PUT', `${path}/grants/g2`, { kind: 'adjustment', credits: -12.5, reason: 'Counted twice' })
  await review(system(), account, 'rev_118', of(118), { cost_usd: '0.50313' })
  await review(system(), account, 'rev_119', of(119, { max_credits: 70 }), { credits: 90 })
  await review(system(), account, 'rev_120', { ...of(120), tier: 'deep_analysis' }, null)
  const extended = `${path}/reservations/rev_120/extend`
  await ask(system(), 'POST', extended, { credits: 280, accrued: 90 }, system().runnerKey)
  await ask(system(), 'POST', `${path}/reservations/rev_120/settle`, { credits: 243.1 }, system().runnerKey)
  await review(system(), account, 'rev_121', of(121), null)
  const released = `${path}/reservations/rev_121/release`
  await ask(system(), 'POST', released, { reason: 'the model was not reachable' }, system().runnerKey)
  await review(system(), account, 'rev_122', { credits: 20, metadata: { repository: 'acme/web' } }, null)
  await historyIsComplete(system(), account)
  return account
}

test('history tells every line in words, filters, and leads to the whole story of a review', async () => {
  const account = await livelyAccount('telling')
  const page = await newPage({ javaScriptEnabled: false })
  await enter(system(), page, account)
  await page.getByRole('link', { name: 'History' }).click()
  for (const words of [
    'Trial of 100 credits',
    'Given 1,000 credits (Welcome)',
    'Adjusted: 12.5 credits taken (Counted twice)',
    'Held 62.5 credits for a Code Review of acme/api #118',
    'The Code Review of acme/api #118 cost 50.313 credits; 12.187 returned',
    'Returned all 62.5 credits held for the Code Review of acme/api #121 (the model was not reachable)',
  ])
    await expect(page.getByText(words, { exact: true }).count()).resolves.toBe(1)
  await picture(page, 'history')
  await checkPage(page, '/billing/history')

  await page.getByLabel('What').selectOption('Reviews charged')
  await page.getByRole('button', { name: 'Show' }).click()
  expect(await page.locator('tbody tr').count()).toBe(3)
  expect(await page.getByLabel('What').inputValue()).toBe('settle')
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'CSV' }).click()
  const csv = await readFile((await (await download).path()) ?? '', 'utf8')
  expect(
    csv
      .trim()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(',')[2]),
  ).toEqual(['settle', 'settle', 'settle'])

  await page.getByRole('link', { name: /Deep Analysis of acme\/api #120/ }).click()
  await page.getByRole('heading', { name: 'Deep Analysis of acme/api #120' }).waitFor()
  for (const words of ['243.1', '$2.431', 'Held 30 more', 'Another run, today'])
    expect(await page.locator('main').textContent()).toContain(words)
  await picture(page, 'review')
  await checkPage(page, '/billing/reviews/rev_120')
  await page.goto(`${system().url}/billing/reviews/rev_119`)
  expect(await page.locator('main').textContent()).toContain('Absorbed')
  await picture(page, 'review-absorbed')
  await page.goto(`${system().url}/billing/reviews/rev_122`)
  expect(await page.locator('main').textContent()).toContain('in progress')
  await picture(page, 'review-in-progress')
  expect((await page.goto(`${system().url}/billing/reviews/unknown`))?.status()).toBe(404)
})

test('a long history is paged without losing the filter, and an empty one says so', async () => {
  const { path } = await newCustomer(system(), 'paging')
  const page = await newPage()
  await enter(system(), page, 'paging')
  await page.goto(`${system().url}/billing/history`)
  await page.getByText('Nothing has happened yet').waitFor()
  await picture(page, 'history-empty')
  await ask(system(), 'PUT', `${path}/grants/g1`, { kind: 'promotional', credits: 1_000, reason: 'a test' })
  const commands = Array.from({ length: 60 }, (_, index) => ({ op: 'reserve', id: `r${index}`, credits: 1 }))
  await ask(system(), 'POST', `${path}/reservations:batch`, { commands }, system().runnerKey)
  await historyIsComplete(system(), 'paging')
  await page.goto(`${system().url}/billing/history?kind=reserve`)
  expect(await page.locator('tbody tr').count()).toBe(50)
  await page.getByRole('link', { name: 'Older' }).click()
  await page.waitForURL('**cursor=**')
  expect(await page.locator('tbody tr').count()).toBe(10)
  expect(await page.getByLabel('What').inputValue()).toBe('reserve')
  await page.getByRole('link', { name: 'Newest' }).click()
  await page.waitForURL('**/billing/history?kind=reserve')
  await page.getByLabel('Up to').fill('2020-01-01')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByText('Nothing matches').waitFor()
})
