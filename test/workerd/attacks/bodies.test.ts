import { describe, expect, test } from 'vitest'
import type { JsonSchema } from '../../../src/http/openapi.ts'
import { type Body, call, newAccount } from '../api.ts'
import { document, type Endpoint, exampleOf, freshId, pathOf, withBody } from './operations.ts'
import { send, streamOf } from './raw.ts'
import { countOfTables, stored } from './stored.ts'

const KIB = 1024
const STRANGE_FIELDS = ['bogus', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '', 'Credits']

/** All that is refused here is refused by this account, and it stays as it is. */
const account = await newAccount(100)
await account.reserve('held', { credits: 10 })
await account.grant('given', 1)
const untouched = await stored(account.id)

/** The batch holds the commands of others, each validated by itself: it has tests of its own. */
const single = withBody.filter((endpoint) => endpoint.name !== 'batch')

describe.each(single)('$name', (endpoint) => {
  const path = pathOf(endpoint, endpoint.name === 'openAccount' ? 'never-opened' : account.id, 'held')
  const refuse = async (text: string, at: string) => {
    const { status, body } = await call(endpoint.method, path, { body: text })
    expect([text, status, body.code]).toEqual([text, 400, 'invalid_request'])
    expect(paths(body), text).toContain(at)
  }

  test('refuses a field that it does not know, wherever it stands, and names it', async () => {
    for (const name of STRANGE_FIELDS) {
      await refuse(withField(exampleOf(endpoint).body, name, 1), name)
      await refuse(withField(exampleOf(endpoint).body, name, { __proto__: null, credits: 1 }), name)
    }
    for (const { field, schema, value } of objectsIn(bodySchema(endpoint))) {
      if (schema['additionalProperties'] !== false) continue
      for (const name of STRANGE_FIELDS) {
        await refuse(withField(exampleOf(endpoint).body, field, value, name), `${field}.${name}`)
      }
    }
    await nothingIsStored()
  })

  test('refuses a value of another type in each of its fields and names the field', async () => {
    for (const [field, schema] of fieldsOf(bodySchema(endpoint))) {
      for (const value of [null, true, 'no such text', 7.5, [], [[]], {}, { credits: 1 }]) {
        if (typesOf(schema).has(typeOf(value))) continue
        await refuse(withField(exampleOf(endpoint).body, field, value), field)
      }
    }
    for (const body of ['null', 'true', '7', '"text"', '[]', '[{}]']) await refuse(body, '')
    await nothingIsStored()
  })

  test('refuses a number that is not exact, not finite or out of range, and names the field', async () => {
    for (const [field, schema] of fieldsOf(bodySchema(endpoint))) {
      if (!typesOf(schema).has('number') && !typesOf(schema).has('integer')) continue
      for (const text of ['1e308', '-1e308', '1e400', '9007199254740993', '0.0001', '1.0005', '"1"', '-0.5', '1e-7']) {
        await refuse(withRaw(exampleOf(endpoint).body, field, text), field)
      }
      for (const text of ['NaN', 'Infinity', '-Infinity', '01', '1.', '.5', '+1', '0x10', '1_000', '1n', 'undefined']) {
        await refuse(withRaw(exampleOf(endpoint).body, field, text), '')
      }
    }
    await nothingIsStored()
  })

  test('refuses text that is longer than allowed or no Unicode, and names the field', async () => {
    for (const [field, schema] of fieldsOf(bodySchema(endpoint))) {
      const { maxLength } = schema as { maxLength?: number }
      if (maxLength === undefined) continue
      await refuse(withField(exampleOf(endpoint).body, field, 'a'.repeat(maxLength + 1)), field)
      await refuse(withField(exampleOf(endpoint).body, field, 'half a pair: \ud83d'), field)
    }
    await nothingIsStored()
  })

  test('refuses what is not JSON', async () => {
    const strange = ['{', '}', '{"credits":1', "{'credits':1}", '{"credits":1,}', '{credits:1}', '// {}', 'undefined']
    for (const text of [...strange, ' ', '{}{}', '\u0000{}', '{"a":"\u0001"}', '{"a":"\\x41"}']) await refuse(text, '')
    await nothingIsStored()
  })

  test('takes only JSON for JSON', async () => {
    const body = JSON.stringify(exampleOf(endpoint).body)
    const types = [
      'text/plain',
      'text/json',
      'application/jsonp',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
    ]
    for (const type of [null, '', 'json', ...types, 'application/merge-patch+json']) {
      const answer = await send(endpoint.method, path, { body, type })
      expect([type, answer.status, answer.body.code]).toEqual([type, 415, 'unsupported_media_type'])
    }
    await nothingIsStored()
  })

  test('refuses a body above 64 KiB, whatever length it declares', async () => {
    const text = padded(exampleOf(endpoint).body, 64 * KIB + 1)
    for (const lie of [undefined, '5', '65536', String(text.length)]) {
      const headers = lie === undefined ? {} : { 'Content-Length': lie }
      for (const body of [text, streamOf(text), streamOf(text, 1_000_000)]) {
        const answer = await send(endpoint.method, path, { body, headers })
        expect([lie, answer.status, answer.body.code]).toEqual([lie, 413, 'payload_too_large'])
      }
    }
    await nothingIsStored()
  })

  test('survives nesting as deep as a body is long', async () => {
    const deep = `${'['.repeat(32_000)}${']'.repeat(32_000)}`
    await refuse('['.repeat(64 * KIB), '')
    await refuse('{"a":'.repeat(10_000), '')
    await refuse(deep, '')
    await refuse(withRaw(exampleOf(endpoint).body, 'bogus', deep), 'bogus')
    for (const [field] of fieldsOf(bodySchema(endpoint))) {
      if (field.includes('.')) continue
      const { status, body } = await call(endpoint.method, path, {
        body: withRaw(exampleOf(endpoint).body, field, deep),
      })
      expect([field, status]).toEqual([field, 400])
      expect(paths(body).some((each) => each === field || each.startsWith(`${field}.`))).toBe(true)
    }
    await nothingIsStored()
  })
})

test('a body of exactly 64 KiB is served, with its length declared or not', async () => {
  const text = padded({ credits: 1 }, 64 * KIB)
  for (const body of [text, streamOf(text)]) {
    const answer = await send('PUT', `/v1/accounts/${(await newAccount(5)).id}/reservations/rev_1`, { body })
    expect(answer.status).toBe(201)
  }
})

test('no body at all is an empty one: enough where nothing is required, and else the field is named', async () => {
  const mine = await newAccount(5)
  await mine.reserve('rev_1', { credits: 1 })
  const base = `/v1/accounts/${mine.id}/reservations/rev_1`
  expect((await send('PUT', `${base}-other`, { type: null })).body.errors[0].path).toBe('credits')
  expect((await send('POST', `${base}/settle`, { type: null })).status).toBe(400)
  expect((await send('POST', `${base}/release`, { type: null })).status).toBe(200)
})

test('a type may have parameters and any case, and a body may begin with a byte order mark', async () => {
  const mine = await newAccount(5)
  const types = ['application/json; charset=utf-8', 'Application/JSON', 'application/json ;v=1']
  for (const [index, type] of types.entries()) {
    const path = `/v1/accounts/${mine.id}/reservations/rev_${index}`
    expect((await send('PUT', path, { body: '\ufeff{"credits":1}', type })).status).toBe(201)
  }
})

test('bytes that are no UTF-8 are not JSON', async () => {
  const bytes = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]]
  const [before, after] = [new TextEncoder().encode('{"reason":"'), new TextEncoder().encode('"}')]
  for (const each of bytes) {
    const body = new Uint8Array([...before, ...each, ...after])
    const answer = await send('POST', `/v1/accounts/${account.id}/reservations/held/release`, { body })
    expect([answer.status, paths(answer.body)]).toEqual([400, ['']])
  }
  const utf16 = new Uint8Array([0xfe, 0xff, 0x00, 0x7b, 0x00, 0x7d])
  expect((await send('POST', `/v1/accounts/${account.id}/reservations/held/release`, { body: utf16 })).status).toBe(400)
  await nothingIsStored()
})

test('minus zero is zero', async () => {
  const mine = await newAccount(5)
  for (const text of ['{"credits":-0}', '{"credits":-0.0}', '{"credits":-0e5}', '{"credits":0}']) {
    const id = freshId()
    await mine.reserve(id, { credits: 1 })
    const settled = await call('POST', `/v1/accounts/${mine.id}/reservations/${id}/settle`, { body: text })
    expect(settled.body.reservation).toMatchObject({ state: 'settled', charged: 0, cost_usd: '0', returned: 1 })
    expect(Object.is(settled.body.reservation.charged, 0)).toBe(true)
    const again = await mine.settle(id, 0)
    expect(again.headers.get('Idempotent-Replayed')).toBe('true')
  }
  const reserved = await call('PUT', `/v1/accounts/${mine.id}/reservations/zero`, { body: '{"credits":-0}' })
  expect([reserved.status, paths(reserved.body)]).toEqual([400, ['credits']])
  const granted = await call('PUT', `/v1/accounts/${mine.id}/grants/zero`, {
    body: '{"kind":"adjustment","credits":-0,"reason":"x"}',
  })
  expect([granted.status, paths(granted.body)]).toEqual([400, ['credits']])
})

test('of a field that is there twice, the last one counts, as JSON.parse has it', async () => {
  const mine = await newAccount(100)
  const body = '{"credits":"x","credits":50,"metadata":{"a":"1"},"credits":7,"metadata":{"a":"1","a":"2"}}'
  const reserved = await call('PUT', `/v1/accounts/${mine.id}/reservations/rev_1`, { body })
  expect(reserved.body.reservation).toMatchObject({ credits: 7, metadata: { a: '2' } })
  expect((await mine.reserve('rev_1', { credits: 7, metadata: { a: '2' } })).status).toBe(200)
})

test('a __proto__ anywhere in metadata is refused, plain or escaped, and changes nothing that others see', async () => {
  const path = `/v1/accounts/${account.id}/reservations/${freshId()}`
  for (const name of ['__proto__', '\\u005f_proto__', '__pr\\u006Fto__']) {
    for (const value of ['"x"', '{"repository":"x"}', 'null']) {
      const { status, body } = await call('PUT', path, { body: `{"credits":1,"metadata":{"${name}":${value}}}` })
      expect([name, status, paths(body)]).toEqual([name, 400, ['metadata.__proto__']])
    }
  }
  expect(({} as Record<string, unknown>)['repository']).toBeUndefined()
  await nothingIsStored()
})

test('names that objects are born with are metadata like any other', async () => {
  const mine = await newAccount(5)
  const metadata = { constructor: 'a', toString: 'b', hasOwnProperty: 'c', valueOf: 'd', length: 'e', toJSON: 'f' }
  const reserved = await mine.reserve('rev_1', { credits: 1, metadata })
  expect(reserved.body.reservation.metadata).toEqual(metadata)
  expect((await mine.reserve('rev_1', { credits: 1, metadata })).headers.get('Idempotent-Replayed')).toBe('true')
  const other = await mine.reserve('rev_1', { credits: 1, metadata: { ...metadata, constructor: 'z' } })
  expect(other.body).toMatchObject({ code: 'conflict', field: 'metadata' })
})

test('metadata has at most 16 pairs, keys of 40 and values of 500 characters', async () => {
  const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
  const exceeding: readonly (readonly [unknown, string, number])[] = [
    [pairs(17), 'metadata', 16],
    [pairs(1_000), 'metadata', 16],
    [{ ['k'.repeat(41)]: 'v' }, `metadata.${'k'.repeat(41)}`, 40],
    [{ k: 'v'.repeat(501) }, 'metadata.k', 500],
  ]
  for (const [metadata, limit, maximum] of exceeding) {
    const { body } = await account.reserve('not-made', { credits: 1, metadata })
    expect(body).toMatchObject({ code: 'limit_exceeded', limit, maximum })
  }
  const refused: readonly (readonly [unknown, string])[] = [
    [{ '': 'v' }, 'metadata.'],
    [{ k: 1 }, 'metadata.k'],
    [{ k: null }, 'metadata.k'],
    [{ k: { k: 'v' } }, 'metadata.k'],
    [{ k: 'half: \udc00' }, 'metadata.k'],
    [{ '\ud800': 'v' }, 'metadata.\ud800'],
    [['v'], 'metadata'],
  ]
  for (const [metadata, path] of refused) {
    const { status, body } = await account.reserve('not-made', { credits: 1, metadata })
    expect([path, status]).toEqual([path, 400])
    expect(paths(body)).toContain(path)
  }
  await nothingIsStored()
  const most = { ...pairs(15), ['k'.repeat(40)]: 'v'.repeat(500) }
  expect((await (await newAccount(5)).reserve('rev_1', { credits: 1, metadata: most })).status).toBe(201)
})

test('text of any language and with a NUL is the same text when the request is repeated', async () => {
  const mine = await newAccount(5)
  for (const text of ['日本語 💸', 'a\0b', '\u202eright to left', '\ufeffmark', "'; DROP TABLE grants; --"]) {
    const id = freshId()
    expect((await mine.grant(id, 1, { reason: text })).body.grant.reason).toBe(text)
    expect((await mine.grant(id, 1, { reason: text })).headers.get('Idempotent-Replayed')).toBe('true')
  }
})

describe('a batch', () => {
  const path = `/v1/accounts/${account.id}/reservations:batch`
  const commands = ['reserve', 'settle', 'release', 'extend'].map((op) => {
    return { ...bodyOf(op), op, id: 'held-too' }
  })

  test('refuses a wrong command in its place, names the field there, and does the others', async () => {
    const mine = await newAccount(5)
    for (const command of commands) {
      for (const name of ['bogus', 'constructor', 'wait_seconds']) {
        const good = { op: 'reserve', id: freshId(), credits: 0.001 }
        const { body } = await mine.post('/reservations:batch', { commands: [{ ...command, [name]: 1 }, good] })
        expect([command.op, body.results[0].status, body.results[1].status]).toEqual([command.op, 400, 201])
        expect(paths(body.results[0].problem)).toContain(name)
      }
    }
  })

  test('refuses a value of another type in each field of each command', async () => {
    for (const command of commands) {
      const endpoint = single.find((each) => each.name === command.op)
      if (endpoint === undefined) throw new Error(`there is no ${command.op}`)
      for (const [field, schema] of fieldsOf(bodySchema(endpoint))) {
        const values = [null, true, 'no such text', 7.5, [[]], {}].filter(
          (value) => !typesOf(schema).has(typeOf(value)),
        )
        const wrong = values.map((value) => JSON.parse(withField(command, field, value)))
        const { status, body } = await call('POST', path, { body: { commands: wrong } })
        expect(status).toBe(200)
        for (const result of body.results) {
          expect([field, result.status]).toEqual([field, 400])
          expect(paths(result.problem)).toContain(field)
        }
      }
    }
    await nothingIsStored()
  })

  test('refuses what is no list of 1 to 1,000 commands', async () => {
    const one = { op: 'release', id: 'unknown' }
    const wrong: readonly (readonly [unknown, string])[] = [
      [{}, 'commands'],
      [{ commands: [] }, 'commands'],
      [{ commands: {} }, 'commands'],
      [{ commands: { length: 1, 0: one } }, 'commands'],
      [{ commands: [one], bogus: 1 }, 'bogus'],
    ]
    const tooMany = await call('POST', path, { body: { commands: Array.from({ length: 1_001 }, () => one) } })
    expect(tooMany.body).toMatchObject({ code: 'limit_exceeded', limit: 'commands', maximum: 1_000 })
    for (const [body, at] of wrong) {
      const answer = await call('POST', path, { body })
      expect([at, answer.status]).toEqual([at, 400])
      expect(paths(answer.body)).toContain(at)
    }
    const proto = await call('POST', path, { body: '{"commands":[{"op":"release","id":"held","__proto__":{"a":1}}]}' })
    expect([proto.status, paths(proto.body)]).toEqual([400, ['commands.0.__proto__']])
    await nothingIsStored()
  })

  test('may have 1 MiB and no more, and survives nesting as deep as that', async () => {
    const body = { commands: [{ op: 'release', id: 'unknown' }] }
    expect((await send('POST', path, { body: padded(body, KIB * KIB) })).status).toBe(200)
    for (const text of [padded(body, KIB * KIB + 1), padded(body, 2 * KIB * KIB)]) {
      for (const sent of [text, streamOf(text)]) {
        expect((await send('POST', path, { body: sent })).body.code).toBe('payload_too_large')
      }
    }
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`
    expect((await send('POST', path, { body: '{"a":'.repeat(200_000) })).body.code).toBe('invalid_request')
    for (const text of [`{"commands":${deep}}`, `{"commands":[${deep}]}`]) {
      expect((await send('POST', path, { body: text })).body.results[0].problem.code).toBe('invalid_request')
    }
    const nested = await send('POST', path, { body: `{"commands":[{"op":"release","id":"held","bogus":${deep}}]}` })
    expect(paths(nested.body.results[0].problem)).toEqual(['bogus'])
    await nothingIsStored()
  })
})

function bodyOf(operation: string): Readonly<Record<string, unknown>> {
  const endpoint = single.find((each) => each.name === operation)
  return endpoint === undefined ? {} : (exampleOf(endpoint).body ?? {})
}

async function nothingIsStored(): Promise<void> {
  expect(await stored(account.id)).toBe(untouched)
  expect(await countOfTables('never-opened')).toBe(0)
}

function paths(problem: Body): string[] {
  return problem.errors.map((error: { path: string }) => error.path)
}

function bodySchema({ operation }: Endpoint): JsonSchema {
  return resolve(operation.requestBody?.content['application/json']?.schema ?? {})
}

function resolve(schema: JsonSchema): JsonSchema {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema['$ref']))?.[1]
  return name === undefined ? schema : (document.components.schemas[name] ?? {})
}

/** Fields with their schemas, those inside of objects under their whole path. */
function fieldsOf(schema: JsonSchema, prefix = ''): (readonly [string, JsonSchema])[] {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  return properties.flatMap(([name, property]) => {
    const inner = alternatives(property).flatMap((each) => fieldsOf(each, `${prefix}${name}.`))
    return [[`${prefix}${name}`, resolve(property)] as const, ...inner]
  })
}

/** Objects inside a body, with a value of each in which all required fields are right. */
function objectsIn(schema: JsonSchema) {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  return properties.flatMap(([field, property]) =>
    alternatives(property)
      .filter((each) => each['type'] === 'object')
      .map((each) => {
        const required = (each['required'] ?? []) as readonly string[]
        return { field, schema: each, value: Object.fromEntries(required.map((name) => [name, 1])) }
      }),
  )
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const resolved = resolve(schema)
  const of = (resolved['anyOf'] ?? resolved['oneOf']) as readonly JsonSchema[] | undefined
  return of === undefined ? [resolved] : of.flatMap(alternatives)
}

/** The JSON types that a schema lets through; text that must be one of some or in a format is no text like any other. */
function typesOf(schema: JsonSchema): ReadonlySet<string> {
  const types = alternatives(schema).flatMap((each) => {
    if (each['enum'] !== undefined || each['pattern'] !== undefined || each['format'] !== undefined) {
      return each['type'] === 'string' ? [] : [String(each['type'])]
    }
    return [String(each['type'])]
  })
  return new Set(types)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** The body as JSON with one more field, at a path; `__proto__` as a field like any other. */
function withField(body: object | undefined, path: string, value: unknown, inner?: string): string {
  const whole = inner === undefined ? value : { ...(value as object), ...own(inner, 1) }
  return withRaw(body, path, JSON.stringify(whole))
}

function withRaw(body: object | undefined, path: string, raw: string): string {
  const [first = '', ...rest] = path.split('.')
  const inner = rest.length === 0 ? raw : withRaw({}, rest.join('.'), raw)
  const others = Object.entries(body ?? {}).filter(([name]) => name !== first)
  const fields = others.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  return `{${[...fields, `${JSON.stringify(first)}:${inner}`].join(',')}}`
}

function own(name: string, value: unknown): object {
  return Object.fromEntries([[name, value]])
}

/** The body as JSON of exactly so many bytes. */
function padded(body: object | undefined, bytes: number): string {
  const text = JSON.stringify(body ?? {})
  return text + ' '.repeat(bytes - text.length)
}
