import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { mintAccountKey } from '../../../src/http/account-keys.ts'
import { app } from '../../../src/http/app.ts'
import { type AccountApi, call, newAccount, OPERATOR, RUNNER } from '../api.ts'
import { ACCOUNT_SCOPES, forgedKeys, mint, partsOf } from './forge.ts'
import { attempt, document, endpoints } from './operations.ts'
import { stored } from './stored.ts'

/** As wrangler.toml has it: requests without a valid key in a minute from one address. */
const RATE_LIMIT = 120
const [NEWEST_SECRET = '', OLDER_SECRET = ''] = env.SIGNING_SECRETS.split(',')

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Asks the Worker as it would be with other secrets or bindings. */
function serveWith(
  changed: Partial<Record<keyof Env, unknown>>,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
  const request = new Request(`https://credits.test${path}`, init)
  return Promise.resolve(app.fetch(request, { ...env, ...changed } as Env, context as unknown as ExecutionContext))
}

function authorized(key: string): RequestInit {
  return { headers: { Authorization: `Bearer ${key}` } }
}

describe('the Authorization header', () => {
  test('is refused if it is empty, of another scheme, or more than one key', async () => {
    const account = await newAccount(10)
    const { key } = await mint(account, 'read')
    const refused = [
      ...['', ' ', 'Bearer', 'Bearer ', `Bearer${OPERATOR}`, OPERATOR, `Basic ${btoa(`operator:${OPERATOR}`)}`],
      ...[`Bearer ${OPERATOR}, Bearer ${RUNNER}`, `Bearer ${OPERATOR} ${RUNNER}`, `Bearer ${OPERATOR},${RUNNER}`],
      ...[`Bearer "${OPERATOR}"`, `Token ${OPERATOR}`, `Bearer ${OPERATOR.slice(0, -1)}`, `Bearer ${OPERATOR}x`],
      ...[
        `Bearer ${OPERATOR.toUpperCase()}`,
        `Bearer ${key}=`,
        `Bearer ${key.toUpperCase()}`,
        `Bearer ${'k'.repeat(9_000)}`,
      ],
      ...[`Bearer ${env.OPERATOR_KEYS}`, 'Bearer null', 'Bearer undefined', 'Bearer ,', 'Bearer [object Object]'],
    ]
    for (const Authorization of refused) {
      const { status, headers } = await account.get('/balance', { key: null, headers: { Authorization } })
      expect([Authorization, status, headers.get('WWW-Authenticate')]).toEqual([Authorization, 401, 'Bearer'])
    }
  })

  test('names its scheme in any case, as RFC 9110 has it', async () => {
    const account = await newAccount(10)
    for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
      const headers = { Authorization: `${scheme} ${OPERATOR}` }
      expect((await account.get('/balance', { key: null, headers })).status).toBe(200)
    }
  })

  test('is refused if it was sent twice', async () => {
    const account = await newAccount(10)
    const headers = new Headers()
    headers.append('Authorization', `Bearer ${OPERATOR}`)
    headers.append('Authorization', `Bearer ${OPERATOR}`)
    expect((await serveWith({}, `/v1/accounts/${account.id}/balance`, { headers })).status).toBe(401)
  })
})

test('a key in a URL opens nothing, is refused even beside a good header, and is not repeated in the answer', async () => {
  const account = await newAccount(10)
  const { key } = await mint(account, 'read')
  for (const secret of [OPERATOR, key]) {
    for (const name of ['key', 'access_token', 'api_key', 'authorization', 'token']) {
      const path = `/balance?${name}=${encodeURIComponent(secret)}`
      const without = await account.get(path, { key: null })
      expect([name, without.status]).toEqual([name, 401])
      const beside = await account.get(path)
      expect([name, beside.status, beside.body.errors[0].path]).toEqual([name, 400, name])
      const onPublic = await call('GET', `/v1/packs?${name}=${encodeURIComponent(secret)}`, { key: null })
      expect([name, onPublic.status]).toEqual([name, 400])
      for (const { body, headers } of [without, beside, onPublic]) {
        expect(JSON.stringify([body, [...headers]])).not.toContain(secret)
      }
    }
    const credentials = await account.get(`/reservations?state=${encodeURIComponent(secret)}`)
    expect(credentials.status).toBe(400)
    expect(JSON.stringify(credentials.body)).not.toContain(secret)
  }
})

describe('service keys', () => {
  test('are valid all at once, so that they can be rotated', async () => {
    const account = await newAccount(10)
    for (const key of [...env.OPERATOR_KEYS.split(','), ...env.RUNNER_KEYS.split(',')]) {
      expect((await account.get('/balance', { key })).status).toBe(200)
    }
  })

  test('end with the configuration that had them', async () => {
    const account = await newAccount(10)
    const path = `/v1/accounts/${account.id}/balance`
    const rotated = { OPERATOR_KEYS: 'operator-test-key-newest' }
    expect((await serveWith(rotated, path, authorized('operator-test-key-newest'))).status).toBe(200)
    expect((await serveWith(rotated, path, authorized('operator-test-key-older'))).status).toBe(401)
  })
})

describe('account keys', () => {
  test('are refused from the call after their revocation on', async () => {
    const account = await newAccount(10)
    const { id, key } = await mint(account, 'runner')
    expect((await account.reserve('rev_1', { credits: 1 }, key)).status).toBe(201)
    await account.del(`/keys/${id}`)
    const before = await stored(account.id)
    expect((await account.reserve('rev_3', { credits: 1 }, key)).status).toBe(401)
    expect((await account.reserve('rev_1', { credits: 1 }, key)).status).toBe(401)
    expect(
      (await account.post('/reservations:batch', { commands: [{ op: 'release', id: 'rev_1' }] }, { key })).status,
    ).toBe(401)
    expect(
      (await call('POST', '/v1/estimates', { key, body: { tier: 'quick_scan', diff_lines: 1, files: 1 } })).status,
    ).toBe(401)
    expect(await stored(account.id)).toBe(before)
  })

  test('may revoke themselves, and a revocation may be repeated', async () => {
    const account = await newAccount(10)
    const { id, key } = await mint(account, 'billing')
    expect((await call('DELETE', `/v1/accounts/${account.id}/keys/${id}`, { key })).status).toBe(200)
    expect((await call('DELETE', `/v1/accounts/${account.id}/keys/${id}`, { key })).status).toBe(401)
    const again = await account.del(`/keys/${id}`)
    expect([again.status, again.headers.get('Idempotent-Replayed')]).toEqual([200, 'true'])
  })

  test('expire at the first instant of their expiry and not before', async () => {
    const account = await newAccount(10)
    const expiresAt = Date.now() + 60_000
    const { key } = await mint(account, 'read', { expires_at: new Date(expiresAt).toISOString() })
    vi.useFakeTimers({ toFake: ['Date'], now: expiresAt - 1 })
    expect((await account.get('/balance', { key })).status).toBe(200)
    vi.setSystemTime(expiresAt)
    expect((await account.get('/balance', { key })).status).toBe(401)
  })

  test('cannot be minted for a time that has passed', async () => {
    const account = await newAccount(10)
    for (const expires_at of ['2020-01-01T00:00:00Z', '0000-01-01T00:00:00Z', new Date().toISOString()]) {
      const { status, body } = await account.post('/keys', { scope: 'read', expires_at })
      expect([status, body.errors[0].path]).toEqual([400, 'expires_at'])
    }
    expect((await account.post('/keys', { scope: 'read', expires_at: '9999-12-31T23:59:59-01:00' })).status).toBe(400)
  })

  test('signed with an older secret are valid while it is configured, and then no more', async () => {
    const account = await newAccount(10)
    const body = JSON.stringify({ scope: 'read' })
    const headers = { Authorization: `Bearer ${OPERATOR}`, 'Content-Type': 'application/json' }
    const path = `/v1/accounts/${account.id}`
    const minted = await serveWith({ SIGNING_SECRETS: OLDER_SECRET }, `${path}/keys`, { method: 'POST', headers, body })
    const { key } = (await minted.json()) as { key: string }
    expect((await account.get('/balance', { key })).status).toBe(200)
    expect((await serveWith({ SIGNING_SECRETS: NEWEST_SECRET }, `${path}/balance`, authorized(key))).status).toBe(401)
  })

  test('cannot be made by whoever has the signing secret alone', async () => {
    const account = await newAccount(10)
    const known = await mint(account, 'read')
    for (const scope of ACCOUNT_SCOPES) {
      const { key } = await mintAccountKey(account.id, scope, [NEWEST_SECRET])
      expect((await account.get('/balance', { key })).status).toBe(401)
    }
    const { key: other } = await mintAccountKey(account.id, 'billing', [NEWEST_SECRET])
    const stolenId = await resigned(other, known.id)
    expect((await account.get('/balance', { key: stolenId })).status).toBe(401)
  })

  test('hold for the account and scope that they were minted for, however they are changed', async () => {
    const [mine, theirs] = [await newAccount(10), await newAccount(10)]
    const { key } = await mint(mine, 'read')
    for (const [how, forged] of Object.entries(await forgedKeys(theirs.id, key))) {
      for (const account of [mine, theirs]) {
        expect([how, (await account.get('/balance', { key: forged })).status]).toEqual([how, 401])
      }
    }
    expect((await mine.post('/keys', { scope: 'billing' }, { key })).status).toBe(403)
  })

  test('are shown once: a repeated mint, the list and a revocation come without the secret', async () => {
    const account = await newAccount(10)
    const body = { scope: 'billing', name: 'dashboard' }
    const headers = { 'Idempotency-Key': 'mint-1' }
    const first = await account.post('/keys', body, { headers })
    const replay = await account.post('/keys', body, { headers })
    expect([first.status, replay.status, replay.headers.get('Idempotent-Replayed')]).toEqual([201, 200, 'true'])
    const { key, ...shown } = first.body
    expect(replay.body).toEqual(shown)
    const { payload, mac } = partsOf(key)
    const listed = await account.get('/keys')
    const revoked = await account.del(`/keys/${shown.id}`)
    for (const secret of [key, payload, mac]) {
      expect(JSON.stringify([replay.body, listed.body, revoked.body, await stored(account.id)])).not.toContain(secret)
    }
    expect(listed.body.data).toEqual([shown])
  })

  test('are minted once for an Idempotency-Key, which belongs to one account and one request', async () => {
    const [mine, theirs] = [await newAccount(10), await newAccount(10)]
    const headers = { 'Idempotency-Key': 'same' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => mine.post('/keys', { scope: 'read' }, { headers })),
    )
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1)
    expect((await mine.get('/keys')).body.data).toHaveLength(1)
    const changed = await mine.post('/keys', { scope: 'billing' }, { headers })
    expect(changed.body).toMatchObject({ code: 'conflict', field: 'scope' })
    expect((await theirs.post('/keys', { scope: 'billing' }, { headers })).status).toBe(201)
  })

  test('of a number that only a loop would mint are refused', async () => {
    const account = await newAccount(10)
    for (let minted = 0; minted < 100; minted += 1) await mint(account, 'read')
    expect((await account.post('/keys', { scope: 'read' })).body).toMatchObject({
      code: 'limit_exceeded',
      maximum: 100,
    })
    const { data } = (await account.get('/keys')).body
    await account.del(`/keys/${data[0].id}`)
    expect((await account.post('/keys', { scope: 'read' })).status).toBe(201)
  })
})

test('a Worker with an empty, missing or guessable secret refuses to serve anything at all', async () => {
  const account = await newAccount(10)
  const logged = spyOnConsole()
  const good = 'good-key-0123456789'
  const wrong = [
    '',
    undefined,
    ' ',
    ',',
    `${good},`,
    `,${good}`,
    `${good},,${good}`,
    `${good}, `,
    'short',
    `${good},short`,
  ]
  for (const name of ['OPERATOR_KEYS', 'RUNNER_KEYS', 'SIGNING_SECRETS', 'BYOK_SECRETS'] as const) {
    for (const value of wrong) {
      for (const path of ['/health', '/v1/packs', `/v1/accounts/${account.id}/balance`]) {
        for (const init of [authorized(OPERATOR), { headers: { Authorization: 'Bearer ' } }, {}]) {
          const answer = await serveWith({ [name]: value }, path, init)
          expect([name, value, path, answer.status]).toEqual([name, value, path, 503])
          expect(await answer.text()).not.toContain(good)
        }
      }
    }
  }
  expect(logged().length).toBeGreaterThan(0)
  expect(logged().join('\n')).toContain('SIGNING_SECRETS')
  expect(logged().join('\n')).not.toContain(good)
})

test('no key and no secret is in any answer or log line, whatever fails', async () => {
  const account = await newAccount(10)
  const minted = await Promise.all(ACCOUNT_SCOPES.map((scope) => mint(account, scope)))
  const revoked = await mint(account, 'runner')
  await account.del(`/keys/${revoked.id}`)
  const keys = [OPERATOR, RUNNER, ...[...minted, revoked].map(({ key }) => key)]
  const forged = Object.values(await forgedKeys(account.id, revoked.key))
  const logged = spyOnConsole()
  const answers: string[] = []
  const keep = async (response: Response) => answers.push(await response.text(), JSON.stringify([...response.headers]))
  const broken = {
    ACCOUNT: { getByName: () => unavailable() },
    HISTORY: { prepare: () => unavailable(), batch: () => unavailable() },
    PUBLIC_LIMIT: { limit: () => unavailable() },
  }
  const repair = await breakDatabase(account)
  for (const key of [...keys, ...forged]) {
    for (const endpoint of endpoints) {
      const { body, headers } = await attempt(endpoint, account.id, { key, id: key.slice(0, 128) })
      answers.push(JSON.stringify([body, [...headers]]))
    }
    for (const [name, binding] of Object.entries(broken)) {
      for (const path of ['/balance', '/entries', '/usage', '/reservations/x', '/nowhere']) {
        await keep(await serveWith({ [name]: binding }, `/v1/accounts/${account.id}${path}`, authorized(key)))
      }
      await keep(await serveWith({ [name]: binding }, '/v1/accounts', authorized(key)))
    }
  }
  await repair()
  expect(logged().some((line) => line.includes('command failed'))).toBe(true)
  const secrets = [
    ...keys,
    ...forged,
    NEWEST_SECRET,
    OLDER_SECRET,
    ...[...minted, revoked].flatMap(({ key }) => Object.values(partsOf(key)).slice(1)),
  ]
  for (const secret of secrets) {
    expect(logged().filter((line) => line.includes(secret))).toEqual([])
    expect(answers.filter((answer) => answer.includes(secret))).toEqual([])
  }
})

describe('the rate limit', () => {
  test('stops failed authentication from one address, says when to come back, and leaves other addresses alone', async () => {
    const account = await newAccount(10)
    const ip = '192.0.2.1'
    const statuses: number[] = []
    for (let tried = 0; tried < RATE_LIMIT + 20; tried += 1) {
      const { status, headers } = await account.get('/balance', { key: `guess-number-${tried}`, ip })
      if (status === 429) expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0)
      statuses.push(status)
    }
    expect(statuses.slice(0, RATE_LIMIT).every((status) => status === 401)).toBe(true)
    expect(statuses.slice(RATE_LIMIT).every((status) => status === 429)).toBe(true)
    expect((await call('GET', '/v1/packs', { key: null, ip })).status).toBe(429)
    expect((await account.get('/balance', { key: 'a-guess', ip: '192.0.2.2' })).status).toBe(401)
    expect((await account.get('/balance', { ip })).status).toBe(200)
  })

  test('never counts a request with a valid key, on whatever route', async () => {
    const account = await newAccount(1_000)
    const { key } = await mint(account, 'read')
    const ip = '192.0.2.3'
    for (let sent = 0; sent < RATE_LIMIT + 20; sent += 1) {
      expect((await account.get('/balance', { ip, key: RUNNER })).status).toBe(200)
      expect((await account.get('/balance', { ip, key })).status).toBe(200)
      expect((await call('GET', '/v1/tiers', { ip, key })).status).toBe(200)
    }
    expect((await account.get('/balance', { key: 'a-guess', ip })).status).toBe(401)
  })

  test('is never asked on the way of a valid key, so that it cannot slow or stop it', async () => {
    const account = await newAccount(10)
    const limit = vi.fn(async () => ({ success: false }))
    const { key } = await mint(account, 'read')
    for (const each of [OPERATOR, RUNNER, key]) {
      const path = `/v1/accounts/${account.id}/balance`
      expect((await serveWith({ PUBLIC_LIMIT: { limit } }, path, authorized(each))).status).toBe(200)
    }
    expect(limit).not.toHaveBeenCalled()
    expect((await serveWith({ PUBLIC_LIMIT: { limit } }, '/v1/packs')).status).toBe(429)
  })
})

test('what is published of security is what is asked for: a bearer key, or none where the route is public', () => {
  expect(document.components.securitySchemes).toMatchObject({ key: { type: 'http', scheme: 'bearer' } })
  for (const { name, operation } of endpoints) {
    const isPublic = operation['x-scopes'] === 'public'
    expect([name, operation.security]).toEqual([name, isPublic ? [] : [{ key: [] }]])
    expect([name, '401' in operation.responses]).toEqual([name, !isPublic])
  }
})

/** A key under another key's id, rightly signed: only the object's hash of it is missing. */
async function resigned(key: string, id: string): Promise<string> {
  const { scope, payload } = partsOf(key)
  const [account, , random] = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as string[]
  const encoded = btoa(JSON.stringify([account, id, random]))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
  const signed = new TextEncoder().encode(`assay_${scope}_${encoded}`)
  const secret = new TextEncoder().encode(`account-key:${NEWEST_SECRET}`)
  const macKey = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const mac = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.sign('HMAC', macKey, signed))))
  return `assay_${scope}_${encoded}.${mac.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`
}

/** From now on every command and page of this account fails in its object, until the returned function repairs it. */
async function breakDatabase(account: AccountApi): Promise<() => Promise<void>> {
  const rename = (from: string, to: string) =>
    runInDurableObject(account.stub(), (_object, { storage: { sql } }) => {
      for (const table of ['reservations', 'grants']) sql.exec(`ALTER TABLE ${from}${table} RENAME TO ${to}${table}`)
    })
  await rename('', 'gone_')
  return () => rename('gone_', '')
}

function unavailable(): never {
  throw new Error('the binding is not available')
}

/** Silences the console; returns all that was written to it so far. */
function spyOnConsole(): () => string[] {
  const spies = (['debug', 'log', 'info', 'warn', 'error'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(() => undefined),
  )
  return () => spies.flatMap((spy) => spy.mock.calls.map((call) => JSON.stringify(call)))
}
