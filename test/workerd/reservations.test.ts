import { evictDurableObject } from 'cloudflare:test'
import { afterEach, expect, test, vi } from 'vitest'
import { type Body, newAccount } from './api.ts'

afterEach(() => {
  vi.useRealTimers()
})

const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }

test('a review reserves, heartbeats and settles; what it did not need comes back', async () => {
  const account = await newAccount(100)
  const metadata = { repository: 'acme/api', pull_request: '118' }
  const reserved = await account.reserve('rev_1', { ...FACTS, metadata })
  expect(reserved.status).toBe(201)
  expect(reserved.body.reservation).toMatchObject({ state: 'held', credits: 62.5, max_credits: 200, metadata })
  expect(reserved.body.balance).toMatchObject({ available: 37.5, reserved: 62.5, total: 100 })
  const extended = await account.extend('rev_1', { accrued: 20 })
  expect(extended.body.reservation.accrued).toBe(20)
  const settled = await account.settle('rev_1', 50)
  const charged = { state: 'settled', charged: 50, returned: 12.5, absorbed: 0, cost_usd: '0.5' }
  expect(settled.body.reservation).toMatchObject(charged)
  expect(settled.body.balance).toMatchObject({ available: 50, reserved: 0, total: 50 })
})

test('a failed review returns everything that it held', async () => {
  const account = await newAccount(100)
  await account.reserve('rev_1', { credits: 40 })
  const released = await account.release('rev_1')
  expect(released.body.reservation).toMatchObject({ state: 'released', charged: 0, returned: 40 })
  expect(released.body.balance).toMatchObject({ available: 100, reserved: 0 })
})

test('a repeated reserve holds once and answers with the reservation as it now is', async () => {
  const account = await newAccount(100)
  const first = await account.reserve('rev_1', FACTS)
  const second = await account.reserve('rev_1', { ...FACTS, repository_complexity: 'medium', overage: 'available' })
  expect(second.status).toBe(200)
  expect(second.headers.get('Idempotent-Replayed')).toBe('true')
  expect(second.body.reservation).toEqual(first.body.reservation)
  await account.settle('rev_1', 50)
  const third = await account.reserve('rev_1', FACTS)
  expect(third.body.reservation).toMatchObject({ state: 'settled', charged: 50 })
  expect(third.body.balance.version).toBe(3)
})

test('another request under a used id is a conflict that names the field and changes nothing', async () => {
  const account = await newAccount(100)
  await account.reserve('rev_1', { credits: 40 })
  const before = await account.balance()
  const other = await account.reserve('rev_1', { credits: 41 })
  expect(other.status).toBe(409)
  expect(other.body).toMatchObject({ code: 'conflict', field: 'credits', reservation: { id: 'rev_1', credits: 40 } })
  const metadata = await account.reserve('rev_1', { credits: 40, metadata: { repository: 'x' } })
  expect(metadata.body).toMatchObject({ code: 'conflict', field: 'metadata' })
  expect((await account.balance()).version).toBe(before.version)
})

test('how long a call waits is no part of what it reserves', async () => {
  const account = await newAccount(100)
  await account.reserve('rev_1', { credits: 40, wait_seconds: 5 })
  expect((await account.reserve('rev_1', { credits: 40 })).headers.get('Idempotent-Replayed')).toBe('true')
})

test('a refusal says what is missing, what fits, what to buy and when credits may be back', async () => {
  const account = await newAccount(100)
  await account.reserve('rev_1', { credits: 60, ttl_seconds: 600 })
  const refused = await account.reserve('rev_2', { credits: 150.5 })
  expect(refused.status).toBe(402)
  expect(refused.body).toMatchObject({
    code: 'insufficient_credits',
    requested: 150.5,
    available: 40,
    shortfall: 110.5,
    debt: 0,
    affordable_tiers: ['quick_scan'],
    suggested_pack: { id: 'starter', credits: 500 },
    auto_top_up: { state: 'off' },
    next_expiry: { credits: 60 },
    retry_after_seconds: 600,
  })
  await account.release('rev_1')
  const later = await account.reserve('rev_2', { credits: 150.5 })
  expect(later.body).toMatchObject({ next_expiry: null, retry_after_seconds: null })
})

test('settling again with the same amount answers the first result, with another amount it is refused', async () => {
  const account = await newAccount(100)
  await account.reserve('rev_1', { credits: 40 })
  const first = await account.settle('rev_1', 30)
  const again = await account.settle('rev_1', 30)
  expect(again.headers.get('Idempotent-Replayed')).toBe('true')
  expect(again.body.reservation).toEqual(first.body.reservation)
  const usd = await account.post('/reservations/rev_1/settle', { cost_usd: '0.3' })
  expect(usd.headers.get('Idempotent-Replayed')).toBe('true')
  expect((await account.settle('rev_1', 31)).body).toMatchObject({ code: 'reservation_settled' })
})

test('settle after release and release after settle are refused; releasing twice changes nothing', async () => {
  const account = await newAccount(100)
  await account.reserve('gone', { credits: 10 })
  await account.release('gone')
  expect((await account.release('gone')).headers.get('Idempotent-Replayed')).toBe('true')
  expect((await account.settle('gone', 5)).body.code).toBe('reservation_released')
  await account.reserve('done', { credits: 10 })
  await account.settle('done', 5)
  expect((await account.release('done')).body.code).toBe('reservation_settled')
  expect((await account.extend('done', {})).body.code).toBe('reservation_settled')
  expect((await account.extend('gone', {})).body.code).toBe('reservation_released')
  expect((await account.extend('unknown', {})).body.code).toBe('not_found')
})

test('cost above the hold takes free credits and absorbs the rest; the cap and the hold are never exceeded unasked', async () => {
  const account = await newAccount(100)
  await account.reserve('more', { credits: 40 })
  const more = await account.settle('more', 90)
  expect(more.body.reservation).toMatchObject({ charged: 80, absorbed: 10, returned: 0 })
  await account.reserve('cap', { credits: 10, overage: 'cap' })
  const cap = await account.settle('cap', 15)
  expect(cap.body.reservation).toMatchObject({ charged: 10, absorbed: 5 })
  expect(cap.body.balance).toMatchObject({ available: 10, debt: 0 })
})

test('a review may owe only where the operator allowed it, and credits that come pay the debt first', async () => {
  const account = await newAccount(50)
  expect((await account.reserve('rev_1', { credits: 50, overage: 'debt' })).status).toBe(403)
  await account.open({ allow_debt: true })
  await account.reserve('rev_1', { credits: 50, overage: 'debt' })
  const settled = await account.settle('rev_1', 80)
  expect(settled.body.reservation).toMatchObject({ charged: 80, absorbed: 0 })
  expect(settled.body.balance).toMatchObject({ available: 0, debt: 30 })
  expect((await account.reserve('rev_2', { credits: 1 })).body).toMatchObject({
    code: 'insufficient_credits',
    debt: 30,
  })
  const granted = await account.grant('second', 100)
  expect(granted.body.balance).toMatchObject({ available: 70, debt: 0 })
  expect(granted.body.grant).toMatchObject({ credits: 100, available: 70 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a heartbeat raises the hold where credits suffice; a refused raise refuses the whole call', async () => {
  const account = await newAccount(100)
  await account.reserve('rev_1', { credits: 40, max_credits: 120 })
  expect((await account.extend('rev_1', { credits: 90 })).body.reservation.credits).toBe(90)
  expect((await account.extend('rev_1', { credits: 50 })).body.reservation.credits).toBe(90)
  const refused = await account.extend('rev_1', { credits: 110, accrued: 70 })
  expect(refused.body).toMatchObject({ code: 'insufficient_credits', requested: 20, available: 10 })
  expect((await account.get('/reservations/rev_1')).body.accrued).toBe(0)
  expect((await account.extend('rev_1', { credits: 121 })).body).toMatchObject({ limit: 'max_credits', maximum: 120 })
})

test('a new push swaps the hold in one step; if it is refused, the old hold stays', async () => {
  const account = await newAccount(100)
  await account.reserve('push_1', { credits: 80 })
  const swapped = await account.reserve('push_2', { credits: 90, supersedes: 'push_1' })
  expect(swapped.body.balance).toMatchObject({ available: 10, reserved: 90 })
  expect((await account.get('/reservations/push_1')).body.state).toBe('released')
  const refused = await account.reserve('push_3', { credits: 101, supersedes: 'push_2' })
  expect(refused.body).toMatchObject({ code: 'insufficient_credits', available: 10, shortfall: 1 })
  expect((await account.get('/reservations/push_2')).body.state).toBe('held')
  expect((await account.reserve('push_4', { credits: 5, supersedes: 'unknown' })).status).toBe(201)
})

test('a webhook and a slash command that start the same review meet one hold, under both ids for ever', async () => {
  const account = await newAccount(100)
  await account.reserve('webhook', { credits: 40, dedupe_key: 'pr-118@abc' })
  const slash = await account.reserve('slash', { credits: 45, dedupe_key: 'pr-118@abc' })
  expect(slash.status).toBe(200)
  expect(slash.body.reservation.id).toBe('webhook')
  expect(slash.body.balance.reserved).toBe(40)
  await account.settle('slash', 30)
  expect((await account.get('/reservations/webhook')).body).toMatchObject({ state: 'settled', charged: 30 })
  const again = await account.reserve('slash', { credits: 45, dedupe_key: 'pr-118@abc' })
  expect(again.body.reservation).toMatchObject({ id: 'webhook', state: 'settled' })
  expect((await account.reserve('slash', { credits: 46, dedupe_key: 'pr-118@abc' })).body.code).toBe('conflict')
})

test('reservations are listed newest first, by pages, and by state', async () => {
  const account = await newAccount(100)
  for (const id of ['a', 'b', 'c', 'd']) await account.reserve(id, { credits: 1 })
  await account.settle('b', 1)
  const first = await account.get('/reservations?limit=3')
  expect(first.body.data.map((each: { id: string }) => each.id)).toEqual(['d', 'c', 'b'])
  const second = await account.get(`/reservations?limit=3&cursor=${first.body.next_cursor}`)
  expect(second.body).toMatchObject({ data: [{ id: 'a' }], next_cursor: null })
  const held = await account.get('/reservations?state=held&limit=2')
  expect(held.body.data.map((each: { id: string }) => each.id)).toEqual(['d', 'c'])
  expect(
    (await account.get(`/reservations?state=held&limit=2&cursor=${held.body.next_cursor}`)).body.data,
  ).toMatchObject([{ id: 'a' }])
  expect((await account.get('/reservations?state=settled')).body.data).toMatchObject([{ id: 'b' }])
  expect((await account.get('/reservations?cursor=nonsense')).body.errors[0].path).toBe('cursor')
})

test('a list of closed reservations goes through any ledger, page by page', async () => {
  const account = await newAccount(10_000)
  await account.reserve('early', { credits: 1 })
  await account.release('early')
  for (let batch = 0; batch < 3; batch += 1) {
    const commands = Array.from({ length: 1_000 }, (_, index) => ({
      op: 'reserve',
      id: `r${batch}-${index}`,
      credits: 1,
    }))
    await account.post('/reservations:batch', { commands })
  }
  const found: string[] = []
  let pages = 0
  for (let next: string | null = ''; next !== null; pages += 1) {
    const page: Body = (await account.get(`/reservations?state=released${next === '' ? '' : `&cursor=${next}`}`)).body
    found.push(...page.data.map((each: Body) => each.id))
    next = page.next_cursor
  }
  expect(found).toEqual(['early'])
  expect(pages).toBe(2)
})

test('a batch answers each command in its place with the status of its single call', async () => {
  const account = await newAccount(100)
  const commands = [
    { op: 'reserve', id: 'a', credits: 60 },
    { op: 'reserve', id: 'b', credits: 60 },
    { op: 'settle', id: 'a', credits: 10 },
    { op: 'reserve', id: 'b', credits: 60 },
    { op: 'reserve', id: 'a', credits: 60 },
    { op: 'release', id: 'unknown' },
    { op: 'extend', id: 'b', ttl_seconds: 1 },
    { op: 'reserve', id: 'c', credits: 1, wait_seconds: 1 },
    { op: 'dance', id: 'd' },
    null,
  ]
  const { body } = await account.post('/reservations:batch', { commands })
  expect(body.results.map((each: { status: number }) => each.status)).toEqual([
    201, 402, 200, 201, 200, 404, 400, 400, 400, 400,
  ])
  expect(body.balance).toMatchObject({ available: 30, reserved: 60 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('superseding goes by any name, and swaps a hold once', async () => {
  const account = await newAccount(100)
  await account.reserve('webhook', { credits: 40, dedupe_key: 'k' })
  await account.reserve('slash', { credits: 40, dedupe_key: 'k' })
  const first = await account.reserve('push_2', { credits: 70, supersedes: 'slash' })
  expect(first.body.reservation).toMatchObject({ supersedes: 'slash', credits: 70 })
  expect((await account.get('/reservations/webhook')).body).toMatchObject({ state: 'released', returned: 40 })
  const again = await account.reserve('push_2', { credits: 70, supersedes: 'slash' })
  expect(again.headers.get('Idempotent-Replayed')).toBe('true')
  await account.settle('push_2', 10)
  const closed = await account.reserve('push_3', { credits: 5, supersedes: 'push_2' })
  expect(closed.status).toBe(201)
  expect((await account.get('/reservations/push_2')).body).toMatchObject({ state: 'settled', charged: 10 })
  const itself = await account.reserve('self', { credits: 5, supersedes: 'self' })
  expect([itself.status, itself.body.balance.reserved]).toEqual([201, 10])
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('of two pushes that supersede the same hold at once, both are held and it is released once', async () => {
  const account = await newAccount(200)
  await account.reserve('old', { credits: 80 })
  const swaps = await Promise.all(['a', 'b'].map((id) => account.reserve(id, { credits: 90, supersedes: 'old' })))
  expect(swaps.map((each) => each.status)).toEqual([201, 201])
  expect(await account.balance()).toMatchObject({ available: 20, reserved: 180 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a dedupe key names a review for 60 s to the millisecond, and its other names for ever', async () => {
  const account = await newAccount(1_000)
  const body = { credits: 10, dedupe_key: 'k' }
  const made = Date.parse((await account.reserve('first', body)).body.reservation.created_at)
  await account.settle('first', 4)
  vi.useFakeTimers({ toFake: ['Date'], now: made + 59_999 })
  expect((await account.reserve('twin', body)).body.reservation).toMatchObject({ id: 'first', state: 'settled' })
  vi.setSystemTime(made + 60_000)
  expect((await account.reserve('second', body)).status).toBe(201)
  vi.setSystemTime(made + 30 * 24 * 60 * 60_000)
  await evictDurableObject(account.stub())
  expect((await account.reserve('twin', body)).body.reservation).toMatchObject({ id: 'first', charged: 4 })
  expect((await account.reserve('twin', { ...body, credits: 11 })).body).toMatchObject({ field: 'credits' })
  expect((await account.get('/reservations/twin')).body.id).toBe('first')
})

test('what was released is no longer the answer to its dedupe key; its other names still find it', async () => {
  const account = await newAccount(100)
  const body = { credits: 10, dedupe_key: 'k' }
  await account.reserve('first', body)
  await account.reserve('twin', body)
  expect((await account.release('twin')).body.reservation).toMatchObject({ id: 'first', state: 'released' })
  const next = await account.reserve('next', body)
  expect([next.status, next.body.reservation.id]).toEqual([201, 'next'])
  expect((await account.reserve('twin', body)).body.reservation).toMatchObject({ id: 'first', state: 'released' })
})

test('what is reported as accrued never falls, and a refused heartbeat reports nothing', async () => {
  const account = await newAccount(100)
  await account.reserve('rev', { credits: 40, on_expiry: 'settle_accrued', ttl_seconds: 60 })
  for (const accrued of [10, 30, 20, 0]) await account.extend('rev', { accrued })
  expect((await account.extend('rev', { accrued: 35, credits: 500 })).status).toBe(422)
  expect((await account.extend('rev', { accrued: 35, ttl_seconds: 3_600 })).body.reservation.accrued).toBe(35)
  await account.reserve('far', { credits: 1 })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5_000 })
  const far = await account.extend('far', { accrued: 1, ttl_seconds: 86_400 })
  expect(far.body).toMatchObject({ code: 'limit_exceeded', limit: 'reservation_lifetime_seconds', maximum: 86_400 })
  expect((await account.get('/reservations/far')).body.accrued).toBe(0)
})

test('more accrued than is held is charged up to the hold when time runs out; a late settle states the rest', async () => {
  const account = await newAccount(100)
  await account.reserve('rev', { credits: 40, on_expiry: 'settle_accrued', ttl_seconds: 60 })
  await account.extend('rev', { accrued: 70, ttl_seconds: 60 })
  const end = Date.parse((await account.get('/reservations/rev')).body.expires_at)
  vi.useFakeTimers({ toFake: ['Date'], now: end })
  expect((await account.get('/reservations/rev')).body).toMatchObject({ state: 'expired', charged: 40, returned: 0 })
  expect((await account.extend('rev', { accrued: 80 })).body.code).toBe('reservation_expired')
  const late = await account.settle('rev', 75)
  expect(late.body).toMatchObject({
    reservation: { state: 'settled', late: true, charged: 75, absorbed: 0 },
    balance: { available: 25 },
  })
  expect((await account.settle('rev', 75)).headers.get('Idempotent-Replayed')).toBe('true')
  expect((await account.settle('rev', 76)).body.code).toBe('reservation_settled')
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a batch of 1,000 is decided in order, each by itself, and repeated whole it changes nothing', async () => {
  const account = await newAccount(300)
  const commands = Array.from({ length: 250 }, (_, index) => [
    { op: 'reserve', id: `r${index}`, credits: 2 },
    { op: 'extend', id: `r${index}`, accrued: 1 },
    { op: 'settle', id: `r${index}`, credits: 1 },
    { op: 'release', id: `r${index}` },
  ]).flat()
  const statuses = ({ body }: { body: Body }) => body.results.map((each: { status: number }) => each.status)
  const first = await account.post('/reservations:batch', { commands })
  const once = [201, 200, 200, 409]
  expect(statuses(first)).toEqual(Array.from({ length: 250 }, () => once).flat())
  expect(first.body.balance).toMatchObject({ available: 50, reserved: 0, version: 501 })
  const again = await account.post('/reservations:batch', { commands })
  expect(statuses(again)).toEqual(Array.from({ length: 250 }, () => [200, 409, 200, 409]).flat())
  expect(again.body.balance.version).toBe(501)
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('in a batch a hold is swapped, deduplicated and refused as by single calls', async () => {
  const account = await newAccount(100)
  const commands = [
    { op: 'reserve', id: 'push_1', credits: 80, dedupe_key: 'k' },
    { op: 'reserve', id: 'slash', credits: 80, dedupe_key: 'k' },
    { op: 'reserve', id: 'push_2', credits: 101, supersedes: 'slash' },
    { op: 'reserve', id: 'push_2', credits: 90, supersedes: 'slash' },
    { op: 'release', id: 'slash' },
    { op: 'settle', id: 'push_2', credits: 1, cost_usd: '0.01' },
    { op: 'settle', id: 'push_2', cost_usd: '0.01' },
  ]
  const { body } = await account.post('/reservations:batch', { commands })
  expect(body.results.map((each: { status: number }) => each.status)).toEqual([201, 200, 402, 201, 200, 400, 200])
  expect(body.results[1].reservation.id).toBe('push_1')
  expect(body.balance).toMatchObject({ available: 99, reserved: 0 })
})
