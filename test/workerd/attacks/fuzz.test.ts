/**
 * Requests made at random from the published schemas, most of them valid in most fields, in no order and as time passes.
 * Whatever they are, the answer is a listed one (the helper checks that), the Worker does not fail, and every account
 * adds up in the end. A failure shows the seed and the shortest list of requests that leads to it.
 */
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import type { JsonSchema } from '../../../src/http/openapi.ts'
import { WEBHOOK_EVENTS } from '../../../src/stripe/webhook.ts'
import { accountApi, type Body, call, OPERATOR, RUNNER } from '../api.ts'
import { control, payWith, resetDouble } from '../payments/stripe.ts'
import { document, type Endpoint, endpoints, exampleOf, linkOf, OWN_KEY, signedHeaders } from './operations.ts'

const SEEDS = [1, 20_261_122, 123_456_789, 987_654_321]
const REQUESTS_PER_OPERATION = 100
const ACCOUNTS_PER_SEED = 3
const IDS = ['a', 'b', 'c', 'd', 'e', 'f:1', 'g@x', '~h', ...Array.from({ length: 12 }, (_, index) => `rev_${index}`)]

interface Request {
  readonly operation: string
  readonly method: string
  /** As documented. */
  readonly path: string
  readonly account: string
  readonly id: string
  /** Whether it is about the newest thing of its kind, whatever its account and id. */
  readonly aboutNewest: boolean
  readonly query: string
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  readonly key: string
  /** How much later than the request before it this one comes. */
  readonly pauseMs: number
}

afterEach(() => {
  vi.useRealTimers()
})

test.each(SEEDS)('with seed %i, no request makes the Worker fail or an account wrong', async (seed) => {
  const accounts = Array.from({ length: ACCOUNTS_PER_SEED }, (_, index) => `fuzz-${seed}-${index}`)
  const newest = new Map<string, readonly [account: string, id: string]>()
  let now = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now })
  await resetDouble()
  for (const account of accounts.slice(1)) await fund(account)
  const numRuns = Math.ceil((REQUESTS_PER_OPERATION * endpoints.length) / SEEDS.length)
  await fc.assert(
    fc.asyncProperty(anyRequest(accounts), async (request) => {
      now += request.pauseMs
      vi.setSystemTime(now)
      await control('/clock', { advanceMs: request.pauseMs })
      const { operation, method, body, key } = request
      const kind = kindOf(request.path)
      const [account, id] = (request.aboutNewest ? newest.get(kind) : undefined) ?? [request.account, request.id]
      const isOfNewest = request.aboutNewest && operation === 'readByokKey'
      const query = isOfNewest ? toQuery([['reservation', id]]) : request.query
      const path = request.path
        .replace('{account}', account)
        .replace('{link}', await linkOf(account))
        .replace('{id}', encodeURIComponent(id))
      const headers = { ...(await signedHeaders(operation, body)), ...request.headers }
      const answer = await call(method, path + query, { key, headers, ...(body === undefined ? {} : { body }) })
      expect(answer.status).toBeLessThan(500)
      if (answer.status === 201) newest.set(kind, [account, answer.body.purchase?.id ?? answer.body.id ?? id])
      if (operation === 'checkout' && answer.status === 201) await pay(account, answer.body)
      count(`${operation} ${answer.status < 400 ? 'served' : 'refused'}`)
    }),
    { seed, numRuns, endOnFailure: true },
  )
  for (const account of accounts) {
    const audited = await call('GET', `/v1/accounts/${account}/audit`)
    if (audited.status !== 404) expect(audited.body).toMatchObject({ ok: true, differences: [] })
  }
})

test('of the requests above, some of every operation were served and some refused', () => {
  for (const { name, operation } of endpoints) {
    expect(seen.get(`${name} served`) ?? 0, name).toBeGreaterThan(0)
    if (operation.requestBody !== undefined) expect(seen.get(`${name} refused`) ?? 0, name).toBeGreaterThan(0)
  }
})

/** What is bought and where to pay for it are about purchases like what follows; a key is read for a reservation. */
function kindOf(path: string): string {
  if (path.startsWith('/pay/')) return 'purchases'
  if (path.endsWith('/byok/key')) return 'reservations'
  const kind = /\{account\}\/(\w+)/.exec(path)?.[1] ?? ''
  return kind === 'checkout' ? 'purchases' : kind
}

let bought = 0

/** Every other customer pays, and so there is something to refund. */
async function pay(account: string, { purchase, url }: Body): Promise<void> {
  bought += 1
  if (bought % 2 === 0) return
  await payWith('pm_card_visa', url)
  await accountApi(account).post(`/purchases/${purchase.id}/sync`, {})
}

/** A fuzzer whose every request is refused at the door shows nothing. */
const seen = new Map<string, number>()

function count(kind: string): void {
  seen.set(kind, (seen.get(kind) ?? 0) + 1)
}

async function fund(id: string): Promise<void> {
  const account = accountApi(id)
  await account.open({ trial: { credits: 50, days: 1 }, allow_debt: id.endsWith('2') })
  await account.grant('a', 10_000)
  await account.reserve('a', { credits: 10 })
}

function anyRequest(accounts: readonly string[]): fc.Arbitrary<Request> {
  return fc.oneof(
    ...endpoints.map((endpoint) => {
      // What names a thing needs that there is one; what is public has little to get wrong.
      const weight = endpoint.operation['x-scopes'] === 'public' ? 1 : endpoint.path.includes('{id}') ? 8 : 4
      return { weight, arbitrary: requestsOf(endpoint, accounts) }
    }),
  )
}

function requestsOf(endpoint: Endpoint, accounts: readonly string[]): fc.Arbitrary<Request> {
  const { name, method, path, operation } = endpoint
  const queries = operation.parameters.filter((parameter) => parameter.in === 'query')
  const query = fc.tuple(...queries.map((each) => sometimes(each.name, queryValuesOf(each.name, each.schema))))
  return fc.record({
    operation: fc.constant(name),
    method: fc.constant(method),
    path: fc.constant(path),
    account: usually(fc.constantFrom(...accounts), fc.constantFrom('missing', 'A', '..%2f', '%00')),
    id: anyId(),
    aboutNewest: method === 'PUT' ? fc.constant(false) : fc.boolean(),
    query: query.map((pairs) => toQuery(pairs.flat())),
    body: bodiesOf(endpoint),
    headers: usually(fc.constant(exampleOf(endpoint).headers ?? {}), anyHeaders()),
    key: usually(fc.constant(OPERATOR), fc.constantFrom(RUNNER, 'no-key-of-ours')),
    pauseMs: fc.oneof(
      { weight: 80, arbitrary: fc.integer({ min: 0, max: 500 }) },
      fc.constantFrom(61_000, 3_600_000, 7 * 86_400_000),
    ),
  })
}

function bodiesOf(endpoint: Endpoint): fc.Arbitrary<unknown> {
  const schema = endpoint.operation.requestBody?.content['application/json']?.schema
  if (schema === undefined) return eventsOf(endpoint)
  const { body = {} } = exampleOf(endpoint)
  const fromSchema = endpoint.name === 'batch' ? anyBatch() : valuesOf(schema)
  // A change of a request that is valid gets further than one that is random in all of its fields.
  const changed = fc.tuple(fromSchema, fc.nat()).map(([value, which]) => {
    const fields = Object.entries(typeof value === 'object' && value !== null ? value : {})
    const field = fields[which % Math.max(1, fields.length)]
    return field === undefined ? body : { ...body, [field[0]]: field[1] }
  })
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(body) },
    { weight: 8, arbitrary: changed },
    { weight: 4, arbitrary: fromSchema },
    { weight: 1, arbitrary: fc.jsonValue() },
    { weight: 1, arbitrary: fc.string() },
  )
}

/** Stripe's events have no schema of ours. Rightly signed, whatever they are. */
function eventsOf(endpoint: Endpoint): fc.Arbitrary<unknown> {
  if (endpoint.name !== 'receiveStripeEvent') return fc.constant(undefined)
  const { body = {} } = exampleOf(endpoint)
  const kinds = fc.constantFrom(...WEBHOOK_EVENTS, 'charge.updated', '')
  const metadata = usually(fc.record({ account: anyId(), purchase: anyId() }), junk())
  const about = fc.record({ id: anyId(), customer: anyId(), payment_intent: anyId(), metadata }, { requiredKeys: [] })
  const event = fc.record({ type: kinds, data: fc.record({ object: about }) }).map((named) => ({ ...body, ...named }))
  return usually(fc.oneof(fc.constant(body), event), junk())
}

function anyBatch(): fc.Arbitrary<unknown> {
  const commands = ['reserve', 'settle', 'release', 'extend'].map((op) => {
    const endpoint = endpoints.find((each) => each.name === op)
    const schema = endpoint?.operation.requestBody?.content['application/json']?.schema ?? {}
    const example = endpoint === undefined ? {} : exampleOf(endpoint).body
    return fc
      .tuple(usually(fc.constant(op), junk()), anyId(), usually(fc.constant(example), valuesOf(schema)))
      .map(([commandOp, id, body]) => ({ ...(typeof body === 'object' ? body : {}), op: commandOp, id }))
  })
  return fc.record({ commands: fc.array(usually(fc.oneof(...commands), junk()), { maxLength: 12 }) })
}

/** Values of a schema, now and then of another, at its limits and near them. */
function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  return usually(validOf(resolve(schema)), junk())
}

function validOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { type, enum: choices, anyOf, oneOf, format, pattern } = schema
  const alternatives = (anyOf ?? oneOf) as readonly JsonSchema[] | undefined
  if (alternatives !== undefined) return fc.oneof(...alternatives.map(valuesOf))
  if (Array.isArray(choices)) return fc.constantFrom(...choices)
  switch (type) {
    case 'object':
      return objectsOf(schema)
    case 'array':
      return fc.array(valuesOf((schema['items'] ?? {}) as JsonSchema), { maxLength: 5 })
    case 'integer':
    case 'number':
      return numbersOf(schema)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'string':
      if (format === 'date-time') return anyTime()
      if (format === 'date') return anyTime().map((time) => time.slice(0, 10))
      if (format === 'email') return fc.constantFrom('a@example.com', 'b@example.org')
      if (String(pattern).startsWith('^sk-ant-')) return fc.constantFrom(OWN_KEY, `${OWN_KEY}-2`)
      if (pattern !== undefined) return anyId()
      return textsOf(schema)
    default:
      return junk()
  }
}

function objectsOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>
  const required = (schema['required'] ?? []) as string[]
  const fields = Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, fieldOf(name, each)]))
  const known = fc.record(fields, { requiredKeys: required.filter((name) => name in fields) })
  const { additionalProperties } = schema
  if (typeof additionalProperties !== 'object' || additionalProperties === null) return known
  const names = fc.oneof(
    fc.constantFrom('repository', 'pull_request', 'constructor', '__proto__'),
    fc.string({ maxLength: 45 }),
  )
  return fc.dictionary(names, valuesOf(additionalProperties as JsonSchema), { maxKeys: 18 })
}

function fieldOf(name: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  // A real wait would only make the run long.
  if (name === 'wait_seconds') return fc.constantFrom(0, -1, 31, 0.5, null)
  return valuesOf(schema)
}

function numbersOf({
  type,
  minimum = 0,
  maximum = 1e12,
}: {
  readonly type?: unknown
  minimum?: number
  maximum?: number
}) {
  const [low, high] = [Math.max(minimum, -1e12), Math.min(maximum, 1e12)]
  const step = type === 'integer' ? 1 : 0.001
  return fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: Math.ceil(low), max: Math.ceil(Math.min(high, low + 120)) }) },
    {
      weight: 4,
      arbitrary: fc
        .integer({ min: 1, max: 99_999 })
        .map((thousandths) => thousandths * step)
        .map(rounded),
    },
    { weight: 1, arbitrary: fc.constantFrom(low, high, low - step, high + step, high / 2) },
  )
}

/** To the third decimal, as amounts are written. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

function textsOf({ maxLength = 100 }: { readonly maxLength?: number }): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('0.5', '12.345678', 'acme/api', '118', 'text') },
    { weight: 4, arbitrary: fc.string({ maxLength, unit: 'binary' }) },
    { weight: 1, arbitrary: fc.constantFrom('', 'a'.repeat(maxLength), 'a'.repeat(maxLength + 1), '\0', '\ud800') },
  )
}

function anyId(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...IDS) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'trial',
        'trial-2',
        'purchase:x',
        'top_up:x',
        'constructor',
        'a'.repeat(129),
        'x y',
        'ä',
        '%',
      ),
    },
  )
}

/** Around now, or at the ends of what can be written. */
function anyTime(): fc.Arbitrary<string> {
  const around = fc
    .integer({ min: -1_000, max: 100_000 })
    .map((minutes) => new Date(Date.now() + minutes * 60_000).toISOString())
  const ends = [
    '0000-01-01T00:00:00Z',
    '1969-12-31T23:59:59.999999Z',
    '2100-01-01T00:00:00+23:59',
    '9999-12-31T23:59:59-23:59',
  ]
  return fc.oneof({ weight: 5, arbitrary: around }, fc.constantFrom(...ends))
}

function anyHeaders(): fc.Arbitrary<Record<string, string>> {
  return fc.record(
    {
      Accept: fc.constantFrom('text/csv', 'text/html', '*/*', ''),
      'Idempotency-Key': fc.oneof(fc.constantFrom(...IDS), fc.constantFrom('', 'a b', 'a'.repeat(129))),
      'If-None-Match': fc.constantFrom('*', 'W/"1"', '"2", W/"3"', 'nonsense'),
      'Content-Type': fc.constantFrom('application/json', 'text/plain', 'application/json; charset=utf-8'),
    },
    { requiredKeys: [] },
  )
}

function junk(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom<unknown>(
      null,
      '',
      '0',
      -1,
      0,
      1e15,
      1e308,
      2 ** 53,
      0.0001,
      [],
      {},
      [[]],
      true,
      'NaN',
      '__proto__',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )
}

function usually<T, U>(mostly: fc.Arbitrary<T>, rarely: fc.Arbitrary<U>): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 14, arbitrary: mostly }, { weight: 1, arbitrary: rarely })
}

function sometimes<T>(name: string, values: fc.Arbitrary<T>): fc.Arbitrary<[string, T][]> {
  const none: [string, T][] = []
  const one = values.map((value): [string, T][] => [[name, value]])
  return fc.oneof({ weight: 3, arbitrary: fc.constant(none) }, one)
}

function queryValuesOf(name: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  // Cursors are opaque; these are as ours are made.
  return name === 'cursor'
    ? usually(
        fc.integer({ min: 1, max: 99 }).map((seq) => btoa(`${seq}`)),
        junk(),
      )
    : valuesOf(schema)
}

function toQuery(pairs: readonly (readonly [string, unknown])[]): string {
  const written = pairs.map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `${encodeURIComponent(name)}=${encodeURIComponent(text.toWellFormed())}`
  })
  return written.length === 0 ? '' : `?${written.join('&')}`
}

function resolve(schema: JsonSchema): JsonSchema {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema['$ref']))?.[1]
  return name === undefined ? schema : (document.components.schemas[name] ?? {})
}
