import { evictDurableObject } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { Balance } from '../../src/http/answers.ts'
import { type AccountApi, type Body, call, newAccount, RUNNER } from './api.ts'

/** A live connection whose messages are awaited one by one. */
async function watch(account: AccountApi) {
  const headers = { Authorization: `Bearer ${RUNNER}`, Upgrade: 'websocket' }
  const response = await exports.default.fetch(
    new Request(`https://credits.test/v1/accounts/${account.id}/balance/live`, { headers }),
  )
  const socket = response.webSocket
  if (!socket) throw new Error(`no connection: ${response.status}`)
  const messages: string[] = []
  const readers: ((message: string) => void)[] = []
  socket.addEventListener('message', ({ data }) => {
    const reader = readers.shift()
    if (reader === undefined) messages.push(String(data))
    else reader(String(data))
  })
  socket.accept()
  const next = () => {
    const message = messages.shift()
    return message === undefined ? new Promise<string>((resolve) => readers.push(resolve)) : Promise.resolve(message)
  }
  return { socket, next, nextBalance: async (): Promise<Body> => Balance.parse(JSON.parse(await next())) }
}

test('a live connection is told the balance at once and after every change', async () => {
  const account = await newAccount(100)
  const live = await watch(account)
  expect(await live.nextBalance()).toMatchObject({ available: 100, version: 1 })
  await account.reserve('a', { credits: 40 })
  expect(await live.nextBalance()).toMatchObject({ available: 60, reserved: 40, version: 2 })
  await account.reserve('a', { credits: 40 })
  await account.settle('a', 30)
  expect(await live.nextBalance()).toMatchObject({ available: 70, reserved: 0, version: 3 })
})

test('a live connection survives the eviction of its object', async () => {
  const account = await newAccount(100)
  const live = await watch(account)
  await live.nextBalance()
  await evictDurableObject(account.stub())
  await account.reserve('a', { credits: 40 })
  expect(await live.nextBalance()).toMatchObject({ available: 60 })
  live.socket.send('ping')
  expect(await live.next()).toBe('pong')
})

test('a batch is one step to whoever watches: its last balance, and none in between', async () => {
  const account = await newAccount(100)
  const live = await watch(account)
  await live.nextBalance()
  const commands = Array.from({ length: 50 }, (_, index) => ({ op: 'reserve', id: `r${index}`, credits: 1 }))
  await account.post('/reservations:batch', { commands })
  expect(await live.nextBalance()).toMatchObject({ available: 50, reserved: 50, version: 51 })
})

test('a burst of changes arrives in order and ends with the last', async () => {
  const account = await newAccount(100)
  const live = await watch(account)
  await live.nextBalance()
  const burst = 50
  await Promise.all(Array.from({ length: burst }, (_, index) => account.reserve(`r${index}`, { credits: 1 })))
  let last = 1
  while (last < burst + 1) {
    const { version } = await live.nextBalance()
    expect(version).toBeGreaterThan(last)
    last = version
  }
  expect(last).toBe(burst + 1)
})

test('a hold that was made because another gave up waiting is told too', async () => {
  const account = await newAccount(50)
  const live = await watch(account)
  await live.nextBalance()
  await account.reserve('first', { credits: 50 })
  await live.nextBalance()
  const large = account.reserve('large', { credits: 90, wait_seconds: 1 })
  await account.balance()
  const small = account.reserve('small', { credits: 20, wait_seconds: 30 })
  await account.balance()
  await account.grant('some', 30)
  expect(await live.nextBalance()).toMatchObject({ available: 30, version: 3 })
  expect((await large).status).toBe(402)
  expect((await small).status).toBe(201)
  expect(await live.nextBalance()).toMatchObject({ available: 10, version: 4 })
})

test('the balance has an ETag of its version, and an unchanged one is a 304', async () => {
  const account = await newAccount(100)
  const first = await account.get('/balance')
  const tag = first.headers.get('ETag') ?? ''
  expect(tag).toBe('W/"1"')
  const headers = { 'If-None-Match': `"0", ${tag}` }
  expect((await account.get('/balance', { headers })).status).toBe(304)
  await account.reserve('a', { credits: 1 })
  expect((await account.get('/balance', { headers })).status).toBe(200)
})

test('a live connection needs an upgrade, a key and an account, and there are at most 100', async () => {
  const account = await newAccount(100)
  const path = `/v1/accounts/${account.id}/balance/live`
  const headers = { Upgrade: 'websocket' }
  expect((await call('GET', path)).body.errors[0].path).toBe('Upgrade')
  expect((await call('GET', path, { key: null, headers })).status).toBe(401)
  expect((await call('GET', '/v1/accounts/nobody/balance/live', { headers })).status).toBe(404)
  for (let count = 0; count < 100; count += 1) expect((await call('GET', path, { headers })).status).toBe(101)
  expect((await call('GET', path, { headers })).body).toMatchObject({
    code: 'limit_exceeded',
    limit: 'live_connections',
  })
})
