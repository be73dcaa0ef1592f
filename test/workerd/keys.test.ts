import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import { call, newAccount, RUNNER } from './api.ts'
import { dump } from './object.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('several service keys are valid at once, so that they can be rotated', async () => {
  const account = await newAccount(10)
  for (const key of [
    'runner-test-key-newest',
    'runner-test-key-older',
    'operator-test-key-newest',
    'operator-test-key-older',
  ]) {
    expect((await account.get('/balance', { key })).status).toBe(200)
  }
  expect((await account.get('/balance', { key: 'runner-test-key-retired' })).status).toBe(401)
})

test('a minted key opens its own account in its own scope, and no other', async () => {
  const account = await newAccount(10)
  const other = await newAccount(10)
  const minted = await account.post('/keys', { scope: 'runner', name: 'ci' })
  expect(minted.status).toBe(201)
  const { key } = minted.body
  expect((await account.reserve('a', { credits: 1 }, key)).status).toBe(201)
  expect((await account.get('/entries', { key })).status).toBe(403)
  expect((await other.get('/balance', { key })).status).toBe(404)
})

test('the key is shown once and kept as a hash only', async () => {
  const account = await newAccount(10)
  const { body } = await account.post('/keys', { scope: 'read' })
  expect((await account.get('/keys')).body.data).toMatchObject([{ id: body.id, scope: 'read', revoked_at: null }])
  expect(JSON.stringify((await account.get('/keys')).body)).not.toContain(body.key)
  const stored = await dump(account.id)
  expect(stored).not.toContain(body.key)
  expect(stored).not.toContain(body.key.slice(body.key.indexOf('_', 6) + 1, body.key.indexOf('.')))
})

test('a revoked key is refused from the next call on, and revoking twice changes nothing', async () => {
  const account = await newAccount(10)
  const { body } = await account.post('/keys', { scope: 'read' })
  expect((await account.get('/balance', { key: body.key })).status).toBe(200)
  expect((await account.del(`/keys/${body.id}`)).body.revoked_at).not.toBeNull()
  expect((await account.get('/balance', { key: body.key })).status).toBe(401)
  expect((await account.del(`/keys/${body.id}`)).headers.get('Idempotent-Replayed')).toBe('true')
  expect((await account.del('/keys/unknown')).status).toBe(404)
})

test('a key is refused from the instant at which it expires', async () => {
  const account = await newAccount(10)
  const end = Date.now() + 60_000
  const { body } = await account.post('/keys', { scope: 'read', expires_at: new Date(end).toISOString() })
  vi.useFakeTimers({ toFake: ['Date'], now: end - 1 })
  expect((await account.get('/balance', { key: body.key })).status).toBe(200)
  vi.useFakeTimers({ toFake: ['Date'], now: end })
  expect((await account.get('/balance', { key: body.key })).status).toBe(401)
  expect((await account.post('/keys', { scope: 'read', expires_at: new Date(end - 1).toISOString() })).status).toBe(400)
})

test('a mint that is repeated mints no second key, and a changed one is a conflict', async () => {
  const account = await newAccount(10)
  const headers = { 'Idempotency-Key': 'mint-1' }
  const first = await account.post('/keys', { scope: 'read', name: 'a' }, { headers })
  const second = await account.post('/keys', { scope: 'read', name: 'a' }, { headers })
  expect(second.status).toBe(200)
  expect(second.body.id).toBe(first.body.id)
  expect(second.body.key).toBeUndefined()
  expect((await account.post('/keys', { scope: 'read', name: 'b' }, { headers })).body).toMatchObject({
    code: 'conflict',
    field: 'name',
  })
  expect((await account.get('/keys')).body.data).toHaveLength(1)
})

test.each([null, 'once'])(
  'a mint that the Worker sends again, because its answer was lost, is the same key and not a failure (%s)',
  async (idempotencyKey) => {
    const account = await newAccount(10)
    const request = {
      id: 'key_1',
      scope: 'read',
      name: null,
      hash: 'a hash',
      expiresAt: null,
      idempotencyKey,
    } as const
    const mint = () =>
      runInDurableObject(account.stub(), (object: Account) => object.mintKey({ kind: 'service' }, request))
    const first = await mint()
    expect(await mint()).toEqual(first)
    expect(first).toMatchObject({ ok: true, replayed: false })
    expect((await account.get('/keys')).body.data).toHaveLength(1)
  },
)

test('an account has at most 100 valid keys, and lists them by pages', async () => {
  const account = await newAccount(10)
  for (let count = 0; count < 100; count += 1) expect((await account.post('/keys', { scope: 'read' })).status).toBe(201)
  const first = (await account.get('/keys?limit=60')).body
  const second = (await account.get(`/keys?limit=60&cursor=${first.next_cursor}`)).body
  const ids = [...first.data, ...second.data].map((each: { id: string }) => each.id)
  expect([first.data.length, second.data.length, new Set(ids).size, second.next_cursor]).toEqual([60, 40, 100, null])
  const refused = await account.post('/keys', { scope: 'read' })
  expect(refused.body).toMatchObject({ code: 'limit_exceeded', limit: 'keys', maximum: 100 })
})

test('a billing key mints and revokes the keys of its account', async () => {
  const account = await newAccount(10)
  const { key } = (await account.post('/keys', { scope: 'billing' })).body
  const minted = await account.post('/keys', { scope: 'runner' }, { key })
  expect(minted.status).toBe(201)
  expect((await account.get('/keys', { key: minted.body.key })).status).toBe(403)
})

test('the region of an account is the location hint of its stub', async () => {
  const hints: (string | undefined)[] = []
  const original = env.ACCOUNT.getByName.bind(env.ACCOUNT)
  const spy = vi.spyOn(env.ACCOUNT, 'getByName').mockImplementation((name, options) => {
    hints.push(options?.locationHint)
    return original(name, options)
  })
  const account = await newAccount(0, { region: 'apac' })
  spy.mockRestore()
  expect(hints).toEqual(['apac'])
  expect((await call('GET', `/v1/accounts/${account.id}`)).body.region).toBe('apac')
})

test('a live connection that a key opened is closed when the key is revoked', async () => {
  const account = await newAccount(10)
  const { body } = await account.post('/keys', { scope: 'read' })
  const live = await call('GET', `/v1/accounts/${account.id}/balance/live`, {
    key: body.key,
    headers: { Upgrade: 'websocket' },
  })
  expect(live.status).toBe(101)
  await account.del(`/keys/${body.id}`)
  const open = await runInDurableObject(
    env.ACCOUNT.getByName(account.id),
    (_: Account, ctx) => ctx.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN).length,
  )
  expect(open).toBe(0)
  expect((await account.get('/balance', { key: RUNNER })).status).toBe(200)
})
