import { listDurableObjectIds } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { call, newAccount } from '../api.ts'
import { attempt, endpoints, exampleOf, freshId, pathOf, withAccount, withId } from './operations.ts'
import { countOfTables, stored } from './stored.ts'

const LONG = 'a'.repeat(10_000)

/** Written as they stand in a URL. None of them is an account, whatever a decoder makes of it. */
const NO_ACCOUNTS: Readonly<Record<string, string>> = {
  'a parent folder': '..%2f',
  'a parent folder, encoded twice': '..%252f',
  'two steps up and down': '..%2f..%2faccounts%2facme',
  'a backslash': 'acme%5c..',
  'a NUL': 'acme%00',
  'a NUL alone': '%00',
  'a line feed': 'acme%0a',
  'a line separator': 'acme%E2%80%A8',
  'a space': 'acme%20',
  'an encoded percent': '%2561cme',
  'bytes that are no UTF-8': 'acme%ff',
  'an overlong dot': '%c0%ae%c0%ae',
  'a percent without digits': 'acme%',
  'upper case': 'ACME',
  'a Cyrillic a': '%D0%B0cme',
  'full-width letters': '%EF%BD%81%EF%BD%83%EF%BD%8D%EF%BD%85',
  'a letter with an accent': 'acm%C3%A9',
  'a zero-width joiner': 'ac%E2%80%8Dme',
  'an override of direction': '%E2%80%AEacme',
  'a dot': 'acme.',
  'a colon': 'acme:batch',
  'a matrix parameter': 'acme;admin=1',
  'a query, encoded': 'acme%3Fkey=1',
  'a fragment, encoded': 'acme%23',
  'a hyphen first': '-acme',
  'an underscore first': '_acme',
  '65 characters': 'a'.repeat(65),
  '10 kB': LONG,
}

const NO_IDS: Readonly<Record<string, string>> = {
  'a parent folder': '..%2fother',
  'a slash': 'a%2fsettle',
  'a slash, encoded twice': 'a%252fsettle',
  'a NUL': 'a%00',
  'a line feed': 'a%0a',
  'a space': 'a%20b',
  'bytes that are no UTF-8': '%ff',
  'a Cyrillic a': '%D0%B0',
  'an emoji': '%F0%9F%92%B8',
  'a plus sign': 'a+b',
  'a quote': "a'--",
  'a semicolon': 'a;b',
  'a percent without digits': 'a%zz',
  '129 characters': 'a'.repeat(129),
  '10 kB': LONG,
}

test.each(withAccount)('$name refuses what is no account id and names the field', async (endpoint) => {
  for (const [what, written] of Object.entries(NO_ACCOUNTS)) {
    const { status, body } = await attempt(endpoint, written)
    expect([what, status, body.code, body.errors?.[0].path]).toEqual([what, 400, 'invalid_request', 'account'])
  }
})

test.each(withId)('$name refuses what is no id and names the field', async (endpoint) => {
  for (const [what, id] of Object.entries(NO_IDS)) {
    const { status, body } = await attempt(endpoint, 'acme', { id })
    expect([what, status, body.code, body.errors?.[0].path]).toEqual([what, 400, 'invalid_request', 'id'])
  }
})

test('an id that is refused wakes no object', async () => {
  const before = (await listDurableObjectIds(env.ACCOUNT)).length
  for (const written of Object.values(NO_ACCOUNTS)) await call('GET', `/v1/accounts/${written}/balance`)
  for (const id of Object.values(NO_IDS)) await call('GET', `/v1/accounts/never-seen-${freshId()}/reservations/${id}`)
  expect((await listDurableObjectIds(env.ACCOUNT)).length).toBe(before)
})

test('a path that is written otherwise than documented is no route', async () => {
  const account = await newAccount(10)
  const base = `/v1/accounts/${account.id}`
  await account.reserve('rev_1', { credits: 1 })
  const before = await stored(account.id)
  const strange: readonly (readonly [string, string])[] = [
    ['GET', `${base}/balance/`],
    ['GET', `${base}//balance`],
    ['GET', `//v1/accounts/${account.id}/balance`],
    ['GET', `/V1/accounts/${account.id}/balance`],
    ['GET', `${base}/Balance`],
    ['GET', '/v1/accounts//balance'],
    ['GET', '/v1/accounts/%2e%2e/balance'],
    ['GET', `${base}/reservations/`],
    ['GET', `${base}/reservations/%2e/`],
    ['POST', `${base}/reservations/rev_1/settle/`],
    ['POST', `${base}/reservations/rev_1/%73ettle/x`],
    ['PUT', `${base}/reservations/..`],
    ['POST', `${base}/reservations:Batch`],
    ['POST', `${base}/reservations%3Abatch`],
    ['POST', `${base}/reservations:batch:batch`],
    ['POST', `${base}/reservations:batch/`],
    ['POST', `${base}/grants:batch`],
    ['POST', `${base}/:batch`],
  ]
  for (const [method, path] of strange) {
    const options = method === 'GET' ? {} : { body: { credits: 1 } }
    const { status, body } = await call(method, path, options)
    expect([path, status, body.code]).toEqual([path, 404, 'not_found'])
  }
  expect(await stored(account.id)).toBe(before)
})

test('a path that leads to another method is a 405 that names the allowed ones, and never runs the other', async () => {
  const account = await newAccount(10)
  await account.reserve(':batch', { credits: 1 })
  const before = await stored(account.id)
  for (const [method, path, allowed] of [
    ['POST', '/reservations/:batch', 'PUT, GET'],
    ['PUT', '/reservations:batch', 'POST'],
    ['GET', '/reservations/:batch/settle', 'POST'],
    ['PATCH', '/reservations/:batch', 'PUT, GET'],
    ['OPTIONS', '/balance', 'GET'],
  ] as const) {
    const { status, headers } = await call(method, `/v1/accounts/${account.id}${path}`)
    expect([path, status, headers.get('Allow')]).toEqual([path, 405, allowed])
  }
  expect(await stored(account.id)).toBe(before)
})

test('dots that a URL resolves lead where the URL says and nowhere else', async () => {
  const account = await newAccount(10)
  const { body } = await call('GET', `/v1/accounts/someone/../${account.id}/./balance`)
  expect(body.available).toBe(10)
})

test('an id may look like a word of ours and is still only an id', async () => {
  const account = await newAccount(10)
  for (const id of [
    'batch',
    ':batch',
    'reservations:batch',
    'settle',
    'constructor',
    '__proto__',
    'trial',
    '~',
    '@',
    '...',
  ]) {
    const { status, body } = await account.reserve(id, { credits: 0.5 })
    expect([id, status, body.reservation?.id]).toEqual([id, 201, id])
    expect((await account.settle(id, 0.25)).body.reservation).toMatchObject({ id, state: 'settled' })
    expect((await account.get(`/reservations/${id}`)).body.id).toBe(id)
  }
  expect((await account.audit()).ok).toBe(true)
})

test('an id that no URL can carry cannot be made in a batch either', async () => {
  const account = await newAccount(10)
  const before = await stored(account.id)
  const ids = ['.', '..', '', 'a/b', 'a\0', 'аcme', LONG, null, 5, ['a'], { id: 'a' }]
  const commands = ids.map((id) => ({ op: 'reserve', id, credits: 1 }))
  const { body } = await account.post('/reservations:batch', { commands })
  for (const [index, id] of ids.entries()) {
    expect([id, body.results[index].status]).toEqual([id, 400])
    expect(body.results[index].problem.errors[0].path).toBe('id')
  }
  expect(await stored(account.id)).toBe(before)
})

test('an id in a body is held to the same pattern as one in a path', async () => {
  const account = await newAccount(10)
  const before = await stored(account.id)
  for (const field of ['supersedes', 'dedupe_key']) {
    for (const value of ['', '..', 'a/b', 'a b', 'a\0', 'ä', LONG, null, 5]) {
      const { status, body } = await account.reserve('rev_1', { credits: 1, [field]: value })
      expect([field, value, status, body.errors?.[0].path]).toEqual([field, value, 400, field])
    }
  }
  for (const value of ['a b', '../x', LONG]) {
    const minted = await account.post('/keys', { scope: 'read' }, { headers: { 'Idempotency-Key': value } })
    expect([minted.status, minted.body.errors?.[0].path]).toEqual([400, 'Idempotency-Key'])
    const listed = await account.get(`/entries?reservation=${encodeURIComponent(value)}`)
    expect([listed.status, listed.body.errors?.[0].path]).toEqual([400, 'reservation'])
  }
  expect(await stored(account.id)).toBe(before)
})

test('nobody takes the id of a grant that only we make', async () => {
  const account = await newAccount(10)
  const before = await stored(account.id)
  for (const id of ['trial', 'trial-2', 'trial:', 'purchase:pi_1', 'purchase:', 'top_up:1', 'top_up:']) {
    for (const credits of [5, -5]) {
      const { status, body } = await account.grant(id, credits, { kind: 'adjustment' })
      expect([id, status, body.errors?.[0].path]).toEqual([id, 400, 'id'])
    }
  }
  expect(await stored(account.id)).toBe(before)
  for (const id of ['purchase', 'top_up', 'Trial', 'my-trial', 'my-purchase:1']) {
    expect([id, (await account.grant(id, 1)).status]).toEqual([id, 201])
  }
})

test('whatever is asked of an unknown account, it is a 404 and stores nothing', async () => {
  for (const endpoint of withAccount) {
    if (endpoint.name === 'openAccount') continue
    const unknown = `unknown-${freshId()}`
    const { status, body } = await attempt(endpoint, unknown)
    expect([endpoint.name, status, body.detail]).toEqual([endpoint.name, 404, 'There is no such account.'])
    expect([endpoint.name, await countOfTables(unknown)]).toEqual([endpoint.name, 0])
  }
})

test('an account that is opened with a body that is not valid stores nothing', async () => {
  for (const body of [{ trial: { credits: -1, days: 14 } }, { region: 'moon' }, { allow_debt: 'yes' }, { nme: 'x' }]) {
    const unknown = `unknown-${freshId()}`
    expect((await call('PUT', `/v1/accounts/${unknown}`, { body })).status).toBe(400)
    expect(await countOfTables(unknown)).toBe(0)
  }
})

test('a cursor is a position and never a way to another account', async () => {
  const [mine, theirs] = [await newAccount(10), await newAccount(10)]
  for (const id of ['a', 'b', 'c']) await theirs.reserve(id, { credits: 1 })
  const { next_cursor: cursor } = (await theirs.get('/reservations?limit=1')).body
  const { body } = await mine.get(`/reservations?cursor=${cursor}`)
  expect(body.data).toEqual([])
})

test('a cursor that is not ours is refused and names the field', async () => {
  const account = await newAccount(10)
  const written = (value: string) => btoa(value).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  const strange = [
    '',
    '!',
    'null',
    '%00',
    written('-1'),
    written('1.5'),
    written('"1"'),
    written('[1]'),
    written('1e400'),
  ]
  const cursors = [...strange, written(`${'['.repeat(500)}${']'.repeat(500)}`).slice(0, 1_024), LONG]
  for (const endpoint of endpoints) {
    if (!endpoint.operation.parameters.some(({ name }) => name === 'cursor')) continue
    for (const cursor of cursors) {
      const { status, body } = await call(endpoint.method, `${pathOf(endpoint, account.id)}?cursor=${cursor}`)
      expect([endpoint.name, cursor, status, body.errors?.[0].path]).toEqual([endpoint.name, cursor, 400, 'cursor'])
    }
  }
})

test('every operation has its example', () => {
  for (const endpoint of endpoints) expect(exampleOf(endpoint).status).toBeLessThan(400)
})
