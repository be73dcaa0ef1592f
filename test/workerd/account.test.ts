import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { Details } from '../../src/account/details.ts'
import type { Account } from '../../src/account/object.ts'
import { Outbox } from '../../src/account/outbox.ts'
import { Store } from '../../src/account/store.ts'
import { type AccountApi, call, newAccount, RUNNER } from './api.ts'
import { armedAt, callAlarm, dump, query } from './object.ts'

afterEach(() => {
  vi.useRealTimers()
})

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** Moves the object's clock; timers stay real. */
function at(time: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: time })
}

async function heldUntil(account: AccountApi, id: string): Promise<number> {
  return Date.parse((await account.get(`/reservations/${id}`)).body.expires_at)
}

test('a refusal leaves the object byte for byte as it was', async () => {
  const account = await newAccount(100)
  await account.reserve('held', { credits: 40, max_credits: 200 })
  await account.reserve('settled', { credits: 10 })
  await account.settle('settled', 10)
  await callAlarm(account.id)
  const before = await dump(account.id)
  const refusals = [
    await account.reserve('more', { credits: 51 }),
    await account.reserve('held', { credits: 41, max_credits: 200 }),
    await account.reserve('owing', { credits: 1, overage: 'debt' }),
    await account.reserve('swap', { credits: 91, supersedes: 'held' }),
    await account.settle('settled', 11),
    await account.settle('unknown', 1),
    await account.release('settled'),
    await account.extend('held', { credits: 91 }),
    await account.extend('held', { ttl_seconds: 86_400, accrued: 5, credits: 1_000 }),
    await account.grant('first', 99),
    await account.grant('minus', -51, { kind: 'adjustment' }),
    await account.grant('past', 1, { expires_at: '2020-01-01T00:00:00.000Z' }),
    await account.del('/grants/unknown'),
    await account.open({ region: 'apac' }),
  ]
  expect(refusals.map((each) => each.status)).toEqual([
    402, 409, 403, 402, 409, 404, 409, 402, 422, 409, 402, 400, 404, 409,
  ])
  expect(await dump(account.id)).toBe(before)
})

test('a replay leaves the object byte for byte as it was', async () => {
  const account = await newAccount(100)
  await account.reserve('a', { credits: 40 })
  await account.settle('a', 10)
  await callAlarm(account.id)
  const before = await dump(account.id)
  await account.reserve('a', { credits: 40 })
  await account.settle('a', 10)
  await account.grant('first', 100)
  await account.open({ trial: { credits: 1, days: 1 } })
  expect(await dump(account.id)).toBe(before)
})

test('an account that was evicted or aborted with holds open goes on where it was', async () => {
  const account = await newAccount(100)
  await account.reserve('a', { credits: 40 })
  await evictDurableObject(account.stub())
  expect(await account.balance()).toMatchObject({ available: 60, reserved: 40, version: 2 })
  await account.extend('a', { credits: 50 })
  await abortAllDurableObjects()
  expect((await account.settle('a', 45)).body.balance).toMatchObject({ available: 55, reserved: 0 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('whenever something is due, the alarm is armed at or before it', async () => {
  const account = await newAccount(100)
  await runDurableObjectAlarm(account.stub())
  expect(await armedAt(account.id)).toBeNull()
  await account.reserve('long', { credits: 10, ttl_seconds: 3_600 })
  expect(await armedAt(account.id)).toBeLessThanOrEqual(Date.now() + 1_000)
  await runDurableObjectAlarm(account.stub())
  expect(await armedAt(account.id)).toBe(await heldUntil(account, 'long'))
  await account.reserve('short', { credits: 10, ttl_seconds: 60 })
  await runDurableObjectAlarm(account.stub())
  expect(await armedAt(account.id)).toBe(await heldUntil(account, 'short'))
  await account.extend('short', { ttl_seconds: 7_200 })
  expect(await armedAt(account.id)).toBeLessThanOrEqual(await heldUntil(account, 'long'))
  await account.release('long')
  await account.release('short')
  await runDurableObjectAlarm(account.stub())
  expect(await armedAt(account.id)).toBeNull()
})

test('a reservation expires at its very end by the alarm, and returns everything', async () => {
  const account = await newAccount(100)
  await account.reserve('a', { credits: 40, ttl_seconds: 60 })
  const end = await heldUntil(account, 'a')
  at(end - 1)
  await callAlarm(account.id)
  expect(await query(account.id, 'SELECT state FROM reservations')).toEqual([{ state: 'held' }])
  at(end)
  await callAlarm(account.id)
  expect(await query(account.id, 'SELECT state, closed_at FROM reservations')).toEqual([
    { state: 'expired', closed_at: end },
  ])
  expect(await account.balance()).toMatchObject({ available: 100, reserved: 0 })
})

test('what is due is done before any command or read, whether or not an alarm came', async () => {
  const account = await newAccount(100)
  await account.reserve('a', { credits: 100, ttl_seconds: 60 })
  const end = await heldUntil(account, 'a')
  at(end + DAY)
  expect((await account.get('/reservations/a')).body).toMatchObject({
    state: 'expired',
    closed_at: new Date(end).toISOString(),
  })
  expect((await account.reserve('b', { credits: 100 })).status).toBe(201)
})

test('a late alarm, a doubled one and none at all lead to the same ledger', async () => {
  const start = Date.now()
  const ledgers = []
  for (const alarms of [0, 1, 2]) {
    at(start)
    const account = await newAccount(0)
    await account.grant('short', 50, { expires_at: new Date(start + 2 * MINUTE).toISOString() })
    await account.grant('long', 50)
    await account.reserve('a', { credits: 70, ttl_seconds: 60 })
    await account.reserve('b', { credits: 20, ttl_seconds: 180 })
    if (alarms === 2) {
      at(start + MINUTE)
      await callAlarm(account.id)
    }
    at(start + DAY)
    for (let alarm = 0; alarm < alarms; alarm += 1) await callAlarm(account.id)
    await account.balance()
    ledgers.push(
      await query(
        account.id,
        'SELECT seq, at, kind, available_delta, reserved_delta, available, reserved FROM entries',
      ),
    )
    expect(await account.audit()).toMatchObject({ ok: true })
  }
  expect(ledgers[1]).toEqual(ledgers[0])
  expect(ledgers[2]).toEqual(ledgers[0])
})

test('10,000 reservations that run out at once are expired in their order, and nobody else stands still meanwhile', async () => {
  const [account, other] = [await newAccount(10_000), await newAccount(1)]
  for (let first = 0; first < 10_000; first += 1_000) {
    const commands = Array.from({ length: 1_000 }, (_, index) => {
      return { op: 'reserve', id: `r${first + index}`, credits: 1, ttl_seconds: 60 }
    })
    await account.post('/reservations:batch', { commands })
  }
  at(await heldUntil(account, 'r9999'))
  let isOver = false
  const balance = account.balance().finally(() => {
    isOver = true
  })
  let answered = 0
  while (!isOver) {
    await other.balance()
    answered += 1
    // Calls within this process need no event loop, and what is waited for does.
    await scheduler.wait(0)
  }
  expect(await balance).toMatchObject({ available: 10_000, reserved: 0 })
  expect(answered).toBeGreaterThan(10)
  const inOrder =
    "SELECT count(*) AS count FROM entries WHERE kind = 'expire_reservation' AND reservation = 'r' || (seq - 10002)"
  expect(await query(account.id, inOrder)).toEqual([{ count: 10_000 }])
  // What comes at the same moment waits for the same work, and none of it is done twice.
  expect(await query(account.id, 'SELECT count(*) AS count FROM entries')).toEqual([{ count: 20_001 }])
})

test('a review that outlived its reservation is settled late for 7 days, and then no more', async () => {
  const account = await newAccount(100)
  await account.reserve('a', { credits: 40, ttl_seconds: 60 })
  await account.reserve('b', { credits: 40, ttl_seconds: 60 })
  const end = await heldUntil(account, 'a')
  at(end + 7 * DAY - 1)
  const late = await account.settle('a', 30)
  expect(late.body.reservation).toMatchObject({ state: 'settled', late: true, charged: 30, absorbed: 0 })
  at((await heldUntil(account, 'b')) + 7 * DAY)
  expect((await account.settle('b', 30)).body.code).toBe('reservation_expired')
})

test('a reservation that asked for it is charged what was last reported when it expires', async () => {
  const account = await newAccount(100)
  await account.reserve('a', { credits: 40, ttl_seconds: 60, on_expiry: 'settle_accrued' })
  await account.extend('a', { accrued: 25, ttl_seconds: 60 })
  await account.extend('a', { accrued: 20, ttl_seconds: 60 })
  at(await heldUntil(account, 'a'))
  expect(await account.balance()).toMatchObject({ available: 75, reserved: 0 })
  expect((await account.get('/reservations/a')).body).toMatchObject({ state: 'expired', charged: 25, returned: 15 })
  expect((await account.settle('a', 10)).body).toMatchObject({
    reservation: { charged: 10 },
    balance: { available: 90 },
  })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('the clock of an account never runs backwards', async () => {
  const account = await newAccount(100)
  const start = Date.now()
  at(start + 10 * MINUTE)
  await account.reserve('a', { credits: 10 })
  at(start)
  const { body } = await account.reserve('b', { credits: 10 })
  expect(Date.parse(body.reservation.created_at)).toBe(start + 10 * MINUTE)
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a clock that was set back puts off neither history nor the alarm, whoever asks meanwhile', async () => {
  const account = await newAccount(100)
  const start = Date.now()
  at(start + DAY)
  await account.reserve('a', { credits: 10 })
  await callAlarm(account.id)
  at(start)
  await account.reserve('b', { credits: 10 })
  expect(await armedAt(account.id)).toBeLessThanOrEqual(start + 1_000)
  // To the last entry's time, which is the account's own, that alarm is long overdue; by the clock it is not.
  await account.balance()
  expect(await armedAt(account.id)).toBeLessThanOrEqual(start + 1_000)
})

test('an object that nobody opened as an account stores nothing', async () => {
  const path = '/v1/accounts/nobody-at-all'
  expect((await call('GET', `${path}/balance`, { key: RUNNER })).body.code).toBe('not_found')
  expect((await call('PUT', `${path}/reservations/a`, { key: RUNNER, body: { credits: 1 } })).status).toBe(404)
  expect(
    (await call('PUT', `${path}/grants/a`, { body: { kind: 'promotional', credits: 1, reason: 'x' } })).status,
  ).toBe(404)
  await callAlarm('nobody-at-all')
  expect(
    await query('nobody-at-all', "SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'"),
  ).toEqual([])
})

test('opening an object reads the same few rows, whatever its history', async () => {
  const account = await newAccount(1_000)
  const commands = Array.from({ length: 300 }, (_, index) => [
    { op: 'reserve', id: `r${index}`, credits: 1 },
    { op: 'settle', id: `r${index}`, credits: 1 },
  ]).flat()
  const short = await rowsReadToOpen(account)
  await account.post('/reservations:batch', { commands })
  expect(await rowsReadToOpen(account)).toBe(short)
})

/** Rows that are read when the object's parts are built anew from its database. */
async function rowsReadToOpen(account: AccountApi): Promise<number> {
  return runInDurableObject(env.ACCOUNT.getByName(account.id), (_: Account, { storage }) => {
    const cursors: Pick<SqlStorageCursor<Record<string, SqlStorageValue>>, 'rowsRead'>[] = []
    const sql = new Proxy(storage.sql, {
      get(target, property) {
        if (property !== 'exec') return Reflect.get(target, property)
        return (...args: Parameters<SqlStorage['exec']>) => {
          const cursor = target.exec(...args)
          cursors.push(cursor)
          return cursor
        }
      },
    })
    const store = new Store(sql)
    store.loadBook()
    new Details(sql)
    new Outbox(sql, store)
    return cursors.reduce((rows, cursor) => rows + cursor.rowsRead, 0)
  })
}
