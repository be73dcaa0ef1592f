import { runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AccountApi, call, newAccount } from '../api.ts'
import { stored } from './stored.ts'

const DAY_SECONDS = 24 * 60 * 60
/** R20, in credits: 10^15 millicredits. */
const MOST = 1e12
const MOST_OF_ONE_REVIEW = 1e9

afterEach(() => {
  vi.useRealTimers()
})

describe('amounts', () => {
  test('that are negative or zero are refused wherever credits are named, and move nothing', async () => {
    const account = await newAccount(100)
    await account.reserve('held', { credits: 10 })
    const before = await stored(account.id)
    for (const credits of [-1, -0.001, -1e12, 0]) {
      const answers = {
        credits: await account.reserve('rev_1', { credits }),
        max_credits: await account.reserve('rev_1', { credits: 1, max_credits: credits }),
        ...(credits === 0 ? {} : { settled: await account.settle('held', credits) }),
        ...(credits === 0 ? {} : { extended: await account.extend('held', { credits }) }),
        ...(credits === 0 ? {} : { accrued: await account.extend('held', { accrued: credits }) }),
        granted: await account.grant('grant', credits),
        trial: await account.open({ trial: { credits, days: 1 } }),
      }
      for (const [what, { status, body }] of Object.entries(answers)) {
        expect([what, credits, status, body.code]).toEqual([what, credits, 400, 'invalid_request'])
      }
    }
    for (const cost_usd of [
      '-0.01',
      '',
      '.5',
      '1e2',
      '0x1',
      '١',
      '1,5',
      ' 1',
      '1\n',
      '0.000000001',
      '10000000000.01',
    ]) {
      const { status, body } = await account.post('/reservations/held/settle', { cost_usd })
      expect([cost_usd, status, body.errors[0].path]).toEqual([cost_usd, 400, 'cost_usd'])
    }
    expect(await stored(account.id)).toBe(before)
  })

  test('of a promotional grant are never negative, and an adjustment takes no more than what is free', async () => {
    const account = await newAccount(100)
    await account.reserve('held', { credits: 40 })
    const before = await stored(account.id)
    expect((await account.grant('minus', -1)).body.errors[0].path).toBe('credits')
    const tooMuch = await account.grant('minus', -60.001, { kind: 'adjustment' })
    expect(tooMuch.body).toMatchObject({
      code: 'insufficient_credits',
      requested: 60.001,
      available: 60,
      shortfall: 0.001,
    })
    expect((await account.grant('minus', -MOST, { kind: 'adjustment' })).status).toBe(402)
    expect(await stored(account.id)).toBe(before)
    const all = await account.grant('minus', -60, { kind: 'adjustment' })
    expect(all.body).toMatchObject({ grant: { credits: -60, available: 0 }, balance: { available: 0, reserved: 40 } })
    expect((await account.grant('again', -0.001, { kind: 'adjustment' })).status).toBe(402)
    expect((await call('DELETE', `/v1/accounts/${account.id}/grants/minus`)).status).toBe(403)
    expect(await account.audit()).toMatchObject({ ok: true })
  })

  test('are exact to the last millicredit at the limit, and beyond it refused', async () => {
    const account = await newAccount()
    expect((await account.grant('over', MOST + 0.001)).body).toMatchObject({ limit: 'credits', maximum: MOST })
    expect((await account.grant('over', 2 ** 53 + 1)).body.errors[0].path).toBe('credits')
    expect((await account.grant('most', MOST - 0.001)).body.balance.available).toBe(999_999_999_999.999)
    expect((await account.grant('over', 0.002)).body).toMatchObject({ limit: 'lifetime_credits', maximum: MOST })
    const last = await account.grant('last', 0.001)
    expect(last.body.balance).toMatchObject({ available: MOST, total: MOST })
    expect((await account.grant('over', 0.001)).body).toMatchObject({
      code: 'limit_exceeded',
      limit: 'lifetime_credits',
    })
    const reserved = await account.reserve('dear', { credits: MOST_OF_ONE_REVIEW })
    expect(reserved.body).toMatchObject({
      reservation: { credits: MOST_OF_ONE_REVIEW, max_credits: 2 * MOST_OF_ONE_REVIEW },
      balance: { available: MOST - MOST_OF_ONE_REVIEW, reserved: MOST_OF_ONE_REVIEW },
    })
    const settled = await account.settle('dear', MOST_OF_ONE_REVIEW - 0.001)
    expect(settled.body.reservation).toMatchObject({
      charged: 999_999_999.999,
      returned: 0.001,
      cost_usd: '9999999.99999',
    })
    expect(settled.body.balance).toMatchObject({ available: 999_000_000_000.001, reserved: 0 })
    expect(await account.audit()).toMatchObject({ ok: true })
  })

  test('of credits that came and went count for life: what was granted once is not granted again', async () => {
    const account = await newAccount()
    await account.grant('most', MOST)
    await account.del('/grants/most')
    expect((await account.balance()).total).toBe(0)
    expect((await account.grant('more', 0.001)).body).toMatchObject({ limit: 'lifetime_credits', maximum: MOST })
  })

  test('of one review end at 10^9 credits, so that a mistake does not fill what an account can count', async () => {
    const account = await newAccount(100)
    await account.reserve('rev_1', { credits: 10 })
    const before = await stored(account.id)
    const settle = (body: object) => account.post('/reservations/rev_1/settle', body)
    expect((await settle({ credits: MOST_OF_ONE_REVIEW + 1 })).body).toMatchObject({
      limit: 'credits',
      maximum: MOST_OF_ONE_REVIEW,
    })
    expect((await settle({ cost_usd: '10000000.00001' })).body).toMatchObject({
      limit: 'cost_usd',
      maximum: 10_000_000,
    })
    expect((await account.extend('rev_1', { accrued: MOST_OF_ONE_REVIEW + 1 })).body.limit).toBe('accrued')
    expect((await account.reserve('rev_2', { credits: MOST_OF_ONE_REVIEW + 1 })).body.limit).toBe('credits')
    expect(await stored(account.id)).toBe(before)
    const { body } = await settle({ cost_usd: '10000000' })
    expect(body.reservation).toMatchObject({ charged: 20, absorbed: MOST_OF_ONE_REVIEW - 20, cost_usd: '10000000' })
    expect(body.balance).toMatchObject({ available: 80, reserved: 0, debt: 0 })
    await account.reserve('rev_2', { credits: 10 })
    expect((await account.settle('rev_2', 10)).body.balance.available).toBe(70)
    expect(await account.audit()).toMatchObject({ ok: true })
  })

  test('of many small reviews add up without an error in the last digit', async () => {
    const account = await newAccount(1)
    const commands = Array.from({ length: 333 }, (_, index) => [
      { op: 'reserve', id: `r${index}`, credits: 0.003 },
      { op: 'settle', id: `r${index}`, credits: 0.001 },
    ]).flat()
    const { body } = await account.post('/reservations:batch', { commands })
    expect(body.balance).toMatchObject({ available: 0.667, reserved: 0, total: 0.667 })
  })
})

describe('a reservation', () => {
  test('lives from a minute to a day, and is refused any other time', async () => {
    const account = await newAccount(100)
    await account.reserve('held', { credits: 1 })
    const before = await stored(account.id)
    const tried = async (ttl_seconds: number) => [
      (await account.reserve('rev_1', { credits: 1, ttl_seconds })).body,
      (await account.extend('held', { ttl_seconds })).body,
    ]
    for (const ttl_seconds of [0, -1, 59, 59.9, 60.5, 1e308]) {
      for (const body of await tried(ttl_seconds)) {
        expect([ttl_seconds, body.code, body.errors?.[0].path]).toEqual([ttl_seconds, 'invalid_request', 'ttl_seconds'])
      }
    }
    for (const ttl_seconds of [86_401, 315_360_000]) {
      for (const body of await tried(ttl_seconds)) {
        expect(body).toMatchObject({ code: 'limit_exceeded', limit: 'ttl_seconds', maximum: 86_400 })
      }
    }
    expect(await stored(account.id)).toBe(before)
    expect((await account.reserve('short', { credits: 1, ttl_seconds: 60 })).status).toBe(201)
    expect((await account.reserve('long', { credits: 1, ttl_seconds: 86_400 })).status).toBe(201)
  })

  test('is not extended past 24 hours after its creation, by one call or by many', async () => {
    const account = await newAccount(100)
    const { created_at } = (await account.reserve('rev_1', { credits: 1, ttl_seconds: 600 })).body.reservation
    const end = Date.parse(created_at) + DAY_SECONDS * 1000
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(created_at) + 60_000 })
    const refused = await account.extend('rev_1', { ttl_seconds: DAY_SECONDS - 59, accrued: 1 })
    expect(refused.body).toMatchObject({ limit: 'reservation_lifetime_seconds', maximum: DAY_SECONDS })
    expect((await account.get('/reservations/rev_1')).body.accrued).toBe(0)
    for (let minutes = 5; minutes < DAY_SECONDS / 60; minutes += 9) {
      vi.setSystemTime(Date.parse(created_at) + minutes * 60_000)
      const { status, body } = await account.extend('rev_1', {})
      expect([minutes, status]).toEqual([minutes, 200])
      expect(Date.parse(body.reservation.expires_at)).toBeLessThanOrEqual(end)
    }
    vi.setSystemTime(end)
    expect((await account.extend('rev_1', {})).body.code).toBe('reservation_expired')
    expect((await account.balance()).available).toBe(100)
  })

  test('never holds more than it may charge: a cap below the hold is refused or lowers the hold', async () => {
    const account = await newAccount(1_000)
    const refused = await account.reserve('rev_1', { credits: 10, max_credits: 9.999 })
    expect([refused.status, refused.body.errors[0].path]).toEqual([400, 'max_credits'])
    const facts = { tier: 'deep_analysis', diff_lines: 10_000, files: 200, max_credits: 5 }
    expect((await account.reserve('rev_2', facts)).body.reservation).toMatchObject({ credits: 5, max_credits: 5 })
    expect((await account.extend('rev_2', { credits: 5.001 })).body).toMatchObject({ limit: 'max_credits', maximum: 5 })
    expect((await account.settle('rev_2', 400)).body.reservation).toMatchObject({ charged: 5, absorbed: 395 })
  })

  test('may be one of 10,000 that are open, and the 10,001st is refused until one is closed', async () => {
    const account = await newAccount(100)
    for (let from = 0; from < 10_000; from += 1_000) {
      const commands = Array.from({ length: 1_000 }, (_, index) => {
        return { op: 'reserve', id: `r${from + index}`, credits: 0.001 }
      })
      const { body } = await account.post('/reservations:batch', { commands })
      expect(body.results.every((result: { status: number }) => result.status === 201)).toBe(true)
    }
    const before = (await account.balance()).version
    const limit = { code: 'limit_exceeded', limit: 'open_reservations', maximum: 10_000 }
    expect((await account.reserve('one-more', { credits: 0.001 })).body).toMatchObject(limit)
    const inBatch = await account.post('/reservations:batch', { commands: [{ op: 'reserve', id: 'x', credits: 1 }] })
    expect(inBatch.body.results[0].problem).toMatchObject(limit)
    expect((await account.balance()).version).toBe(before)
    expect((await account.reserve('r0', { credits: 0.001 })).status).toBe(200)
    expect((await account.reserve('swapped', { credits: 0.001, supersedes: 'r1' })).status).toBe(201)
    await account.release('r2')
    expect((await account.reserve('one-more', { credits: 0.001 })).status).toBe(201)
  })

  test('of another account is not there: no read and no write reaches it', async () => {
    const [mine, theirs] = [await newAccount(100), await newAccount(100)]
    await theirs.reserve('rev_theirs', { credits: 50, dedupe_key: 'same' })
    const before = await stored(theirs.id)
    for (const answer of [
      await mine.settle('rev_theirs', 0),
      await mine.release('rev_theirs'),
      await mine.extend('rev_theirs', { ttl_seconds: 86_400 }),
      await mine.get('/reservations/rev_theirs'),
    ]) {
      expect(answer.body).toMatchObject({ code: 'not_found', detail: 'There is no such reservation.' })
    }
    const swapped = await mine.reserve('rev_mine', { credits: 1, supersedes: 'rev_theirs', dedupe_key: 'same' })
    expect([swapped.status, swapped.body.reservation.id]).toEqual([201, 'rev_mine'])
    expect(await stored(theirs.id)).toBe(before)
  })

  test('never owes where the operator did not allow it, nor once it is no longer allowed', async () => {
    const account = await newAccount(10)
    const before = await stored(account.id)
    const refused = await account.reserve('rev_1', { credits: 10, overage: 'debt' })
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    expect(await stored(account.id)).toBe(before)
    await account.open({ allow_debt: true })
    await account.reserve('rev_1', { credits: 10, overage: 'debt' })
    await account.open({ allow_debt: false })
    const settled = await account.settle('rev_1', 20)
    expect(settled.body).toMatchObject({
      reservation: { charged: 10, absorbed: 10 },
      balance: { available: 0, debt: 0 },
    })
  })

  test('is charged once however often and by whatever call it is closed', async () => {
    const account = await newAccount(100)
    await account.reserve('rev_1', { credits: 50 })
    const calls = Array.from({ length: 60 }, (_, index) => {
      if (index % 3 === 0) return account.settle('rev_1', 30)
      return index % 3 === 1 ? account.release('rev_1') : account.settle('rev_1', 31)
    })
    const answers = await Promise.all(calls)
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
    const { state, charged } = (await account.get('/reservations/rev_1')).body
    expect((await account.balance()).total).toBe(100 - charged)
    expect([0, 30, 31]).toContain(charged)
    expect(state === 'released').toBe(charged === 0)
  })
})

describe('grants', () => {
  test('that look bought cannot be given, and a trial cannot be had twice', async () => {
    const account = await newAccount(0, { trial: { credits: 100, days: 14 } })
    for (const kind of ['purchase', 'top_up', 'trial']) {
      expect((await account.grant('mine', 1, { kind })).body.errors[0].path).toBe('kind')
    }
    expect((await account.open({ trial: { credits: 100, days: 14 } })).body.balance.available).toBe(100)
    await account.del('/grants/trial')
    expect((await account.open({ trial: { credits: 100, days: 14 } })).body.balance.available).toBe(0)
  })

  test('cannot be given for a time that has passed', async () => {
    const account = await newAccount()
    for (const expires_at of ['2020-01-01T00:00:00Z', '0000-01-01T00:00:00+23:59', new Date().toISOString()]) {
      const { status, body } = await account.grant('late', 5, { expires_at })
      expect([expires_at, status, body.errors[0].path]).toEqual([expires_at, 400, 'expires_at'])
    }
    for (const expires_at of [
      '9999-12-31T23:59:59-00:01',
      '10000-01-01T00:00:00Z',
      '2030-02-30T00:00:00Z',
      1_900_000_000,
    ]) {
      const { status, body } = await account.grant('late', 5, { expires_at })
      expect([expires_at, status, body.errors[0].path]).toEqual([expires_at, 400, 'expires_at'])
    }
    expect((await account.balance()).version).toBe(0)
  })

  test('are given once under an id, however they are repeated or changed', async () => {
    const account = await newAccount()
    const answers = await Promise.all(Array.from({ length: 50 }, () => account.grant('promo', 100)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const more of [{ kind: 'adjustment' }, { reason: 'other' }, { expires_at: '2100-01-01T00:00:00Z' }]) {
      expect((await account.grant('promo', 100, more)).body.code).toBe('conflict')
    }
    expect((await account.grant('promo', 100.001)).body).toMatchObject({ code: 'conflict', field: 'credits' })
    expect((await account.balance()).available).toBe(100)
  })
})

test('no entry in a CSV is a formula to a spreadsheet, and none breaks out of its cell', async () => {
  const account = await newAccount(100)
  const attacks = [
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '=HYPERLINK("http://evil.test","x")',
    '=1\n+1',
    '",=1',
    'a\r\n=1',
    ' =1+1',
    '\n=1',
    '＝1+1',
    '\u00a0@A1',
  ]
  for (const [index, text] of attacks.entries()) {
    await account.reserve(`rev_${index}`, { credits: 1, metadata: { repository: text, pull_request: text } })
  }
  await account.reserve('-2', { credits: 1 })
  await account.reserve('@A1', { credits: 1 })
  await runDurableObjectAlarm(account.stub())
  const { body, headers } = await account.get('/entries?kind=reserve', { headers: { Accept: 'text/csv' } })
  expect(headers.get('Content-Disposition')).toBe(`attachment; filename="${account.id}-entries.csv"`)
  const [header = [], ...rows] = parseCsv(body)
  expect(rows).toHaveLength(attacks.length + 2)
  for (const row of rows) expect(row).toHaveLength(header.length)
  const text = ['kind', 'mode', 'reservation', 'tier', 'repository', 'pull_request'].map((name) => header.indexOf(name))
  const cells = rows.flatMap((row) => text.map((at) => row[at] ?? ''))
  expect(cells.filter((cell) => /^\s*[=+\-@＝＋－＠]/.test(cell))).toEqual([])
  for (const attack of attacks) expect(cells.filter((cell) => cell.replace(/^'/, '') === attack)).toHaveLength(2)
})

test('commands of every kind at the same moment leave an account that adds up', async () => {
  const account = await newAccount(100, { allow_debt: true })
  await attackAtOnce(account)
  const { available, reserved, total, debt } = await account.balance()
  expect(total).toBe(available + reserved)
  expect(available === 0 || debt === 0).toBe(true)
  expect(await account.audit()).toMatchObject({ ok: true, differences: [] })
})

/** Many kinds of command at the same moment, most of which have to lose. */
async function attackAtOnce(account: AccountApi): Promise<void> {
  const rounds = Array.from({ length: 40 }, (_, index) => [
    account.reserve(`r${index % 7}`, { credits: (index % 5) + 1, overage: 'debt', max_credits: 50 }),
    account.settle(`r${index % 7}`, index * 2),
    account.release(`r${(index + 3) % 7}`),
    account.extend(`r${(index + 1) % 7}`, { credits: index, accrued: index }),
    account.grant(`g${index % 4}`, index % 2 === 0 ? 10 : -10, { kind: 'adjustment' }),
    account.del(`/grants/g${(index + 1) % 4}`),
  ])
  await Promise.all(rounds.flat())
}

/** RFC 4180: cells in quotes may have commas, line ends and doubled quotes. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, quoted, plain = '', end = ''] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === '\r\n') rows.push([])
    if (end === '') break
  }
  return rows.filter((row) => row.length > 1)
}
