/** The first pages as they leave the Worker, for what a browser cannot wait for, or cannot have done to it. */
import { env, exports } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { type AccountApi, newAccount } from './api.ts'
import { ledger, MINUTE_MS, sums } from './long-ledger.ts'
import { callAlarm } from './object.ts'

const DAY_MS = 86_400_000
/** What 100,000 entries may add to a page: the bounded look for the dearest pull requests, on a machine that is busy. */
const MAX_MORE_MS = 250

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

test('with 100,000 entries the pages come about as fast as with none', async () => {
  const timeOf = async (account: AccountApi) => {
    const see = await visit(account)
    const times: Record<string, number> = {}
    for (const path of ['/dashboard', '/dashboard/now', '/usage', '/usage?period=days']) {
      const rounds: number[] = []
      for (let round = 0; round < 7; round += 1) {
        const began = performance.now()
        expect((await see(path)).status).toBe(200)
        rounds.push(performance.now() - began)
      }
      times[path] = Math.round(rounds.sort((a, b) => a - b)[3] ?? 0)
    }
    return times
  }
  const none = await timeOf(await newAccount(1))
  const account = await newAccount(1)
  const length = 100_000
  const now = Date.now()
  await ledger(account.id, length, now - 60 * DAY_MS, (60 * DAY_MS) / length)
  await sums(account.id, 60, now)
  const long = await timeOf(account)
  console.log(`median ms of pages with no entries ${JSON.stringify(none)}, with 100,000 ${JSON.stringify(long)}`)
  for (const [path, ms] of Object.entries(long)) expect(ms, path).toBeLessThan((none[path] ?? 0) + MAX_MORE_MS)
})
