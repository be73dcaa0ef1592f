/** Estimates of an account: what its settled reviews teach, when, how often, and that nothing else does. */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import { ENTRIES_AT_ONCE, MAX_PAIRS } from '../../src/account/learning.ts'
import { type AccountApi, type Body, call, newAccount, RUNNER } from './api.ts'
import { callAlarm, dump, query } from './object.ts'
import { visitorOf } from './visitor.ts'

const MINUTE = 60_000
const REVIEW = { tier: 'code_review', diff_lines: 150, files: 6 }
const IN_API = { ...REVIEW, repository: 'acme/api' }
const IN_WEB = { ...REVIEW, repository: 'acme/web' }
const PLAIN = { tier: 'code_review', typical: 50, low: 30, high: 80, reserve: 62.5, usd: '0.5' }

afterEach(() => {
  vi.useRealTimers()
})

function later(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
}

const estimateOf = async (account: AccountApi, facts: object) =>
  (await account.post('/estimates', facts, { key: RUNNER })).body

const accuracyOf = async (account: AccountApi, tier = 'code_review'): Promise<Body> =>
  (await account.get('/estimates/accuracy')).body.data.find((each: Body) => each.tier === tier)

/** Reviews of these facts at these costs, each reserved and settled, in one batch; nothing is learned of them yet. */
async function settled(account: AccountApi, facts: object, costs: readonly number[], name = 'r'): Promise<void> {
  const commands = costs.flatMap((credits, index) => [
    { op: 'reserve', id: `${name}${index}`, ...facts },
    { op: 'settle', id: `${name}${index}`, credits },
  ])
  const { body } = await account.post('/reservations:batch', { commands }, { key: RUNNER })
  for (const { status } of body.results) expect(status).toBeLessThan(300)
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

/** What was learned, as text. */
async function learnt(account: AccountApi): Promise<string> {
  const tables = ['learning', 'calibrations'].map((table) => query(account.id, `SELECT * FROM ${table}`))
  return JSON.stringify(await Promise.all(tables))
}

test('estimates and holds follow what an account has paid, per repository, and nobody else sees it', async () => {
  const [account, other] = [await newAccount(100_000), await newAccount(1_000)]
  expect(await estimateOf(account, IN_API)).toEqual(PLAIN)
  await settled(account, IN_API, times(30, 150), 'dear')
  await settled(account, IN_WEB, times(30, 20), 'cheap')
  expect(await estimateOf(account, IN_API), 'not before the alarm').toEqual(PLAIN)
  await callAlarm(account.id)

  const [dear, cheap, unknown] = await Promise.all([IN_API, IN_WEB, REVIEW].map((facts) => estimateOf(account, facts)))
  expect(dear.typical).toBeGreaterThan(130)
  expect(dear.high).toBeLessThanOrEqual(200)
  expect(cheap.typical).toBeLessThan(25)
  expect(unknown.typical).toBeGreaterThan(cheap.typical)
  expect(unknown.typical).toBeLessThan(dear.typical)
  for (const { low, typical, reserve, high } of [dear, cheap, unknown]) {
    expect([low, typical, reserve, high]).toEqual([low, typical, reserve, high].sort((a, b) => a - b))
  }
  for (const [facts, estimate] of [
    [IN_API, dear],
    [IN_WEB, cheap],
    [REVIEW, unknown],
  ] as const) {
    const { reservation } = (await account.reserve(crypto.randomUUID(), facts)).body
    expect(reservation).toMatchObject({ credits: estimate.reserve, max_credits: 200 })
  }
  expect(await estimateOf(other, IN_API)).toEqual(PLAIN)
  expect((await call('POST', '/v1/estimates', { body: IN_API })).body).toEqual(PLAIN)
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a reserve that is sent again answers with what was held, whatever was learned since (R3)', async () => {
  const account = await newAccount(100_000)
  const first = await account.reserve('mine', IN_API)
  await settled(account, IN_API, times(30, 150))
  await callAlarm(account.id)
  const again = await account.reserve('mine', IN_API)
  expect(again.headers.get('Idempotent-Replayed')).toBe('true')
  expect(again.body.reservation).toEqual(first.body.reservation)
  expect((await account.reserve('next', IN_API)).body.reservation.credits).not.toBe(62.5)
})

test('the accuracy is that of what was announced, judged before it was learned from', async () => {
  const account = await newAccount(100_000)
  const nothing = { in_range: null, covered_by_hold: null, median_error: null }
  expect((await account.get('/estimates/accuracy')).body).toEqual({
    data: ['quick_scan', 'code_review', 'deep_analysis'].map((tier) => ({
      tier,
      reviews: 0,
      with_calibration: nothing,
      without_calibration: nothing,
    })),
    complete_to: expect.any(Number),
  })
  await settled(account, IN_API, [...times(4, 55), 70, 70, ...times(4, 90)], 'first')
  await callAlarm(account.id)
  // Nothing was known when these ten were announced, so both estimates are one.
  const figures = { in_range: 0.6, covered_by_hold: 0.4, median_error: expect.closeTo(0.4, 1) }
  expect(await accuracyOf(account)).toEqual({
    ...{ tier: 'code_review', reviews: 10, with_calibration: figures, without_calibration: figures },
  })
  await settled(account, IN_API, times(90, 90), 'second')
  await callAlarm(account.id)
  const { reviews, with_calibration, without_calibration } = await accuracyOf(account)
  expect(reviews).toBe(100)
  expect(without_calibration).toMatchObject({
    in_range: 0.06,
    covered_by_hold: 0.04,
    median_error: expect.closeTo(0.8, 1),
  })
  expect(with_calibration.in_range).toBeGreaterThan(0.9)
  expect(with_calibration.covered_by_hold).toBeGreaterThan(0.9)
  expect(with_calibration.median_error).toBeLessThan(without_calibration.median_error)
  expect(await accuracyOf(account, 'quick_scan')).toMatchObject({ reviews: 0, with_calibration: nothing })
  expect((await account.get('/estimates/accuracy', { key: RUNNER })).status).toBe(403)
})

test('a review that was refused, released, expired or asked for by credits teaches nothing', async () => {
  const account = await newAccount(200)
  expect((await account.reserve('refused', { ...IN_API, tier: 'deep_analysis' })).status).toBe(402)
  await account.reserve('released', IN_API)
  await account.release('released')
  await account.reserve('credits', { credits: 50 })
  await account.settle('credits', 90)
  await account.reserve('expired', { ...IN_API, ttl_seconds: 60, on_expiry: 'settle_accrued' })
  await account.extend('expired', { ttl_seconds: 60, accrued: 10 })
  later(2 * MINUTE)
  expect((await account.get('/reservations/expired')).body).toMatchObject({ state: 'expired', charged: 10 })
  await callAlarm(account.id)
  expect(await estimateOf(account, IN_API)).toEqual(PLAIN)
  expect(await accuracyOf(account)).toMatchObject({ reviews: 0 })
  expect(await query(account.id, 'SELECT * FROM calibrations')).toEqual([])
})

test('a late settle teaches once, with its whole cost; so does one whose cost was mostly absorbed', async () => {
  const [late, capped, whole] = [await newAccount(1_000), await newAccount(1_000), await newAccount(1_000)]
  await late.reserve('r0', { ...IN_API, ttl_seconds: 60, on_expiry: 'settle_accrued' })
  await late.extend('r0', { ttl_seconds: 60, accrued: 10 })
  await capped.reserve('r0', { ...IN_API, overage: 'cap', max_credits: 20 })
  later(2 * MINUTE)
  await callAlarm(late.id)
  for (const account of [late, capped]) {
    await account.settle('r0', 180)
    await account.settle('r0', 180)
  }
  expect((await late.get('/reservations/r0')).body).toMatchObject({ state: 'settled', late: true })
  expect((await capped.get('/reservations/r0')).body).toMatchObject({ charged: 20, absorbed: 160 })
  await settled(whole, IN_API, [180])
  for (const account of [late, capped, whole]) await callAlarm(account.id)
  const expected = await estimateOf(whole, IN_API)
  expect(expected.typical).toBeGreaterThan(60)
  for (const account of [late, capped]) {
    expect(await estimateOf(account, IN_API)).toEqual(expected)
    expect(await accuracyOf(account)).toEqual(await accuracyOf(whole))
  }
})

test("a quote is of the account's own estimate, and a review that was quoted is judged by that and teaches", async () => {
  const account = await newAccount(100_000)
  await settled(account, IN_API, times(30, 150))
  await callAlarm(account.id)
  const { typical, low, high, reserve } = await estimateOf(account, IN_API)
  const quote = (await account.post('/quotes', IN_API, { key: RUNNER })).body
  expect(quote).toMatchObject({ typical, low, high, reserve, max_credits: high })
  expect((await account.reserve('quoted', { quote: quote.id })).body.reservation.credits).toBe(reserve)
  await account.settle('quoted', 20)
  const before = await accuracyOf(account)
  await callAlarm(account.id)
  expect(await accuracyOf(account)).toMatchObject({ reviews: before.reviews + 1 })
  expect((await estimateOf(account, IN_API)).typical).toBeLessThan(typical)
})

test("a review on the account's own key teaches with the cost that is recorded of it", async () => {
  const [byok, paid] = [await newAccount(0), await newAccount(1_000)]
  await query(byok.id, 'UPDATE account SET byok = 1')
  await evictDurableObject(env.ACCOUNT.getByName(byok.id))
  await settled(byok, IN_API, [180])
  await settled(paid, IN_API, [180])
  expect((await byok.get('/reservations/r0')).body).toMatchObject({ mode: 'byok', charged: 0, cost_usd: '1.8' })
  for (const account of [byok, paid]) await callAlarm(account.id)
  expect(await estimateOf(byok, IN_API)).toEqual(await estimateOf(paid, IN_API))
  expect(await accuracyOf(byok)).toEqual(await accuracyOf(paid))
})

test('learning is done once, however often the alarm comes, and is the same after any eviction or crash', async () => {
  const [calm, troubled] = [await newAccount(100_000), await newAccount(100_000)]
  const costs = Array.from({ length: 60 }, (_, index) => 40 + ((index * 37) % 90))
  for (const [part, name] of ['a', 'b', 'c'].entries()) {
    for (const account of [calm, troubled]) await settled(account, IN_API, costs.slice(part * 20, part * 20 + 20), name)
    if (name === 'a') await abortAllDurableObjects()
    if (name === 'b') await evictDurableObject(env.ACCOUNT.getByName(troubled.id))
    await Promise.all([callAlarm(troubled.id), callAlarm(troubled.id)])
    await callAlarm(troubled.id)
    await evictDurableObject(env.ACCOUNT.getByName(troubled.id))
  }
  await callAlarm(calm.id)
  expect(await accuracyOf(calm)).toMatchObject({ reviews: 60 })
  expect((await accuracyOf(troubled)).reviews).toBe(60)
  // What was announced differs, for one had learned when the other had not; what the costs taught does not.
  const sums = (account: AccountApi) => query(account.id, 'SELECT repository, sums, last_seq FROM calibrations')
  expect(await sums(troubled)).toEqual(await sums(calm))
  const before = await dump(troubled.id)
  await callAlarm(troubled.id)
  expect(await dump(troubled.id)).toBe(before)
})

test('a batch that fails leaves no trace of itself, delays nothing else, and is learned from later, once', async () => {
  const [account, other] = [await newAccount(100_000), await newAccount(100_000)]
  await settled(account, IN_API, times(10, 90))
  const before = await learnt(account)
  await query(account.id, "CREATE TRIGGER broken BEFORE UPDATE ON learning BEGIN SELECT RAISE(ABORT, 'broken'); END")
  const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
  await callAlarm(account.id)
  expect(errors.mock.calls.flat()).toContainEqual(expect.objectContaining({ message: 'learning failed' }))
  errors.mockRestore()
  expect(await learnt(account)).toBe(before)
  expect(await estimateOf(account, IN_API)).toEqual(PLAIN)
  expect((await account.audit()).checked).toMatchObject({ entries: 21, history: 21 })
  await query(account.id, 'DROP TRIGGER broken')
  later(2 * MINUTE)
  await callAlarm(account.id)
  await settled(other, IN_API, times(10, 90))
  await callAlarm(other.id)
  expect(await learnt(account)).toBe(await learnt(other))
})

test('no review fails of what was learned: what is damaged, or of another form, counts as nothing and is learned anew', async () => {
  const damages = [
    "UPDATE calibrations SET sums = '{'",
    "UPDATE calibrations SET sums = '{}'",
    'UPDATE calibrations SET sums = \'{"weight":null,"x":"1","y":0,"xx":0,"xy":0,"yy":0}\'',
    "UPDATE learning SET tiers = ''",
    "UPDATE learning SET tiers = 'null'",
    'UPDATE learning SET tiers = \'{"code_review":{"experience":{"low":-2}},"of_another_release":{}}\'',
  ]
  for (const damage of damages) {
    const account = await newAccount(100_000)
    await settled(account, IN_API, times(10, 90))
    await callAlarm(account.id)
    await query(account.id, damage)
    await evictDurableObject(account.stub())
    const held = await account.reserve('held', IN_API)
    expect(held.status, damage).toBe(201)
    expect((await account.settle('held', 90)).status).toBe(200)
    await settled(account, IN_API, times(40, 90), 'again')
    await callAlarm(account.id)
    expect((await estimateOf(account, IN_API)).typical, damage).toBeGreaterThan(75)
    expect((await account.audit()).differences).toEqual([])
  }
})

test('more entries than one batch takes are learned from in several, and the hot path writes nothing of it', async () => {
  const account = await newAccount(100_000)
  const before = await learnt(account)
  const count = ENTRIES_AT_ONCE / 2
  for (const name of ['a', 'b', 'c']) await settled(account, IN_API, times(count, 60), name)
  expect(await learnt(account)).toBe(before)
  await callAlarm(account.id)
  expect(await accuracyOf(account)).toMatchObject({ reviews: 3 * count })
  expect((await account.get('/estimates/accuracy')).body.complete_to).toBe(1 + 6 * count)
})

test('a reserve by facts writes as many rows as one by credits, and so does its settle', async () => {
  const account = await newAccount(100_000)
  await settled(account, IN_API, times(10, 60))
  await callAlarm(account.id)
  const changes = async () => Number((await query(account.id, 'SELECT total_changes() AS n'))[0]?.['n'])
  const written = async (body: object, id: string) => {
    const before = await changes()
    await account.reserve(id, body)
    const between = await changes()
    await account.settle(id, 40)
    return [between - before, (await changes()) - between]
  }
  // The first of all also arms the alarm.
  await written({ credits: 50 }, 'first')
  const byCredits = await written({ credits: 50 }, 'credits')
  expect(byCredits.every((rows) => rows > 0)).toBe(true)
  expect(await written(IN_API, 'facts')).toEqual(byCredits)
})

test('of more repositories than are kept, the one that was learned from longest ago is forgotten', async () => {
  const account = await newAccount(1_000_000)
  const name = (index: number) => ({ ...REVIEW, repository: `acme/r${index}` })
  for (let from = 0; from < MAX_PAIRS; from += 64) {
    for (let index = from; index < from + 64; index += 1) await settled(account, name(index), [150], `r${index}-`)
    await callAlarm(account.id)
  }
  const kept = async () =>
    (await query(account.id, 'SELECT repository FROM calibrations')).map((row) => row['repository'])
  expect(await kept()).toHaveLength(MAX_PAIRS)
  // The first is learned from once more, so the second is now the oldest.
  await settled(account, name(0), times(10, 20), 'again')
  await settled(account, name(MAX_PAIRS), [150], 'one-more')
  await callAlarm(account.id)
  await evictDurableObject(env.ACCOUNT.getByName(account.id))
  expect(await kept()).toHaveLength(MAX_PAIRS)
  expect(await kept()).not.toContain('acme/r1')
  expect(await kept()).toContain(`acme/r${MAX_PAIRS}`)
  expect((await estimateOf(account, name(0))).typical).toBeLessThan(70)
  expect((await estimateOf(account, name(1))).typical).toBeGreaterThan(100)
  expect(await estimateOf(account, name(1))).toEqual(await estimateOf(account, name(9_999)))
})

test('one batch of more repositories than are kept leaves just the last of them', async () => {
  const account = await newAccount(1_000_000)
  const one = (index: number, op: string) => ({ op, id: `r${index}` })
  const commands = Array.from({ length: MAX_PAIRS + 44 }, (_, index) => [
    { ...one(index, 'reserve'), ...REVIEW, repository: `acme/r${index}` },
    { ...one(index, 'settle'), credits: 50 },
  ]).flat()
  await account.post('/reservations:batch', { commands }, { key: RUNNER })
  await callAlarm(account.id)
  const rows = await query(account.id, 'SELECT repository FROM calibrations ORDER BY last_seq')
  expect(rows).toHaveLength(MAX_PAIRS)
  expect(rows[0]).toEqual({ repository: 'acme/r44' })
})

test('an account from before learns from its next review on; what was held before teaches nothing', async () => {
  const account = await newAccount(1_000)
  await settled(account, IN_API, [90, 90], 'old')
  await account.reserve('held', IN_API)
  await callAlarm(account.id)
  await runInDurableObject(env.ACCOUNT.getByName(account.id), (_: Account, { storage: { sql } }) => {
    sql.exec('DROP TABLE learning')
    sql.exec('DROP TABLE calibrations')
    sql.exec('ALTER TABLE reservations DROP COLUMN announced')
    // 0007 came after it.
    sql.exec('ALTER TABLE outbox DROP COLUMN differs_at')
    sql.exec('UPDATE schema_steps SET steps = steps - 2')
  })
  await evictDurableObject(env.ACCOUNT.getByName(account.id))
  expect((await account.settle('held', 90)).status).toBe(200)
  expect((await account.reserve('held', IN_API)).headers.get('Idempotent-Replayed')).toBe('true')
  await callAlarm(account.id)
  expect(await estimateOf(account, IN_API)).toEqual(PLAIN)
  expect(await accuracyOf(account)).toMatchObject({ reviews: 0 })
  await settled(account, IN_API, [90], 'new')
  await callAlarm(account.id)
  expect((await estimateOf(account, IN_API)).typical).toBeGreaterThan(55)
  expect(await accuracyOf(account)).toMatchObject({ reviews: 1 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('the page of a review says what another run would cost this account, and what would be held for it', async () => {
  const account = await newAccount(100_000)
  await settled(account, IN_API, times(30, 150))
  await callAlarm(account.id)
  const visitor = await visitorOf(account)
  const { text } = await visitor.ask('/billing/reviews/r0')
  const { typical, low, high, reserve } = await estimateOf(account, IN_API)
  expect(typical).not.toBe(PLAIN.typical)
  const words = text.replaceAll(/<[^>]*>|\s+/g, ' ').replaceAll(/ +/g, ' ')
  expect(words).toContain(`About ${typical} credits`)
  expect(words).toContain(`between ${low} and ${high} credits. ${reserve} would be held`)
})

test('a refusal names the tiers whose holds an account can afford, by what it has paid for them', async () => {
  const account = await newAccount(1_000)
  await settled(account, REVIEW, times(9, 20))
  await callAlarm(account.id)
  await account.reserve('rest', { credits: 780 })
  const { body } = await account.reserve('more', { credits: 41 })
  expect(body).toMatchObject({
    code: 'insufficient_credits',
    available: 40,
    affordable_tiers: ['quick_scan', 'code_review'],
  })
})
