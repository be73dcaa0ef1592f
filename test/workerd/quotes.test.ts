/** Quotes over HTTP: a price that was given is kept, once, for its time, for its account; and nothing else is a quote. */
import { abortAllDurableObjects, evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { SPECIALISTS } from '../../src/catalog/estimates.ts'
import { QUOTE_LIFETIME_MS, type Quote } from '../../src/catalog/quotes.ts'
import { newQuoteKey, quoteId } from '../../src/http/quotes.ts'
import { type AccountApi, accountApi, type Body, newAccount, type Result } from './api.ts'
import { callAlarm, dump, query } from './object.ts'
import { visitorOf } from './visitor.ts'

const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }
const AT_ONCE = 200
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const DAY_MS = 24 * 60 * 60 * 1000

const secrets = env.SIGNING_SECRETS

afterEach(() => {
  vi.useRealTimers()
  env.SIGNING_SECRETS = secrets
})

function at(time: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: time })
}

async function quoteFor(account: AccountApi, facts: object = FACTS): Promise<Body> {
  const { status, body } = await account.quote(facts)
  expect(status).toBe(201)
  return body
}

function count(results: readonly Result[], status: number): number {
  return results.filter((each) => each.status === status).length
}

function invalid(reason: string) {
  return { status: 409, code: 'quote_invalid', reason }
}

test('a quote is an estimate with its upper end as the most that it may cost, and two are two', async () => {
  const account = await newAccount(100)
  const [first, second] = [await quoteFor(account), await quoteFor(account)]
  expect(first).toMatchObject({ tier: 'code_review', typical: 50, low: 30, high: 80, reserve: 62.5, max_credits: 80 })
  expect(first.id).not.toBe(second.id)
})

test('quoting writes nothing, whatever the facts', async () => {
  const account = await newAccount(100)
  await callAlarm(account.id)
  const before = await dump(account.id)
  await quoteFor(account)
  await quoteFor(account, { tier: 'deep_analysis', diff_lines: 900, files: 24, specialists: ['security'] })
  expect(await dump(account.id)).toBe(before)
})

test('no valid facts make an id longer than 1,024 characters', async () => {
  const account = accountApi(`a${'b'.repeat(63)}`)
  await account.open({ trial: null })
  const specialists = Array.from({ length: 4 }, () => SPECIALISTS[3])
  const facts = { tier: 'deep_analysis', diff_lines: 10_000_000, files: 1_000_000, repository_complexity: 'medium' }
  const names = ['評'.repeat(500), '\u{1f600}'.repeat(250), '\u0001'.repeat(500), '"\\'.repeat(250), 'x'.repeat(398)]
  for (const repository of names) {
    for (const named of [specialists, [...SPECIALISTS]]) {
      const quote = await quoteFor(account, { ...facts, specialists: named, repository })
      expect(quote.id.length).toBeLessThanOrEqual(1_024)
      const reserved = await account.reserve(newQuoteKey(), { quote: quote.id })
      expect(reserved.body.code).toBe('insufficient_credits')
    }
  }
})

test('a review holds what was quoted and is charged at most what was promised, whatever overage says', async () => {
  for (const overage of ['available', 'cap', 'debt']) {
    const account = await newAccount(1_000, { allow_debt: true })
    const quote = await quoteFor(account)
    const { status, body } = await account.reserve('rev', { quote: quote.id, overage })
    expect(status).toBe(201)
    expect(body.reservation).toMatchObject({ tier: 'code_review', credits: 62.5, max_credits: 80, quote: quote.id })
    expect(Date.parse(body.reservation.expires_at) - Date.parse(body.reservation.created_at)).toBe(900_000)
    const settled = (await account.settle('rev', 300)).body
    const charged = overage === 'cap' ? 62.5 : 80
    expect(settled.reservation).toMatchObject({ charged, absorbed: 300 - charged, quote: quote.id })
    expect(settled.balance).toMatchObject({ available: 1_000 - charged, debt: 0 })
  }
})

test('a lower cap of the runner counts, a higher one is refused by its name and does not use the quote', async () => {
  const account = await newAccount(1_000)
  const quote = await quoteFor(account)
  const higher = await account.reserve('rev', { quote: quote.id, max_credits: 80.001 })
  expect(higher.body).toMatchObject({ code: 'invalid_request', errors: [{ path: 'max_credits' }] })
  const lower = await account.reserve('rev', { quote: quote.id, max_credits: 50 })
  expect(lower.body.reservation).toMatchObject({ credits: 50, max_credits: 50 })
  const raised = await account.extend('rev', { credits: 51 })
  expect(raised.body).toMatchObject({ code: 'limit_exceeded', limit: 'max_credits', maximum: 50 })
})

test('a quote stands alone: beside credits or facts it is refused, and names the field', async () => {
  const account = await newAccount(1_000)
  const { id } = await quoteFor(account)
  for (const beside of [{ credits: 5 }, FACTS, { repository: 'acme/api' }, { files: 6 }]) {
    const { status, body } = await account.reserve('rev', { quote: id, ...beside })
    expect(status).toBe(400)
    expect(body.errors.length).toBeGreaterThan(0)
  }
})

test('what is longer than any quote, empty or no text is not valid; any other text is forged, and nothing is stored', async () => {
  const account = await newAccount(1_000)
  const { id } = await quoteFor(account)
  const other = await quoteFor(account, { ...FACTS, files: 7 })
  const mac = id.slice(id.lastIndexOf('.'))
  const unknown = ['a-secret-that-nobody-configured-0123456789']
  const forever: Quote = {
    account: account.id,
    facts: { tier: 'code_review', diffLines: 1, files: 1, complexity: 'low', specialists: null, repository: null },
    estimate: { typical: 1, low: 1, high: 1, reserve: 1 },
    maxCredits: 1,
    expiresAt: Date.now() + DAY_MS,
    key: newQuoteKey(),
  }
  await callAlarm(account.id)
  const before = await dump(account.id)
  for (const quote of ['', 'x'.repeat(1_025), 5, null, [id], { id }, '\ud800']) {
    expect((await account.reserve('rev', { quote })).status).toBe(400)
  }
  const forged = [
    'x',
    'x'.repeat(1_024),
    ` ${id}`,
    `${id}\n`,
    id.toUpperCase(),
    id.slice(0, -1),
    `${id}=`,
    `${id}.${'A'.repeat(43)}`,
    other.id.slice(0, other.id.lastIndexOf('.')) + mac,
    `quote_${btoa(JSON.stringify([1, account.id, 'code_review', 1, 1, 'low', null, null, [1, 1, 1, 1], 1, 9e15, 'k']))}${mac}`,
    await quoteId(forever, unknown),
    "' OR 1=1 --",
  ]
  for (const quote of forged) {
    for (const body of [{ quote }, { quote, dedupe_key: 'k', wait_seconds: 1 }]) {
      expect((await account.reserve('rev', body)).body).toMatchObject(invalid('forged'))
    }
  }
  expect(await dump(account.id)).toBe(before)
})

test('a quote that was changed by any one character is forged', async () => {
  const account = await newAccount(1_000)
  const { id } = await quoteFor(account)
  const bytes = Array.from({ length: id.length }, (_, place) => place).filter((place) => id[place] !== '.')
  const api = accountApi(account.id, { unchecked: true })
  const answers = await Promise.all(
    bytes.map((place) => {
      // The next letter of base64: in the last character it differs in bits that mean nothing.
      const changed = BASE64URL[(BASE64URL.indexOf(id[place] ?? '') + 1) % BASE64URL.length]
      return api.reserve(`r${place}`, { quote: id.slice(0, place) + changed + id.slice(place + 1) })
    }),
  )
  expect(answers.every(({ body }) => body.reason === 'forged')).toBe(true)
  expect((await account.reserve('rev', { quote: id })).status).toBe(201)
})

test('a quote of another account is a mismatch, and stays good where it belongs', async () => {
  const [account, other] = [await newAccount(1_000), await newAccount(1_000)]
  const { id } = await quoteFor(other)
  expect((await account.reserve('rev', { quote: id })).body).toMatchObject(invalid('mismatch'))
  expect((await other.reserve('rev', { quote: id })).status).toBe(201)
})

test('what our secret signed for another use is no quote', async () => {
  const account = await newAccount(1_000)
  const { key } = (await account.post('/keys', { scope: 'runner' })).body
  expect((await account.reserve('rev', { quote: key })).body).toMatchObject(invalid('forged'))
  const { id } = await quoteFor(account)
  expect((await account.get('/balance', { key: id })).status).toBe(401)
})

test('a quote is good up to its last millisecond, and expired from the very instant that it names', async () => {
  const account = await newAccount(1_000)
  const asked = Date.now()
  const [first, second] = [await quoteFor(account), await quoteFor(account)]
  const expiresAt = Date.parse(first.expires_at)
  expect(expiresAt).toBeGreaterThanOrEqual(asked + QUOTE_LIFETIME_MS)
  at(expiresAt - 1)
  expect((await account.reserve('last', { quote: first.id })).status).toBe(201)
  at(Date.parse(second.expires_at))
  expect((await account.reserve('late', { quote: second.id })).body).toMatchObject(invalid('expired'))
})

test('a quote is good as long as the secret that signed it is listed', async () => {
  const account = await newAccount(1_000)
  const [first, second] = [await quoteFor(account), await quoteFor(account)]
  env.SIGNING_SECRETS = `a-new-secret-0123456789-abcdefghijkl,${secrets}`
  expect((await account.reserve('rotated', { quote: first.id })).status).toBe(201)
  env.SIGNING_SECRETS = 'a-new-secret-0123456789-abcdefghijkl'
  expect((await account.reserve('gone', { quote: second.id })).body).toMatchObject(invalid('forged'))
})

test('the same reserve is answered for ever, though its quote has expired, was used and is known to no secret', async () => {
  const account = await newAccount(1_000)
  const quote = await quoteFor(account)
  const body = { quote: quote.id, max_credits: 70, ttl_seconds: 60 }
  expect((await account.reserve('rev', body)).status).toBe(201)
  await account.settle('rev', 55)
  env.SIGNING_SECRETS = 'a-new-secret-0123456789-abcdefghijkl'
  at(Date.parse(quote.expires_at) + 30 * DAY_MS)
  await evictDurableObject(account.stub())
  const again = await account.reserve('rev', body)
  expect([again.status, again.headers.get('Idempotent-Replayed')]).toEqual([200, 'true'])
  expect(again.body.reservation).toMatchObject({ state: 'settled', charged: 55, quote: quote.id })
  const batch = await account.post('/reservations:batch', { commands: [{ op: 'reserve', id: 'rev', ...body }] })
  expect(batch.body.results).toMatchObject([{ status: 200, reservation: { charged: 55 } }])
  const other = await account.reserve('rev', { ...body, quote: `${quote.id}x` })
  expect(other.body).toMatchObject({ code: 'conflict', field: 'quote' })
  expect((await account.reserve('rev', { ...body, max_credits: 81 })).body.code).toBe('conflict')
})

test('a quote serves one reservation, whatever becomes of it, evictions and crashes included', async () => {
  const account = await newAccount(1_000)
  const ends = [
    { end: 'settled', act: (id: string) => account.settle(id, 1) },
    { end: 'released', act: (id: string) => account.release(id) },
    { end: 'held', act: async () => {} },
    { end: 'expired', act: async () => at(Date.now() + 16 * 60_000) },
  ]
  for (const { end, act } of ends) {
    const quote = (await quoteFor(account)).id
    await account.reserve(end, { quote })
    await act(end)
    await evictDurableObject(account.stub())
    const used = await account.reserve(`${end}-again`, { quote })
    expect(used.body).toMatchObject(invalid('used'))
    expect(used.body.detail).toContain(end)
    await abortAllDurableObjects()
    expect((await account.reserve(`${end}-again`, { quote })).body).toMatchObject(invalid('used'))
  }
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a reserve that was refused for want of credits has not used its quote', async () => {
  const account = await newAccount(10)
  const quote = (await quoteFor(account)).id
  expect((await account.reserve('rev', { quote })).body).toMatchObject({
    code: 'insufficient_credits',
    requested: 62.5,
    shortfall: 52.5,
  })
  expect((await account.reserve('rev', { quote, overage: 'debt' })).status).toBe(403)
  await account.grant('more', 100)
  expect((await account.reserve('other', { quote })).status).toBe(201)
})

test('what deduplication answers has not used its quote, even one that has expired; a forged one makes no name', async () => {
  const account = await newAccount(1_000)
  const [first, second] = [(await quoteFor(account)).id, await quoteFor(account)]
  at(Date.parse(second.expires_at) - 30_000)
  await account.reserve('webhook', { quote: first, dedupe_key: 'k' })
  const slash = await account.reserve('slash', { quote: second.id, dedupe_key: 'k' })
  expect(slash.body.reservation).toMatchObject({ id: 'webhook', quote: first })
  expect((await account.reserve('third', { quote: 'x', dedupe_key: 'k' })).body).toMatchObject(invalid('forged'))
  expect((await account.get('/reservations/third')).status).toBe(404)
  expect((await account.reserve('new', { quote: second.id })).status).toBe(201)
  at(Date.parse(second.expires_at) + 10)
  const late = await account.reserve('late', { quote: second.id, dedupe_key: 'k' })
  expect([late.status, late.body.reservation.id]).toEqual([200, 'webhook'])
  expect((await account.reserve('late', { quote: first, dedupe_key: 'k' })).body).toMatchObject({
    code: 'conflict',
    field: 'quote',
  })
})

test('a quoted review may supersede another; if its quote is refused, the old hold stays', async () => {
  const account = await newAccount(100)
  const quote = (await quoteFor(account)).id
  await account.reserve('old', { credits: 90 })
  const swapped = await account.reserve('new', { quote, supersedes: 'old' })
  expect(swapped.body.balance).toMatchObject({ available: 37.5, reserved: 62.5 })
  const refused = await account.reserve('newer', { quote, supersedes: 'new' })
  expect(refused.body).toMatchObject(invalid('used'))
  expect((await account.get('/reservations/new')).body.state).toBe('held')
})

test('a quoted review may wait for credits; of two that wait with one quote, one is served', async () => {
  const account = await newAccount(10)
  const quote = (await quoteFor(account)).id
  const waiters = ['a', 'b'].map((id) => account.reserve(id, { quote, wait_seconds: 30 }))
  await account.balance()
  await account.grant('more', 1_000)
  const [a, b] = await Promise.all(waiters)
  expect([a?.status, b?.body]).toMatchObject([201, invalid('used')])
})

test('a batch takes quotes, each judged in its place', async () => {
  const [account, other] = [await newAccount(1_000), await newAccount(0)]
  const [quote, foreign] = [(await quoteFor(account)).id, (await quoteFor(other)).id]
  const commands = [
    { op: 'reserve', id: 'a', quote },
    { op: 'reserve', id: 'a', quote },
    { op: 'reserve', id: 'b', quote },
    { op: 'reserve', id: 'c', quote: foreign },
    { op: 'reserve', id: 'd', quote: 'x' },
    { op: 'reserve', id: 'e', quote, credits: 1 },
    { op: 'settle', id: 'a', credits: 500 },
  ]
  const { body } = await account.post('/reservations:batch', { commands })
  expect(body.results).toMatchObject([
    { status: 201, reservation: { quote } },
    { status: 200 },
    { status: 409, problem: { reason: 'used' } },
    { status: 409, problem: { reason: 'mismatch' } },
    { status: 409, problem: { reason: 'forged' } },
    { status: 400, problem: { errors: [{ path: 'quote' }] } },
    { status: 200, reservation: { charged: 80, absorbed: 420 } },
  ])
})

test('of 200 reserves with one quote under 200 ids one holds; under one id, 199 are replays', async () => {
  for (let round = 0; round < 5; round += 1) {
    const account = accountApi((await newAccount(100_000)).id, { unchecked: true })
    const [first, second] = [(await quoteFor(account)).id, (await quoteFor(account)).id]
    const ids = Array.from({ length: AT_ONCE }, (_, index) => `r${index}`)
    const different = await Promise.all(ids.map((id) => account.reserve(id, { quote: first })))
    expect([count(different, 201), count(different, 409)]).toEqual([1, AT_ONCE - 1])
    const same = await Promise.all(ids.map(() => account.reserve('same', { quote: second })))
    expect([count(same, 201), count(same, 200)]).toEqual([1, AT_ONCE - 1])
    expect(await account.balance()).toMatchObject({ reserved: 125 })
    expect(await account.audit()).toMatchObject({ ok: true })
  }
})

test('a reservation without a quote is in no index of quotes', async () => {
  const account = await newAccount(100)
  await account.reserve('plain', { credits: 1 })
  await account.reserve('quoted', { quote: (await quoteFor(account)).id })
  expect(await query(account.id, 'SELECT id FROM reservations WHERE quote IS NOT NULL')).toEqual([{ id: 'quoted' }])
  const [plan] = await query(account.id, "EXPLAIN QUERY PLAN SELECT id FROM reservations WHERE quote = 'k'")
  expect(String(plan?.['detail'])).toContain('quoted_reservations')
})

test('the customer sees that a quote locked the price, and what they did not pay', async () => {
  const account = await newAccount(1_000)
  await account.reserve('rev', { quote: (await quoteFor(account)).id })
  await account.settle('rev', 92.25)
  await account.reserve('plain', { credits: 10, overage: 'cap' })
  await account.settle('plain', 12)
  const visitor = await visitorOf(account)
  const page = (await visitor.ask('/billing/reviews/rev')).text
  expect(page).toContain('locked by a quote')
  expect(page).toContain('cost 12.25 credits more than was quoted')
  expect(page).toContain('Another run, today')
  const plain = (await visitor.ask('/billing/reviews/plain')).text
  expect(plain).not.toContain('quote')
})
