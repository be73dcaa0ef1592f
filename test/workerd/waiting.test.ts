import { afterEach, expect, test, vi } from 'vitest'
import { type AccountApi, newAccount, type Result } from './api.ts'
import { callAlarm } from './object.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** Sends a reservation that has to wait, and returns once the object has it: a call that was sent later is answered. */
async function waiting(account: AccountApi, id: string, credits: number): Promise<Promise<Result>[]> {
  const answer = account.reserve(id, { credits, wait_seconds: 30 })
  await account.balance()
  return [answer]
}

test('a waiting reservation is held as soon as credits come back', async () => {
  const account = await newAccount(100)
  await account.reserve('first', { credits: 80 })
  const [second] = await waiting(account, 'second', 50)
  await account.release('first')
  expect((await second)?.body).toMatchObject({
    reservation: { state: 'held' },
    balance: { available: 50, reserved: 50 },
  })
})

test('waiters are served in order of arrival, and a large one is not starved by small ones behind it', async () => {
  const account = await newAccount(100)
  await account.reserve('first', { credits: 100 })
  const [large] = await waiting(account, 'large', 90)
  const [small] = await waiting(account, 'small', 20)
  await account.extend('first', {})
  await account.grant('some', 30)
  expect(await account.balance()).toMatchObject({ available: 30, reserved: 100 })
  await account.settle('first', 0)
  expect((await large)?.status).toBe(201)
  expect((await small)?.status).toBe(201)
  expect(await account.balance()).toMatchObject({ available: 20, reserved: 110 })
})

test('a grant is answered as it left the account, though somebody waited for it', async () => {
  const account = await newAccount(10)
  const [waiter] = await waiting(account, 'waits', 50)
  const { body } = await account.grant('more', 100)
  expect(body).toMatchObject({ grant: { available: 100, reserved: 0 }, balance: { available: 110, reserved: 0 } })
  expect((await waiter)?.status).toBe(201)
  expect(await account.balance()).toMatchObject({ available: 60, reserved: 50 })
})

test('the same id joins its waiter: one is told that it was made, the others that it was there', async () => {
  const account = await newAccount(10)
  const waiters = [...(await waiting(account, 'same', 50)), ...(await waiting(account, 'same', 50))]
  const other = await account.reserve('same', { credits: 51, wait_seconds: 30 })
  expect(other.body).toMatchObject({ code: 'conflict', field: 'credits' })
  await account.grant('more', 100)
  expect((await Promise.all(waiters)).map((each) => each.status).sort()).toEqual([200, 201])
  expect(await account.balance()).toMatchObject({ reserved: 50 })
})

test('whoever waits for an id that is held meanwhile hears of it at once', async () => {
  const account = await newAccount(100)
  await account.reserve('first', { credits: 80 })
  const [large] = await waiting(account, 'large', 85)
  const [small] = await waiting(account, 'small', 30)
  await account.grant('some', 15)
  expect((await account.reserve('small', { credits: 30 })).status).toBe(201)
  expect((await small)?.headers.get('Idempotent-Replayed')).toBe('true')
  await account.release('first')
  expect((await large)?.status).toBe(201)
})

test('each waits in its own name: a key that is revoked meanwhile is refused, whoever else waits for the same id', async () => {
  const account = await newAccount(10)
  const { id, key } = (await account.post('/keys', { scope: 'runner' })).body
  const revoked = account.reserve('same', { credits: 50, wait_seconds: 30 }, key)
  await account.balance()
  const [valid] = await waiting(account, 'same', 50)
  await account.del(`/keys/${id}`)
  await account.grant('more', 100)
  expect((await revoked).status).toBe(401)
  expect((await valid)?.status).toBe(201)
})

test('who waits in vain is told what a refusal tells', async () => {
  const account = await newAccount(10)
  const refused = await account.reserve('never', { credits: 50, wait_seconds: 1 })
  expect(refused.body).toMatchObject({ code: 'insufficient_credits', shortfall: 40 })
})

test('the 101st waiter is told to come back', async () => {
  const account = await newAccount(10)
  const waiters = Array.from({ length: 100 }, (_, index) =>
    account.reserve(`w${index}`, { credits: 50, wait_seconds: 2 }),
  )
  await account.balance()
  const refused = await account.reserve('one-more', { credits: 50, wait_seconds: 2 })
  expect(refused.body.code).toBe('overloaded')
  await account.grant('enough', 10_000)
  expect((await Promise.all(waiters)).every((each) => each.status === 201)).toBe(true)
})

test('whoever waits for the same review under another id is answered with it at once, though others still wait', async () => {
  const account = await newAccount(10)
  const wait = { dedupe_key: 'pr-118@abc', wait_seconds: 30 }
  const webhook = account.reserve('webhook', { credits: 50, ...wait })
  await account.balance()
  const [large] = await waiting(account, 'large', 500)
  const slash = account.reserve('slash', { credits: 60, ...wait })
  await account.balance()
  await account.grant('some', 50)
  expect((await webhook).status).toBe(201)
  expect(await slash).toMatchObject({ status: 200, body: { reservation: { id: 'webhook' } } })
  await account.grant('enough', 500)
  expect((await large)?.status).toBe(201)
  expect(await account.balance()).toMatchObject({ available: 10, reserved: 550 })
})

test('a waiting reservation keeps what it supersedes until it is held, and swaps it then', async () => {
  const account = await newAccount(100)
  await account.reserve('old', { credits: 80 })
  const swap = account.reserve('new', { credits: 150, supersedes: 'old', wait_seconds: 30 })
  await account.balance()
  expect((await account.get('/reservations/old')).body.state).toBe('held')
  await account.grant('some', 50)
  expect((await swap).body.balance).toMatchObject({ available: 0, reserved: 150 })
  expect((await account.get('/reservations/old')).body.state).toBe('released')
})

test('a waiting reservation that gives up leaves what it would have superseded', async () => {
  const account = await newAccount(100)
  await account.reserve('old', { credits: 80 })
  const refused = await account.reserve('new', { credits: 101, supersedes: 'old', wait_seconds: 1 })
  expect(refused.body).toMatchObject({ code: 'insufficient_credits', shortfall: 1 })
  expect((await account.get('/reservations/old')).body.state).toBe('held')
  expect((await account.get('/reservations/new')).status).toBe(404)
})

test('when a large one gives up, those that it stopped are served', async () => {
  const account = await newAccount(10)
  const large = account.reserve('large', { credits: 500, wait_seconds: 1 })
  await account.balance()
  const [small] = await waiting(account, 'small', 40)
  await account.grant('some', 30)
  expect((await large).status).toBe(402)
  expect((await small)?.status).toBe(201)
})

test('a hold that runs out serves who waits for its credits, by the alarm alone', async () => {
  const account = await newAccount(100)
  await account.reserve('crashed', { credits: 80, ttl_seconds: 60 })
  const [next] = await waiting(account, 'next', 50)
  const end = Date.parse((await account.get('/reservations/crashed')).body.expires_at)
  vi.useFakeTimers({ toFake: ['Date'], now: end })
  await callAlarm(account.id)
  expect((await next)?.status).toBe(201)
})

test('a refusal for another reason than credits does not wait', async () => {
  const account = await newAccount(10)
  const waits = { wait_seconds: 30 }
  expect((await account.reserve('owing', { credits: 50, overage: 'debt', ...waits })).status).toBe(403)
  await account.reserve('used', { credits: 5 })
  expect((await account.reserve('used', { credits: 50, ...waits })).body.code).toBe('conflict')
  expect((await account.reserve('long', { credits: 50, wait_seconds: 31 })).status).toBe(422)
})
