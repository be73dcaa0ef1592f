/** The first pages as they leave the Worker, for what a browser cannot wait for, or cannot have done to it. */
import { env, exports } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { MAX_HELD } from '../../src/dashboard/now.tsx'
import { LOOKS } from '../../src/history/overview.ts'
import { type AccountApi, newAccount } from './api.ts'
import { ledger, MINUTE_MS, sums } from './long-ledger.ts'
import { callAlarm } from './object.ts'
import { rowsReadBy } from './rows-read.ts'

const DAY_MS = 86_400_000
/** What 100,000 entries may add to a page on a machine that is busy; that it is next to nothing is what the rows say. */
const MAX_MORE_MS = 100
/** What any page reads, with the look for the dearest pull requests and sixty sums of each of 30 days, read four times. */
const MAX_MORE_ROWS = 30_000

afterEach(() => {
  vi.useRealTimers()
})

/** A visitor who is logged in: what they see under a path. */
async function visit(account: AccountApi) {
  const { body } = await account.post('/dashboard-sessions', {})
  const entered = await exports.default.fetch(new Request(body.url, { redirect: 'manual' }))
  const cookie = entered.headers.get('Set-Cookie')?.split(';')[0] ?? ''
  return async (path: string) => {
    const response = await exports.default.fetch(new Request(`https://credits.test${path}`, { headers: { cookie } }))
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
}

function later(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
}

test('a review is stuck after more than 15 minutes, not before, and the page says what becomes of it', async () => {
  const account = await newAccount(1_000)
  const see = await visit(account)
  await account.reserve('r1', { tier: 'deep_analysis', diff_lines: 900, files: 20, ttl_seconds: 3_600 })
  later(14 * MINUTE_MS)
  expect((await see('/dashboard/now')).text).not.toContain('Stuck')
  later(2 * MINUTE_MS)
  for (const path of ['/dashboard/now', '/dashboard']) {
    const { text } = await see(path)
    expect(text).toContain('Stuck')
    expect(text).toMatch(/running for 1[56] minutes/)
    expect(text).toContain('all its credits come back to you then')
  }
})

test('of more reviews than are shown, those that run for longest are: a stuck one is never missed', async () => {
  const account = await newAccount(1_000)
  const see = await visit(account)
  await account.reserve('stuck', { credits: 1, ttl_seconds: 3_600 })
  later(16 * MINUTE_MS)
  const commands = Array.from({ length: MAX_HELD }, (_, index) => ({ op: 'reserve', id: `new-${index}`, credits: 1 }))
  await account.post('/reservations:batch', { commands })
  const { text } = await see('/dashboard')
  expect(text.match(/\/billing\/reviews\//g)).toHaveLength(MAX_HELD)
  expect(text.indexOf('/billing/reviews/stuck')).toBeGreaterThan(0)
  expect(text.indexOf('/billing/reviews/stuck')).toBeLessThan(text.indexOf('/billing/reviews/new-0'))
  expect(text).not.toContain(`/billing/reviews/new-${MAX_HELD - 1}`)
  expect(text).toContain('there are more')
})

test('what is owed and what ends stands there in plain words', async () => {
  const account = await newAccount(0, { allow_debt: true })
  await account.grant('soon', 100, { expires_at: '2030-05-01T00:00:00.000Z' })
  const see = await visit(account)
  expect((await see('/dashboard')).text).toMatch(
    /100<\/strong> promotional credits; the first of\s+them end on May 1, 2030/,
  )
  await account.reserve('r1', { credits: 100, overage: 'debt' })
  await account.settle('r1', 150)
  expect((await see('/dashboard')).text).toContain('You owe 50 credits')
})

test('with history gone the balance is shown all the same, and usage says that it cannot be', async () => {
  const account = await newAccount(77)
  const see = await visit(account)
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
  const prepare = vi.spyOn(env.HISTORY, 'prepare').mockImplementation(() => {
    throw new Error('D1 is gone')
  })
  const dashboard = await see('/dashboard')
  expect(dashboard.status).toBe(200)
  expect(dashboard.text).toContain('<dd data-figure="available">77</dd>')
  expect(dashboard.text).toContain('History cannot be read at the moment')
  expect((await see('/usage')).status).toBe(503)
  prepare.mockRestore()
  expect(logged).toHaveBeenCalledTimes(2)
  logged.mockRestore()
})

test('usage shows what was charged, and says how far history goes when it trails', async () => {
  const account = await newAccount(1_000)
  const see = await visit(account)
  const metadata = { repository: '<b>acme</b>', pull_request: '118' }
  await account.reserve('r1', { tier: 'code_review', diff_lines: 150, files: 6, metadata })
  await account.settle('r1', 40)
  await callAlarm(account.id)
  const whole = (await see('/usage')).text
  expect(whole).not.toContain('History is catching up')
  expect(whole).toContain('&lt;b&gt;acme&lt;/b&gt; #118')
  expect(whole).not.toContain('<b>acme')
  await env.HISTORY.prepare('DELETE FROM entries WHERE account = ? AND seq > 1').bind(account.id).run()
  expect((await see('/usage')).text).toContain('the latest 2 changes are not in these numbers yet')
})

test('a period that makes no sense is answered in words, with this month', async () => {
  const account = await newAccount(1)
  const see = await visit(account)
  for (const [query, words] of [
    ['from=2026-02-31&to=2026-03-01', 'Please write both days'],
    ['from=2026-03-02&to=2026-03-01', 'The first day is after the last one'],
    ['from=2020-03-02&to=2026-03-01', 'Please choose a year at most'],
    ['from=%3Cscript%3E', 'Please write both days'],
  ] as const) {
    const { status, text } = await see(`/usage?${query}`)
    expect(status, query).toBe(422)
    expect(text, query).toContain(words)
  }
  expect((await see('/usage?from=2026-01-01&to=2026-12-31')).status).toBe(200)
  expect((await see('/usage?period=days')).text).toContain('Last 30 days')
})

/** Every page that is entered by a click, as it comes; and what is asked for by its own query. */
const PAGES = [
  '/dashboard',
  '/dashboard/now',
  '/usage',
  '/usage?period=days',
  '/billing',
  '/billing/buy',
  '/billing/auto-top-up',
  '/billing/history',
  '/billing/history?kind=settle',
  '/billing/history?kind=refund',
  '/billing/reviews/r1',
  '/settings',
  '/pricing',
] as const
const LONG = 100_000

/** Sixty days with so many entries in all; the sums by day are those of any busy account, however many entries it has. */
async function accountWith(entries: number) {
  const account = await newAccount(1_000)
  await account.reserve('r1', { credits: 1 })
  await callAlarm(account.id)
  const now = Date.now()
  if (entries > 0) await ledger(account.id, entries, now - 60 * DAY_MS, (60 * DAY_MS) / entries)
  await sums(account.id, 60, now)
  return visit(account)
}

test('with 100,000 entries every page reads as many rows as with 5,000, but for the steps that halving takes', async () => {
  // Usage shows this month: before its end, one with 5,000 entries in sixty days has fewer than are looked at anyway.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date().setUTCDate(28) })
  const few = await accountWith(5_000)
  const many = await accountWith(LONG)
  // 20 times as many are halved five times more often, for 29 days at the most, at a few rows each.
  const steps = 5 * 29 * 4
  for (const path of [
    ...PAGES,
    '/usage?period=days&look=further',
    '/billing/auto-top-up?threshold=100&pack=team&limit=100',
  ]) {
    const isAsked = /look=|threshold=/.test(path)
    const [fewRows, manyRows] = [await rowsReadBy(() => few(path)), await rowsReadBy(() => many(path))]
    const bound = isAsked ? LOOKS.further + MAX_MORE_ROWS : Math.min(fewRows + steps, MAX_MORE_ROWS)
    expect(manyRows, `${path}, with 5,000 ${fewRows}`).toBeLessThanOrEqual(bound)
  }
})

test('with 100,000 entries every page comes about as fast as with none', async () => {
  const none = await accountWith(0)
  const many = await accountWith(LONG)
  const ratios: Record<string, string> = {}
  for (const path of PAGES) {
    const times: [number[], number[]] = [[], []]
    for (let round = 0; round < 9; round += 1) {
      for (const [index, see] of [none, many].entries()) {
        const began = performance.now()
        expect((await see(path)).status).toBe(200)
        times[index]?.push(performance.now() - began)
      }
    }
    const [noneMs = 0, manyMs = 0] = times.map((all) => all.sort((a, b) => a - b)[4] ?? 0)
    ratios[path] = `${manyMs.toFixed(1)} / ${noneMs.toFixed(1)}`
    expect(manyMs, path).toBeLessThan(noneMs + MAX_MORE_MS)
  }
  console.log('median ms of each page, with 100,000 entries / with none:', ratios)
})
