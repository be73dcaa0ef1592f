/** The customer's own key over HTTP: put, shown, replaced, removed, read; and what reviews that run on it cost (R17). */
import { runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import { sha256 } from '../../src/http/signing.ts'
import { type AccountApi, type Body, newAccount, RUNNER } from './api.ts'
import { callAlarm, dump, query } from './object.ts'

const KEY = `sk-ant-api03-${'Ab3_-'.repeat(18)}wxyz`
const OTHER = `sk-ant-api03-${'Zz9_-'.repeat(18)}last`
const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }
const REPLAYED = 'Idempotent-Replayed'

afterEach(() => {
  vi.useRealTimers()
})

/** The last entries of these kinds, newest first. */
async function entriesOf(account: AccountApi, ...kinds: string[]): Promise<Body[]> {
  await callAlarm(account.id)
  const { data } = (await account.get('/entries')).body
  return data.filter((each: Body) => kinds.includes(each.kind))
}

async function version(account: AccountApi): Promise<number> {
  return (await account.balance()).version
}

test('a key is put, shown as a preview only, replaced, and removed, each with an entry that says who and what', async () => {
  const account = await newAccount(10)
  const { id, key } = (await account.post('/keys', { scope: 'billing' })).body
  expect((await account.get('/byok')).body).toEqual({ enabled: false, preview: null, since: null, usable: false })
  const put = await account.putByok(KEY, { key })
  expect([put.status, put.headers.get(REPLAYED), put.headers.get('Cache-Control')]).toEqual([200, null, 'no-store'])
  expect(put.body).toMatchObject({ enabled: true, preview: 'sk-ant-…wxyz', usable: true })
  expect((await account.get('/byok', { key })).body).toEqual(put.body)
  expect((await account.putByok(OTHER)).body).toMatchObject({ enabled: true, preview: 'sk-ant-…last' })
  expect((await account.removeByok()).body).toEqual({ enabled: false, preview: null, since: null, usable: false })
  expect((await account.get('/byok')).body.enabled).toBe(false)
  expect(await query(account.id, 'SELECT * FROM byok')).toEqual([])
  const changes = (await entriesOf(account, 'byok_changed')).map(({ detail }: Body) => detail)
  expect(changes).toEqual([
    { enabled: false, change: 'removed', preview: null, former: 'sk-ant-…last', by: 'operator' },
    { enabled: true, change: 'replaced', preview: 'sk-ant-…last', former: 'sk-ant-…wxyz', by: 'operator' },
    { enabled: true, change: 'added', preview: 'sk-ant-…wxyz', former: null, by: id },
  ])
  expect(await account.audit()).toMatchObject({ ok: true, byok_secret: null })
})

test('the same key put again and a removal repeated are replays that change no byte', async () => {
  const account = await newAccount(10)
  const first = await account.putByok(KEY)
  await callAlarm(account.id)
  const before = await dump(account.id)
  const again = await account.putByok(KEY)
  expect([again.status, again.headers.get(REPLAYED), again.body]).toEqual([200, 'true', first.body])
  expect(await dump(account.id)).toBe(before)
  await account.removeByok()
  await callAlarm(account.id)
  const without = await dump(account.id)
  const removed = await account.removeByok()
  expect([removed.status, removed.headers.get(REPLAYED)]).toEqual([200, 'true'])
  expect(await dump(account.id)).toBe(without)
})

test('what is no Anthropic key is refused by the name of its field, never by its text', async () => {
  const account = await newAccount(10)
  const wrong = [
    ...['', 'sk-ant-', 'sk-ant-short', `${KEY} `, ` ${KEY}`, `${KEY}\n`, `${KEY}é`, `${KEY}\u0000`, `sk-${KEY}`],
    ...[`sk-ant-${'x'.repeat(201)}`, `sk-proj-${'x'.repeat(40)}`, KEY.toUpperCase(), KEY.replace('A', ' ')],
  ]
  for (const apiKey of wrong) {
    const { status, body } = await account.putByok(apiKey)
    expect([apiKey, status, body.code, body.errors[0].path]).toEqual([apiKey, 400, 'invalid_request', 'api_key'])
    if (apiKey.length > 10) expect(JSON.stringify(body)).not.toContain(apiKey.trim().slice(8))
  }
  expect((await account.get('/byok')).body.enabled).toBe(false)
})

test('a review on the own key holds nothing and is charged nothing, even without any credits; its cost is recorded', async () => {
  const account = await newAccount(0)
  await account.putByok(KEY)
  const metadata = { repository: 'acme/api', pull_request: '118' }
  const made = await account.reserve('r', { ...FACTS, metadata })
  expect([made.status, made.body.reservation.mode, made.body.reservation.credits]).toEqual([201, 'byok', 0])
  expect(made.body.balance).toMatchObject({ available: 0, reserved: 0, total: 0 })
  expect((await account.reserve('r', { ...FACTS, metadata })).headers.get(REPLAYED)).toBe('true')
  expect((await account.extend('r', { credits: 90, accrued: 20 })).body.reservation).toMatchObject({
    credits: 0,
    accrued: 20,
  })
  const settled = await account.settle('r', 50.31)
  expect(settled.body.reservation).toMatchObject({
    ...{ state: 'settled', mode: 'byok', charged: 0, returned: 0, absorbed: 0, cost_usd: '0.5031' },
  })
  expect((await account.settle('r', 50.31)).headers.get(REPLAYED)).toBe('true')
  expect((await account.settle('r', 51)).body.code).toBe('reservation_settled')
  await callAlarm(account.id)
  expect((await account.get('/usage?group_by=repository')).body.data).toEqual([
    {
      repository: 'acme/api',
      ...{ reviews: 0, charged: 0, absorbed: 0, cost_usd: '0' },
      byok_reviews: 1,
      byok_cost_usd: '0.5031',
    },
  ])
  expect(await account.audit()).toMatchObject({ ok: true, byok_secret: 'newest' })
})

test('no review on the own key is ever refused for want of credits: not when waiting, raised, doubled, in a batch or in debt', async () => {
  const account = await newAccount(10, { allow_debt: true })
  await account.reserve('owes', { credits: 10, overage: 'debt', max_credits: 100 })
  const { body } = await account.reserve('held', { credits: 1 })
  expect(body.code).toBe('insufficient_credits')
  await account.settle('owes', 50)
  expect(await account.balance()).toMatchObject({ available: 0, debt: 40 })
  await account.putByok(KEY)
  const waited = await account.reserve('waits', { credits: 500, wait_seconds: 30 })
  expect(waited.status).toBe(201)
  expect((await account.reserve('twin', { credits: 7, dedupe_key: 'd' })).status).toBe(201)
  const twin = await account.reserve('twin-2', { credits: 7, dedupe_key: 'd' })
  expect([twin.status, twin.body.reservation.id]).toEqual([200, 'twin'])
  expect((await account.extend('waits', { credits: 900 })).status).toBe(200)
  const swapped = await account.reserve('swapped', { credits: 500, supersedes: 'waits' })
  expect(swapped.body).toMatchObject({ reservation: { mode: 'byok', state: 'held' }, balance: { debt: 40 } })
  const commands = [
    { op: 'reserve', id: 'b1', credits: 1_000 },
    { op: 'extend', id: 'b1', credits: 2_000 },
    { op: 'settle', id: 'b1', credits: 1_500 },
    { op: 'reserve', id: 'b2', ...FACTS },
    { op: 'release', id: 'b2' },
  ]
  const batch = await account.post('/reservations:batch', { commands })
  expect(batch.body.results.map((each: Body) => each.status)).toEqual([201, 200, 200, 201, 200])
  expect(await account.balance()).toMatchObject({ available: 0, reserved: 0, debt: 40 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('whoever waits for credits is served when the customer puts a key', async () => {
  const account = await newAccount(10)
  const waiting = account.reserve('waits', { credits: 50, wait_seconds: 30 })
  await account.balance()
  await account.putByok(KEY)
  // At once, and not only when its time is up and it is tried once more.
  expect((await account.get('/reservations/waits')).status).toBe(200)
  expect((await waiting).body.reservation).toMatchObject({ state: 'held', mode: 'byok', credits: 0 })
})

test('on the own key a review that expires is charged nothing of what it reported, and may still be settled late', async () => {
  const account = await newAccount(100)
  await account.putByok(KEY)
  await account.reserve('r', { credits: 50, on_expiry: 'settle_accrued', ttl_seconds: 60 })
  await account.extend('r', { accrued: 20, ttl_seconds: 60 })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
  expect((await account.get('/reservations/r')).body).toMatchObject({ state: 'expired', charged: 0, accrued: 20 })
  const late = await account.settle('r', 30)
  expect(late.body.reservation).toMatchObject({ state: 'settled', late: true, charged: 0, cost_usd: '0.3' })
  expect(await account.balance()).toMatchObject({ available: 100, reserved: 0 })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('estimates are what they were, whoever pays', async () => {
  const account = await newAccount(100)
  const before = (await account.post('/estimates', FACTS, { key: RUNNER })).body
  await account.putByok(KEY)
  expect((await account.post('/estimates', FACTS, { key: RUNNER })).body).toEqual(before)
})

test('the mode is fixed when a review is reserved: neither a key that comes nor one that goes changes who pays', async () => {
  const account = await newAccount(100)
  await account.reserve('credits', { credits: 40 })
  await account.putByok(KEY)
  await account.reserve('byok', { credits: 40 })
  await account.removeByok()
  expect(await account.balance()).toMatchObject({ available: 60, reserved: 40 })
  expect((await account.settle('credits', 30)).body.reservation).toMatchObject({ mode: 'credits', charged: 30 })
  expect((await account.settle('byok', 30)).body.reservation).toMatchObject({ mode: 'byok', charged: 0 })
  expect(await account.balance()).toMatchObject({ available: 70, reserved: 0 })
  expect((await account.reserve('after', { credits: 71 })).body.code).toBe('insufficient_credits')
})

test('a runner reads the key while its review is held on it, each time with an entry that was written before', async () => {
  const account = await newAccount(0)
  await account.putByok(KEY)
  const metadata = { repository: 'acme/api', pull_request: '118' }
  await account.reserve('r', { ...FACTS, metadata, dedupe_key: 'd' })
  await account.reserve('another-name', { ...FACTS, metadata, dedupe_key: 'd' })
  const { id, key } = (await account.post('/keys', { scope: 'runner' })).body
  const before = await version(account)
  const read = await account.readByok('r', key)
  expect([read.status, read.body, read.headers.get('Cache-Control')]).toEqual([200, { api_key: KEY }, 'no-store'])
  expect(await version(account)).toBe(before + 1)
  expect((await account.readByok('another-name')).body).toEqual({ api_key: KEY })
  const entries = await entriesOf(account, 'byok_read')
  for (const entry of entries) {
    expect(entry).toMatchObject({ reservation: 'r', tier: 'code_review', metadata, mode: 'byok', available_delta: 0 })
  }
  expect(entries.map(({ detail }: Body) => detail)).toEqual([{ by: 'service' }, { by: id }])
})

test('the key is not read for a review that is over, unknown, paid for in credits, or for none; nothing is written then', async () => {
  const account = await newAccount(100)
  await account.reserve('credits', { credits: 10 })
  await account.putByok(KEY)
  for (const id of ['settled', 'released', 'expired']) await account.reserve(id, { credits: 1, ttl_seconds: 60 })
  await account.settle('settled', 1)
  await account.release('released')
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
  await account.balance()
  await callAlarm(account.id)
  const before = await dump(account.id)
  const asked = ['settled', 'released', 'expired', 'credits', 'unknown', '%00', '']
  const answers: unknown[] = []
  for (const id of asked) {
    const { status, body } = await account.readByok(id)
    answers.push([id, status, body.code])
  }
  expect(answers).toEqual([
    ['settled', 409, 'reservation_settled'],
    ['released', 409, 'reservation_released'],
    ['expired', 409, 'reservation_expired'],
    ['credits', 403, 'forbidden'],
    ['unknown', 404, 'not_found'],
    ['%00', 400, 'invalid_request'],
    ['', 400, 'invalid_request'],
  ])
  expect((await account.get('/byok/key', { key: RUNNER })).status).toBe(400)
  expect(await dump(account.id)).toBe(before)
})

test('a look at the headers alone reads no key, so no entry says that one was read', async () => {
  const account = await newAccount(0)
  await account.putByok(KEY)
  await account.reserve('r', { credits: 1 })
  const before = await dump(account.id)
  const url = `https://credits.test/v1/accounts/${account.id}/byok/key?reservation=r`
  const head = new Request(url, { method: 'HEAD', headers: { Authorization: `Bearer ${RUNNER}` } })
  const { status, headers } = await exports.default.fetch(head)
  expect([status, headers.get('Allow')]).toEqual([405, 'GET'])
  expect(await dump(account.id)).toBe(before)
})

test('a review that is held on a key is given the present one after a change, and none after a removal', async () => {
  const account = await newAccount(0)
  await account.putByok(KEY)
  await account.reserve('r', { credits: 1 })
  await account.putByok(OTHER)
  expect((await account.readByok('r')).body).toEqual({ api_key: OTHER })
  await account.removeByok()
  const before = await version(account)
  expect((await account.readByok('r')).body).toMatchObject({ code: 'not_found' })
  expect(await version(account)).toBe(before)
  expect((await account.get('/reservations/r')).body).toMatchObject({ state: 'held', mode: 'byok' })
  await account.putByok(KEY)
  expect((await account.readByok('r')).body).toEqual({ api_key: KEY })
})

/** Changes, oldest first, each following from the one before: what was there is what the next one found. */
function isOneStory(changes: readonly Body[]): void {
  let preview: string | null = null
  for (const detail of changes) {
    expect(detail.former).toBe(preview)
    const expected = detail.preview === null ? 'removed' : preview === null ? 'added' : 'replaced'
    expect(detail.change).toBe(expected)
    preview = detail.preview
  }
}

test('of keys that are put and removed at once, the last is the one that is there, and the entries tell one story', async () => {
  for (let round = 0; round < 20; round += 1) {
    const account = await newAccount(0)
    const keys = Array.from({ length: 8 }, (_, index) => `sk-ant-api03-${'k'.repeat(20)}-${round}-${1_000 + index}`)
    const acts = keys.flatMap((key, index) => [
      account.putByok(key),
      ...(index % 3 === round % 3 ? [account.removeByok()] : []),
    ])
    for (const { status } of await Promise.all(acts)) expect(status).toBe(200)
    const rows = await query(account.id, "SELECT detail FROM entries WHERE kind = 'byok_changed' ORDER BY seq")
    const changes = rows.map(({ detail }) => JSON.parse(String(detail)))
    isOneStory(changes)
    const { enabled, preview } = (await account.get('/byok')).body
    expect([enabled, preview]).toEqual([changes.at(-1).enabled, changes.at(-1).preview])
    expect(await account.audit()).toMatchObject({ ok: true })
  }
})

test('of 50 who put the same key at once, one puts it and the others are replays', async () => {
  const account = await newAccount(0)
  const answers = await Promise.all(Array.from({ length: 50 }, () => account.putByok(KEY)))
  expect(answers.filter(({ headers }) => headers.get(REPLAYED) === null)).toHaveLength(1)
  expect(await version(account)).toBe(1)
})

test('an account key that is revoked while the key is sealed or opened changes and learns nothing', async () => {
  const account = await newAccount(0)
  await account.putByok(KEY)
  await account.reserve('r', { credits: 1 })
  await callAlarm(account.id)
  const { id, key } = (await account.post('/keys', { scope: 'billing' })).body
  const caller = { kind: 'account_key', id, hash: await sha256(key) } as const
  const before = await version(account)
  const answers = await runInDurableObject(env.ACCOUNT.getByName(account.id), async (instance: Account) => {
    const asked = [instance.putByok(caller, OTHER), instance.readByok(caller, 'r')]
    // Both have been admitted and are now busy with ciphers; this is decided before their turn comes.
    await instance.revokeKey({ kind: 'service' }, id)
    return Promise.all(asked)
  })
  const unauthorized = { ok: false, refusal: { code: 'unauthorized' } }
  expect(answers).toEqual([unauthorized, unauthorized])
  expect((await account.get('/byok')).body.preview).toBe('sk-ant-…wxyz')
  expect(await version(account)).toBe(before)
})

test('a key that is replaced while it is opened is not given out any more', async () => {
  const account = await newAccount(0)
  await account.putByok(KEY)
  await account.reserve('r', { credits: 1 })
  const answers = await runInDurableObject(env.ACCOUNT.getByName(account.id), async (instance: Account) => {
    const caller = { kind: 'service' } as const
    return Promise.all([
      instance.putByok(caller, OTHER),
      ...Array.from({ length: 20 }, () => instance.readByok(caller, 'r')),
    ])
  })
  const rows = await query(account.id, "SELECT kind FROM entries WHERE kind LIKE 'byok%' ORDER BY seq")
  const readBefore = rows.map(({ kind }) => kind).lastIndexOf('byok_changed') - 1
  const read = answers.slice(1).map((answer) => (answer.ok && 'apiKey' in answer ? answer.apiKey : 'none'))
  expect(read.filter((each) => each === KEY)).toHaveLength(readBefore)
  expect(read.filter((each) => each === OTHER)).toHaveLength(20 - readBefore)
})
