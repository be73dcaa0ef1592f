/** The ledger on pages: every line in words, exactly what the filter says, and no page slower for a long history. */
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { explain, type Told } from '../../src/dashboard/words.ts'
import { type EntryFilter, type HistoryEntry, readEntries } from '../../src/history/read.ts'
import { ENTRY_KINDS, type EntryKind } from '../../src/ledger/entry.ts'
import { newAccount } from './api.ts'
import { callAlarm } from './object.ts'
import { rowsReadBy } from './rows-read.ts'
import { visitorOf } from './visitor.ts'

const NOTHING: Told = {
  kind: 'grant',
  availableDelta: 0,
  reservedDelta: 0,
  debtDelta: 0,
  charged: 0,
  absorbed: 0,
  grants: '[]',
  tier: 'code_review',
  metadata: '{"repository":"acme/api","pull_request":"118"}',
  detail: null,
  mode: 'credits',
  late: 0,
}

function say(kind: EntryKind, facts: Partial<Told>, detail: object | null = null): string {
  return explain({ ...NOTHING, kind, ...facts, detail: detail === null ? null : JSON.stringify(detail) })
}

test('every line of the ledger is one sentence that a customer understands', () => {
  const agreed = { enabled: true, by: 'dashboard', pack: 'team', price_cents: 1_900, monthly_limit_cents: 10_000 }
  const trial = JSON.stringify([{ id: 'trial', credits: -30_000, held: 0 }])
  expect([
    say('grant', { availableDelta: 100_000 }, { kind: 'trial' }),
    say('grant', { availableDelta: 2_000_000 }, { kind: 'purchase', pack: 'team' }),
    say('grant', { availableDelta: 2_000_000 }, { kind: 'top_up', pack: 'team' }),
    say('grant', { availableDelta: 1_000 }, { kind: 'promotional', reason: 'Sorry' }),
    say('grant', { availableDelta: -5_500 }, { kind: 'adjustment', reason: 'A mistake' }),
    say('reserve', { reservedDelta: 62_500, availableDelta: -62_500 }),
    say('reserve', { mode: 'byok', tier: null, metadata: '{}' }),
    say('extend', { reservedDelta: 20_000, availableDelta: -20_000 }),
    say('settle', { reservedDelta: -62_500, availableDelta: 12_190, charged: 50_310 }),
    say('settle', { reservedDelta: -62_500, availableDelta: -7_500, charged: 70_000, absorbed: 5_000 }),
    say('settle', { charged: 8_000, availableDelta: -8_000, late: 1 }),
    say('settle', { charged: -3_000, availableDelta: 3_000, late: 1 }),
    say('settle', { reservedDelta: -10_000, availableDelta: -2_000, debtDelta: 3_000, charged: 15_000 }),
    say('settle', { mode: 'byok' }),
    say('release', { reservedDelta: -62_500, availableDelta: 62_500 }, { reason: 'the model was away' }),
    say('expire_reservation', { reservedDelta: -62_500, availableDelta: 62_500 }),
    say('expire_reservation', { reservedDelta: -62_500, availableDelta: 40_000, charged: 22_500 }),
    say('expire_grant', { availableDelta: -30_000, grants: trial }),
    say('void_grant', { availableDelta: -30_000 }),
    say('refund', { availableDelta: -1_900_000, debtDelta: 100_000 }),
    say('refund_reversal', { availableDelta: 2_000_000 }),
    say('dispute', { availableDelta: -2_000_000 }),
    say('dispute_reversal', { availableDelta: 1_900_000, debtDelta: -100_000 }),
    say('debt_repaid', { availableDelta: -50_000, debtDelta: -50_000 }),
    say('auto_top_up_changed', {}, { ...agreed, threshold: 100, credits: 2_000, card: 'visa 4242' }),
    say('auto_top_up_changed', {}, { ...agreed, enabled: false, threshold: 100, credits: 2_000 }),
    say('auto_top_up_changed', {}, { enabled: false, by: 'refund' }),
    say('byok_changed', {}, { enabled: true }),
    say('byok_read', {}),
  ]).toEqual([
    'Trial of 100 credits',
    'Bought Team: 2,000 credits',
    'Auto top-up bought Team: 2,000 credits',
    'Given 1 credit (Sorry)',
    'Adjusted: 5.5 credits taken (A mistake)',
    'Held 62.5 credits for a Code Review of acme/api #118',
    'Started a review with your own key; nothing is held',
    'Held 20 more for the Code Review of acme/api #118',
    'The Code Review of acme/api #118 cost 50.31 credits; 12.19 returned',
    'The Code Review of acme/api #118 cost 70 credits; 7.5 of them above what was held; 5 more were not charged to anybody',
    'The Code Review of acme/api #118 was reported late: 8 credits charged',
    'The Code Review of acme/api #118 cost less than was charged; 3 returned',
    'The Code Review of acme/api #118 cost 15 credits; 2 of them above what was held; 3 of them owed',
    'The Code Review of acme/api #118 ran on your own key; nothing was charged',
    'Returned all 62.5 credits held for the Code Review of acme/api #118 (the model was away)',
    'Time ran out for the Code Review of acme/api #118; 62.5 credits returned',
    'Time ran out for the Code Review of acme/api #118: 22.5 credits charged for what was done, 40 returned',
    '30 credits of the trial expired',
    '30 credits withdrawn by Assay',
    'Refund took back 2,000 credits, of which 100 were spent already and are owed',
    'A refund did not go through: 2,000 credits given back',
    'A dispute with your bank took back 2,000 credits',
    'A dispute was settled: 2,000 credits given back',
    '50 credits paid what was owed',
    'Auto top-up agreed: Team (2,000 credits) for $19.00 below 100 credits, at most $100.00 a month, with visa 4242',
    'Auto top-up switched off',
    'Auto top-up was switched off by a refund',
    'Your own key was added',
    'Your own key was used for a Code Review of acme/api #118',
  ])
})

test('a page and its CSV have exactly what the filter says, and the pages together have it once', async () => {
  const account = await newAccount(10_000)
  for (let index = 0; index < 30; index += 1) {
    await account.reserve(`r${index}`, { credits: 2, metadata: { repository: 'acme/api', pull_request: `${index}` } })
    if (index % 3 === 0) await account.release(`r${index}`)
    else await account.settle(`r${index}`, 1)
  }
  await callAlarm(account.id)
  const visitor = await visitorOf(account)
  const all: string[] = []
  let path: string | undefined = '/billing/history'
  while (path !== undefined) {
    const { text } = await visitor.ask(path)
    all.push(...linesOf(text))
    path = /rel="next" href="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(all).toHaveLength(61)
  const today = new Date().toISOString().slice(0, 10)
  const filters: [string, number][] = [
    ['', 61],
    ['kind=release', 10],
    ['kind=settle&review=', 20],
    ['review=r3', 2],
    ['review=r3&kind=settle', 0],
    [`from=${today}&to=${today}`, 61],
    ['to=2020-01-01', 0],
    ['from=2999-01-01', 0],
    ['kind=nonsense&from=yesterday', 61],
    ['review=%27%20OR%201=1', 0],
  ]
  for (const [query, count] of filters) {
    const csv = await visitor.ask(`/billing/history.csv?${query}`)
    expect([query, csv.text.trim().split('\r\n').length - 1]).toEqual([query, count])
    const { text } = await visitor.ask(`/billing/history?${query}`)
    expect([query, linesOf(text).length]).toEqual([query, Math.min(50, count)])
    if (query.includes('kind=release')) expect(text).toContain('<option value="release" selected="">')
  }
  expect((await visitor.ask('/billing/history?cursor=nonsense')).location).toBe('/billing/history')
})

function linesOf(page: string): string[] {
  return page.split('<tbody>')[1]?.split('</tbody>')[0]?.match(/<tr>/g) ?? []
}

test('history says when lines are still on the way, and a review tells what is known of it already', async () => {
  const account = await newAccount(100)
  await callAlarm(account.id)
  await account.reserve('r1', { tier: 'code_review', diff_lines: 150, files: 6, metadata: { repository: 'acme/api' } })
  await account.settle('r1', 40)
  const visitor = await visitorOf(account)
  expect((await visitor.ask('/billing/history')).text).toContain('The newest 2 lines are still on the way')
  const early = (await visitor.ask('/billing/reviews/r1')).text
  expect(early).toContain('still on the way')
  expect(early).toContain('<h1>Code Review of acme/api</h1>')
  await callAlarm(account.id)
  expect((await visitor.ask('/billing/history')).text).not.toContain('on the way')
  const whole = (await visitor.ask('/billing/reviews/r1')).text
  expect(whole).not.toContain('on the way')
  // What it cost has taught something already, so another run is the account's own estimate.
  const facts = { tier: 'code_review', diff_lines: 150, files: 6 }
  const { reserve } = (await account.post('/estimates', facts)).body
  for (const words of ['$0.40', '22.5 returned', `${reserve} would be held`, 'about', 'completed'])
    expect(
      whole
        .toLowerCase()
        .replaceAll(/<[^>]+>/g, '')
        .replaceAll(/\s+/g, ' '),
    ).toContain(words.toLowerCase())
})

test('with 100,000 entries no page reads more than with a few, whatever the filter', async () => {
  const entries = 100_000
  const account = 'long-history'
  const rare = { 1: 'grant', 2: 'refund', 50000: 'expire_grant' }
  await env.HISTORY.prepare(
    `WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?2)
     INSERT INTO entries (account, seq, at, kind, available_delta, reserved_delta, debt_delta, available, reserved, debt,
       charged, absorbed, mode, late, reservation, grants, metadata)
     SELECT ?1, seq, seq * 1000, ifnull(?3 ->> ('$.' || seq), iif(seq % 2, 'reserve', 'settle')), 0, 0, 0, 0, 0, 0,
       0, 0, 'credits', 0, 'r' || ((seq + 1) / 2), '[]', '{}' FROM n`,
  )
    .bind(account, entries, JSON.stringify(rare))
    .run()
  const read = async (filter: EntryFilter, before: number | null = null) => {
    let found: readonly HistoryEntry[] = []
    const rows = await rowsReadBy(async () => {
      found = await readEntries(env.HISTORY, account, filter, before, 51)
    })
    return { found: found.map(({ seq }) => seq), rows }
  }
  // Halving takes 17 steps of a few rows each, for either end of a period.
  const most = 51 * 2 + 2 * 17 * 4
  const middle = { from: 50_000_000, to: 50_010_000 }
  const filters: EntryFilter[] = [{}, middle, { to: 1_000_000 }, { from: 99_990_000 }, { reservation: 'r7' }]
  const byKind = ENTRY_KINDS.map((kind): EntryFilter => ({ kind }))
  for (const filter of [...filters, ...byKind, { kind: 'refund', ...middle }] as EntryFilter[]) {
    for (const before of [null, 30_000]) {
      const { rows } = await read(filter, before)
      expect(rows, JSON.stringify({ filter, before })).toBeLessThanOrEqual(most)
    }
  }
  expect((await read({ kind: 'refund' })).found).toEqual([2])
  expect((await read({ kind: 'expire_grant', ...middle })).found).toEqual([50_000])
  expect((await read(middle)).found).toEqual([...Array(10).keys()].map((index) => 50_009 - index))
  expect((await read({ from: 99_999_001 })).found).toEqual([100_000])
  expect((await read({ to: 1_000 })).found).toEqual([])
  expect((await read({ to: 1_001 })).found).toEqual([1])
})
