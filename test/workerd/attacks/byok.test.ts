/** The customer's own key under attack: its ciphertext moved, cut, changed and relabelled; its secrets rotated; and whether it leaks. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Account } from '../../../src/account/object.ts'
import { KeyRing, type Sealed } from '../../../src/account/key-ring.ts'
import { type AccountApi, newAccount, RUNNER } from '../api.ts'
import { callAlarm, dump, query } from '../object.ts'
import { visitorOf } from '../visitor.ts'
import { send } from './raw.ts'
import { mint } from './forge.ts'

const KEY = `sk-ant-api03-${'Ab3_-'.repeat(18)}wxyz`
const OTHER = `sk-ant-api03-${'Zz9_-'.repeat(18)}last`
const SECRETS = env.BYOK_SECRETS.split(',')
const [NEWEST = '', OLDER = ''] = SECRETS
const UNLISTED = 'byok-secret-nowhere-0123456789abcdef'
const SERVICE = { kind: 'service' } as const

afterEach(() => {
  vi.restoreAllMocks()
})

/** An account with this key and a review that is held on it. */
async function withKey(apiKey = KEY): Promise<AccountApi> {
  const account = await newAccount(0)
  expect((await account.putByok(apiKey)).status).toBe(200)
  expect((await account.reserve('r', { credits: 1 })).status).toBe(201)
  return account
}

async function storedKey(account: AccountApi): Promise<Sealed> {
  const [row] = await query(account.id, 'SELECT secret, sealed, mark FROM byok')
  return row as unknown as Sealed
}

/** Writes into the object's database what an attacker, or time, would leave there. */
async function tamper(account: AccountApi, { secret, sealed, mark }: Sealed): Promise<void> {
  await runInDurableObject(account.stub(), (_: Account, { storage }) => {
    storage.sql.exec('UPDATE byok SET secret = ?, sealed = ?, mark = ?', secret, sealed, mark)
  })
}

/** Nobody gets a key, nothing fails, and everybody is told what they can do. */
async function doesNotOpen(account: AccountApi, difference: RegExp): Promise<void> {
  const before = (await account.balance()).version
  const read = await account.readByok('r')
  expect([read.status, read.body.code, read.headers.get('Retry-After')]).toEqual([503, 'overloaded', '30'])
  expect((await account.balance()).version).toBe(before)
  expect((await account.get('/byok')).body).toMatchObject({ enabled: true, usable: false })
  expect((await account.readByok('unknown')).status).toBe(404)
  const { ok, differences } = await account.audit()
  expect([ok, differences.length]).toEqual([false, 1])
  expect(differences[0]).toMatch(difference)
  // Reviews go on: what they cost is recorded whoever runs them.
  expect((await account.reserve('another', { credits: 1 })).body.reservation.mode).toBe('byok')
  await account.release('another')
}

test('a ciphertext that is moved to another account does not open there', async () => {
  silence()
  const [mine, theirs] = [await withKey(), await withKey(OTHER)]
  await tamper(mine, await storedKey(theirs))
  await doesNotOpen(mine, /sealed for another account/)
  expect((await theirs.readByok('r')).body).toEqual({ api_key: OTHER })
})

test('a ciphertext that is cut, lengthened, changed in any byte or relabelled does not open', async () => {
  const ring = await KeyRing.of(SECRETS)
  const whole = await ring.seal('acme', KEY)
  const { secret, sealed } = whole
  expect(await ring.open('acme', whole)).toEqual({ ok: true, text: KEY })
  const damaged = { ok: false, why: 'damaged' }
  for (let length = 0; length < sealed.length; length += 1) {
    expect(await ring.open('acme', { secret, sealed: sealed.slice(0, length) })).toEqual(damaged)
  }
  for (let at = 0; at < sealed.length; at += 1) {
    const flipped = sealed.slice(0, at) + (sealed[at] === '0' ? '1' : '0') + sealed.slice(at + 1)
    expect(await ring.open('acme', { secret, sealed: flipped })).toEqual(damaged)
  }
  for (const other of [`${sealed}00`, `00${sealed}`, sealed.toUpperCase(), 'nonsense', '']) {
    expect(await ring.open('acme', { secret, sealed: other })).toEqual(damaged)
  }
  for (const account of ['acm', 'acme2', 'Acme', '', `acme ${secret}`]) {
    expect(await ring.open(account, whole)).toEqual(damaged)
  }
  const older = (await (await KeyRing.of([OLDER])).seal('acme', KEY)).secret
  expect(await ring.open('acme', { secret: older, sealed })).toEqual(damaged)
  expect(await ring.open('acme', { secret: 'ffffffffffffffff', sealed })).toEqual({ ok: false, why: 'unlisted_secret' })
})

test('a relabelled or cut ciphertext is a clear answer, and the same key put again takes its place', async () => {
  silence()
  const older = (await (await KeyRing.of([OLDER])).seal('x', KEY)).secret
  const changes: ((stored: Sealed) => Sealed)[] = [
    (stored) => ({ ...stored, secret: older }),
    (stored) => ({ ...stored, sealed: stored.sealed.slice(0, -2) }),
    (stored) => ({ ...stored, sealed: '' }),
  ]
  for (const change of changes) {
    const account = await withKey()
    await tamper(account, change(await storedKey(account)))
    await evictDurableObject(account.stub())
    await doesNotOpen(account, /does not open/)
    const again = await account.putByok(KEY)
    expect([again.status, again.headers.get('Idempotent-Replayed'), again.body.usable]).toEqual([200, null, true])
    expect((await account.readByok('r')).body).toEqual({ api_key: KEY })
    expect(await account.audit()).toMatchObject({ ok: true, byok_secret: 'newest' })
  }
})

test('two seals of one key share neither nonce nor ciphertext, and no two secrets a name', async () => {
  const ring = await KeyRing.of(SECRETS)
  const seals = await Promise.all(Array.from({ length: 500 }, () => ring.seal('acme', KEY)))
  expect(new Set(seals.map(({ sealed }) => sealed.slice(0, 24))).size).toBe(500)
  expect(new Set(seals.map(({ mark }) => mark)).size).toBe(1)
  const rings = await Promise.all([NEWEST, OLDER, UNLISTED].map((secret) => KeyRing.of([secret])))
  expect(new Set(await Promise.all(rings.map(async (each) => (await each.seal('acme', KEY)).secret))).size).toBe(3)
  const marks = [await ring.seal('acme', KEY), await ring.seal('other', KEY), await ring.seal('acme', OTHER)]
  expect(new Set(marks.map(({ mark }) => mark)).size).toBe(3)
})

test('the order of the secrets matters only for which of them seals', async () => {
  const [forwards, backwards] = await Promise.all([KeyRing.of([NEWEST, OLDER]), KeyRing.of([OLDER, NEWEST])])
  const sealed = await forwards.seal('acme', KEY)
  expect(await backwards.open('acme', sealed)).toEqual({ ok: true, text: KEY })
  expect([forwards.ageOf(sealed.secret), backwards.ageOf(sealed.secret)]).toEqual(['newest', 'older'])
})

/** As if the account had been used last when this secret was the newest. */
async function sealedUnder(secret: string, account: AccountApi, apiKey = KEY): Promise<void> {
  await tamper(account, await (await KeyRing.of([secret])).seal(account.id, apiKey))
}

test('after a rotation a key is sealed under the newest secret as soon as its account wakes, without an entry', async () => {
  const account = await withKey()
  await sealedUnder(OLDER, account)
  const before = (await account.balance()).version
  await evictDurableObject(account.stub())
  // Any request wakes it; this one is about something else.
  expect((await account.balance()).version).toBe(before)
  const newest = await KeyRing.of([NEWEST])
  const stored = await storedKey(account)
  expect(await newest.open(account.id, stored)).toEqual({ ok: true, text: KEY })
  expect((await account.putByok(KEY)).headers.get('Idempotent-Replayed')).toBe('true')
  expect((await account.readByok('r')).body).toEqual({ api_key: KEY })
  expect(await account.audit()).toMatchObject({ ok: true, byok_secret: 'newest' })
})

test('an account that nobody uses is sealed anew by its audit, and by its alarm', async () => {
  const [audited, alarmed] = [await withKey(), await withKey()]
  for (const account of [audited, alarmed]) {
    await sealedUnder(OLDER, account)
    await evictDurableObject(account.stub())
  }
  expect(await audited.audit()).toMatchObject({ ok: true, byok_secret: 'newest' })
  await callAlarm(alarmed.id)
  expect((await KeyRing.of([NEWEST])).ageOf((await storedKey(alarmed)).secret)).toBe('newest')
})

test('a key whose secret was taken away too soon crashes nothing, and opens again when it is put back', async () => {
  const logged = silence()
  const account = await withKey()
  await sealedUnder(UNLISTED, account)
  await evictDurableObject(account.stub())
  await doesNotOpen(account, /which BYOK_SECRETS does not list/)
  expect(await account.audit()).toMatchObject({ byok_secret: 'unlisted' })
  expect(logged().some((line) => line.includes('does not open'))).toBe(true)
  const stored = await storedKey(account)
  await withSecrets(account, [NEWEST, OLDER, UNLISTED], async () => {
    expect((await account.readByok('r')).body).toEqual({ api_key: KEY })
  })
  expect(await storedKey(account)).not.toEqual(stored)
  await sealedUnder(UNLISTED, account)
  expect((await account.removeByok()).status).toBe(200)
  expect(await account.audit()).toMatchObject({ ok: true, byok_secret: null })
})

/** The object sees other secrets meanwhile, as after a deployment. */
async function withSecrets(account: AccountApi, secrets: readonly string[], act: () => Promise<void>): Promise<void> {
  await runInDurableObject(account.stub(), (instance: Account) => {
    const holder = instance as unknown as { env: Env }
    holder.env = { ...holder.env, BYOK_SECRETS: secrets.join(',') }
  })
  await act()
  await evictDurableObject(account.stub())
}

test('secrets are rotated under load: no read gets another key than one that was put, and none is lost', async () => {
  const account = await withKey()
  const put = new Set([KEY])
  for (let round = 0; round < 25; round += 1) {
    const kept = round % 5 === 4 ? null : `sk-ant-api03-${'k'.repeat(20)}-round-${1_000 + round}`
    const present = await presentKey(account)
    if (present !== null) {
      await sealedUnder(OLDER, account, present)
      await evictDurableObject(account.stub())
    }
    const reads = Array.from({ length: 8 }, () => account.readByok('r'))
    const change = kept === null ? account.removeByok() : account.putByok(kept)
    if (kept !== null) put.add(kept)
    const more = Array.from({ length: 8 }, () => account.readByok('r'))
    expect((await change).status).toBe(200)
    for (const { status, body } of await Promise.all([...reads, ...more])) {
      if (status === 200) expect(put).toContain(body.api_key)
      else expect([status, body.code]).toEqual([404, 'not_found'])
    }
    expect(await presentKey(account)).toBe(kept)
    const ring = await KeyRing.of([NEWEST])
    if (kept !== null) expect(ring.ageOf((await storedKey(account)).secret)).toBe('newest')
  }
  expect(await account.audit()).toMatchObject({ ok: true })
})

async function presentKey(account: AccountApi): Promise<string | null> {
  const { status, body } = await account.readByok('r')
  return status === 200 ? body.api_key : null
}

test('sealing anew undoes no change that came meanwhile', async () => {
  const account = await withKey()
  await sealedUnder(OLDER, account)
  await runInDurableObject(account.stub(), async (instance: Account) => {
    // The reading seals anew while the other key is put, and the removal comes while yet another reading does.
    await Promise.all([instance.readByok(SERVICE, 'r'), instance.putByok(SERVICE, OTHER)])
  })
  expect((await account.readByok('r')).body).toEqual({ api_key: OTHER })
  await sealedUnder(OLDER, account, OTHER)
  await runInDurableObject(account.stub(), async (instance: Account) => {
    await Promise.all([instance.readByok(SERVICE, 'r'), instance.removeByok(SERVICE)])
  })
  expect(await query(account.id, 'SELECT * FROM byok')).toEqual([])
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a runner of another account learns nothing, and one of this account nothing but the key of its own review', async () => {
  const [mine, theirs] = [await withKey(), await withKey(OTHER)]
  const { key } = await mint(theirs, 'runner')
  expect((await mine.readByok('r', key)).status).toBe(404)
  expect((await theirs.readByok('r', key)).body).toEqual({ api_key: OTHER })
  for (const [method, path] of [
    ['GET', '/byok'],
    ['DELETE', '/byok'],
  ] as const) {
    expect((await send(method, `/v1/accounts/${theirs.id}${path}`, { key })).status).toBe(403)
  }
  for (const scope of ['billing', 'read'] as const) {
    expect((await theirs.readByok('r', (await mint(theirs, scope)).key)).status).toBe(403)
  }
})

/** Silences the console; returns all that was written to it so far. */
function silence(): () => string[] {
  const spies = (['debug', 'log', 'info', 'warn', 'error'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(() => undefined),
  )
  return () => spies.flatMap((spy) => spy.mock.calls.map((call) => JSON.stringify(call)))
}

test('no key, secret or ciphertext is in any log line, answer, page, live message or row of D1, whatever fails', async () => {
  const logged = silence()
  const account = await withKey()
  const told: string[] = []
  const keep = async (answer: Promise<{ body?: unknown; text?: string; headers: Headers }>) => {
    const { body, text, headers } = await answer
    told.push(JSON.stringify([body, text, [...headers]]))
  }
  const messages = await watch(account)
  const base = `/v1/accounts/${account.id}`
  await keep(account.putByok(KEY))
  await keep(account.putByok(`${KEY}~`))
  const bodies = [
    `{"api_key":"${KEY}`,
    `{"api_key":"${KEY}","x":1}`,
    `{"${KEY}":1}`,
    `{"api_key":["${KEY}"]}`,
    `"${KEY}"`,
  ]
  for (const body of bodies) await keep(send('PUT', `${base}/byok`, { body }))
  await keep(send('PUT', `${base}/byok`, { body: `{"api_key":"${KEY}"}`, type: 'text/plain' }))
  await keep(account.get(`/byok/key?${KEY}=1`, { key: RUNNER }))
  for (const path of [
    '/byok',
    '/entries',
    '/usage',
    '/reservations/r',
    '/reservations',
    '/balance',
    '/grants',
    '/keys',
  ]) {
    await keep(account.get(path))
  }
  await account.settle('r', 3)
  const sealed: string[] = []
  const remember = async () => {
    const { sealed: text, mark } = await storedKey(account)
    sealed.push(text, text.slice(24), mark)
  }
  await remember()
  const visitor = await visitorOf(account)
  await keep(visitor.ask('/settings/byok', { form: { api_key: `${KEY}?` } }))
  await keep(visitor.ask('/settings/byok', { form: { api_key: OTHER } }))
  await remember()
  await callAlarm(account.id)
  const pages = ['/dashboard', '/dashboard/now', '/settings', '/billing', '/billing/history', '/billing/history.csv']
  for (const page of [...pages, '/billing/reviews/r', '/usage']) await keep(visitor.ask(page))
  await breaks(account, async () => {
    await keep(account.putByok(KEY))
    await keep(account.readByok('r'))
    await keep(account.get('/byok'))
  })
  await tamper(account, { ...(await storedKey(account)), secret: 'ffffffffffffffff' })
  await account.reserve('r2', { credits: 1 })
  await keep(account.readByok('r2'))
  await keep(account.get('/audit'))
  await keep(visitor.ask('/settings'))
  await callAlarm(account.id)
  const { results } = await env.HISTORY.prepare('SELECT * FROM entries WHERE account = ?').bind(account.id).all()
  const entries = await query(account.id, 'SELECT * FROM entries')
  expect(logged().some((line) => line.includes('command failed'))).toBe(true)
  expect(results.length).toBeGreaterThan(3)
  expect(messages.length).toBeGreaterThan(1)
  const places = [...logged(), ...messages, ...told, JSON.stringify(results), JSON.stringify(entries)]
  const withoutByok = (await dump(account.id)).replace(/\["byok",\[[^\]]*\]\]/, '')
  expect(withoutByok).not.toContain('"mark"')
  for (const secret of [KEY, OTHER, KEY.slice(14, -5), OTHER.slice(14, -5), ...SECRETS, ...sealed]) {
    expect(places.filter((place) => place.includes(secret))).toEqual([])
    expect(withoutByok.includes(secret)).toBe(false)
  }
})

/** What a live connection is told from now on. */
async function watch(account: AccountApi): Promise<readonly string[]> {
  const headers = { Authorization: `Bearer ${RUNNER}`, Upgrade: 'websocket' }
  const url = `https://credits.test/v1/accounts/${account.id}/balance/live`
  const { webSocket } = await exports.default.fetch(new Request(url, { headers }))
  if (!webSocket) throw new Error('no connection')
  const messages: string[] = []
  webSocket.addEventListener('message', ({ data }) => {
    messages.push(String(data))
  })
  webSocket.accept()
  onTestFinished(() => webSocket.close())
  return messages
}

/** Meanwhile every command about the key fails in the object. */
async function breaks(account: AccountApi, act: () => Promise<void>): Promise<void> {
  const rename = (from: string, to: string) =>
    runInDurableObject(account.stub(), (_: Account, { storage }) => {
      storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`)
    })
  await rename('byok', 'gone')
  await act()
  await rename('gone', 'byok')
}

test('an account whose key fails to be stored is as it was: no mode without a key, no key without its entry', async () => {
  silence()
  const account = await newAccount(0)
  await callAlarm(account.id)
  const before = await dump(account.id)
  await runInDurableObject(account.stub(), (_: Account, { storage }) => {
    storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON byok BEGIN SELECT raise(ABORT, 'the disk is full'); END")
  })
  expect((await account.putByok(KEY)).status).toBe(503)
  expect((await account.reserve('r', { credits: 1 })).body.code).toBe('insufficient_credits')
  await runInDurableObject(account.stub(), (_: Account, { storage }) => {
    storage.sql.exec('DROP TRIGGER full')
  })
  expect(await dump(account.id)).toBe(before)
  expect((await account.putByok(KEY)).status).toBe(200)
  expect(await account.audit()).toMatchObject({ ok: true })
})
