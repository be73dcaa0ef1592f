import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { MAX_PREVIEW_ENTRIES, readPast, readPreview } from '../../src/history/balances.ts'
import type { PreviewTerms } from '../../src/ledger/top-up-preview.ts'
import { call, newAccount } from './api.ts'
import { callAlarm } from './object.ts'

const DAY = 24 * 60 * 60 * 1000
const NOW = Date.parse('2026-06-20T12:00:00.000Z')
const SETTINGS = { threshold: 100, pack: 'starter', monthly_limit_cents: 2_000 }
const TERMS: PreviewTerms = {
  ...{ threshold: 100_000, pack: 'starter', credits: 500_000, priceCents: 500, monthlyLimitCents: 2_000 },
}

/** `count` entries that each take `delta` from `available`, one every `every` milliseconds from `at` on. */
async function write(account: string, first: number, count: number, at: number, every: number, available: number) {
  await env.HISTORY.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?3)
     INSERT INTO entries (account, seq, at, kind, available_delta, reserved_delta, debt_delta, available, reserved, debt,
       charged, absorbed, mode, late, grants, metadata)
     SELECT ?1, ?2 + i, ?4 + i * ?5, 'grant', -1000, 0, 0, ?6 - i * 1000, 0, 0, 0, 0, 'credits', 0, '[]', '{}' FROM n`,
  )
    .bind(account, first, count, at, every, available)
    .run()
}

test('the past begins thirty days ago with what there was then, wherever its first entry is', async () => {
  await write('past-1', 1, 10, NOW - 40 * DAY, 1_000, 109_000)
  expect(await readPast(env.HISTORY, 'past-1', NOW - 30 * DAY, NOW)).toEqual({
    past: { from: NOW - 30 * DAY, to: NOW, available: 100_000, debt: 0, lines: [] },
    completeTo: 10,
    isCut: false,
  })
  await write('past-1', 11, 2, NOW - 10 * DAY, 1_000, 99_000)
  const { past, completeTo } = await readPast(env.HISTORY, 'past-1', NOW - 30 * DAY, NOW)
  expect(completeTo).toBe(12)
  expect(past).toMatchObject({
    available: 100_000,
    lines: [{ available: 99_000, flow: -1_000 }, { available: 98_000 }],
  })
  const { charges, withoutCreditsMs } = await readPreview(env.HISTORY, 'past-1', TERMS, NOW)
  expect(charges).toEqual([{ at: NOW - 10 * DAY, priceCents: 500, credits: 500_000 }])
  expect(withoutCreditsMs).toBe(0)
})

test('the time before the first entry counts for nothing', async () => {
  const never = { from: NOW, charges: [], withoutCreditsMs: 0, withoutCreditsAsItWasMs: 0, completeTo: 0 }
  expect(await readPreview(env.HISTORY, 'past-2', TERMS, NOW)).toMatchObject(never)
  await write('past-2', 1, 1, NOW - DAY, 0, 200_000)
  const begun = { from: NOW - DAY, charges: [], withoutCreditsMs: 0, withoutCreditsAsItWasMs: 0, completeTo: 1 }
  expect(await readPreview(env.HISTORY, 'past-2', TERMS, NOW)).toMatchObject(begun)
})

test('only the newest entries are read, and the answer says so', async () => {
  await write('past-3', 1, MAX_PREVIEW_ENTRIES + 5, NOW - DAY, 1_000, 1e9)
  const { past, isCut } = await readPast(env.HISTORY, 'past-3', NOW - 30 * DAY, NOW)
  expect(isCut).toBe(true)
  expect(past.lines).toHaveLength(MAX_PREVIEW_ENTRIES)
  expect(past).toMatchObject({ from: NOW - DAY + 5_000, available: 1e9 - 4_000 })
})

test('a preview takes the body of a change, and is of what it names, and of what was agreed for the rest', async () => {
  const account = await newAccount(1_000)
  await account.reserve('r', { credits: 950 })
  await account.settle('r', 950)
  await callAlarm(account.id)
  const ask = (body: object) => account.post('/auto-top-up/preview', body)
  const missing = await ask({ threshold: 100, pack: 'starter' })
  expect([missing.status, missing.body.errors]).toEqual([400, [{ path: 'monthly_limit_cents', message: 'is missing' }]])
  const { status, body } = await ask({ enabled: true, card: 'the one that was shown', ...SETTINGS })
  expect(status).toBe(200)
  expect(body).toMatchObject({ charges: [{ price_cents: 500, credits: 500 }], total_cents: 500, complete_to: 3 })
  expect(body).toMatchObject({ minutes_without_credits: 0, minutes_without_credits_as_it_was: 0, cut: false })
  const { key } = (await account.post('/keys', { scope: 'billing' })).body
  await call('PUT', `/v1/accounts/${account.id}/auto-top-up`, { key, body: { enabled: false, ...SETTINGS } })
  expect((await ask({})).body).toMatchObject({ total_cents: 500 })
  expect((await ask({ threshold: 50 })).body).toMatchObject({ total_cents: 0, charges: [] })
})
