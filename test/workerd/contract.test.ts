import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { Problem } from '../../src/http/answers.ts'
import { routes } from '../../src/http/routes.ts'
import { type Body, call, newAccount } from './api.ts'

const PUBLIC = { key: null }

/** Every `$ref` of a document, wherever it stands. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' ? [String(inner)] : references(inner)))
}

test('the OpenAPI document describes every route, and each of its references leads somewhere', async () => {
  const { body } = await call('GET', '/openapi.json', PUBLIC)
  expect(body.openapi).toBe('3.1.0')
  const operations = Object.values<Body>(body.paths).flatMap((path) => Object.values<Body>(path))
  expect(operations).toHaveLength(routes.length)
  expect(new Set(operations.map((each) => each.operationId)).size).toBe(routes.length)
  for (const reference of references(body)) {
    expect(reference).toMatch(/^#\/components\/schemas\//)
    expect(body.components.schemas).toHaveProperty([reference.split('/').at(-1) ?? ''])
  }
  expect(JSON.stringify(body)).not.toContain('$defs')
})

test('the document shows the limits that are checked', async () => {
  const { body } = await call('GET', '/openapi.json', PUBLIC)
  const { Reserve, Balance } = body.components.schemas
  expect(Reserve.additionalProperties).toBe(false)
  expect(Reserve.properties.ttl_seconds).toMatchObject({ type: 'integer', minimum: 60, maximum: 86_400 })
  expect(Reserve.properties.wait_seconds).toMatchObject({ minimum: 0, maximum: 30 })
  expect(Balance.required).toEqual(
    expect.arrayContaining(['available', 'reserved', 'total', 'debt', 'trial', 'version']),
  )
})

test('the page of the contract names every operation, links only within itself, and loads nothing from elsewhere', async () => {
  const page = await call('GET', '/docs', PUBLIC)
  const html = String(page.body)
  for (const route of routes) expect(html).toContain(`id="${route.operation}"`)
  expect(html).not.toMatch(/<script|https?:\/\//)
  for (const [, target = ''] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${target}"`)
  expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
  const sheet = await env.ASSETS.fetch('https://credits.test/static/docs.css')
  expect(sheet.headers.get('Content-Type')).toContain('text/css')
})

test('each problem links to where it is explained', async () => {
  const { body } = await call('GET', '/v1/accounts/acme/balance', PUBLIC)
  const [page, fragment = ''] = Problem.parse(body).type.split('#')
  expect(String((await call('GET', page ?? '', PUBLIC)).body)).toContain(`id="${fragment}"`)
})

test('an unknown route is a 404, another method on a known one a 405 that says what is allowed', async () => {
  expect((await call('GET', '/v2/accounts')).body.code).toBe('not_found')
  const refused = await call('PATCH', '/v1/accounts/acme/reservations/r1')
  expect(refused.body.code).toBe('method_not_allowed')
  expect(refused.headers.get('Allow')).toBe('PUT, GET')
})

test('a watchdog may ask as often as it likes whether the Worker answers', async () => {
  for (let count = 0; count < 130; count += 1)
    expect((await call('GET', '/health', { key: null, ip: '192.0.2.1' })).status).toBe(200)
})

test('tiers and packs are public, and larger packs are cheaper per credit', async () => {
  const tiers = (await call('GET', '/v1/tiers', PUBLIC)).body.data
  expect(tiers.map((each: Body) => [each.id, each.typical, each.low, each.high, each.ttl_seconds])).toEqual([
    ['quick_scan', 14, 10, 30, 300],
    ['code_review', 50, 30, 100, 900],
    ['deep_analysis', 200, 100, 400, 2700],
  ])
  const packs = (await call('GET', '/v1/packs', PUBLIC)).body.data
  expect(packs[0]).toEqual({ id: 'starter', name: 'Starter', credits: 500, price_cents: 500, discount_percent: 0 })
  expect(packs.at(-1)).toMatchObject({ credits: 100_000, price_cents: 80_000, discount_percent: 20 })
})

test('an estimate is what a reservation by the same facts holds', async () => {
  const account = await newAccount(1_000)
  const facts = {
    tier: 'deep_analysis',
    diff_lines: 420,
    files: 12,
    repository_complexity: 'high',
    specialists: ['security'],
  }
  const { body } = await account.post('/estimates', facts)
  expect(body.typical).toBeGreaterThanOrEqual(100)
  expect(body.low).toBeLessThanOrEqual(body.typical)
  expect(body.high).toBeLessThanOrEqual(400)
  expect((await call('POST', '/v1/estimates', { body: facts })).body).toEqual(body)
  expect((await account.reserve('a', facts)).body.reservation.credits).toBe(body.reserve)
})

test('an account is opened, described and changed; its region is not', async () => {
  const account = await newAccount(0, { name: 'Acme', email: 'ops@acme.example', region: 'weur' })
  const changed = await account.open({ name: null, allow_debt: true })
  expect(changed.body).toMatchObject({ name: null, email: 'ops@acme.example', region: 'weur', allow_debt: true })
  expect((await call('GET', `/v1/accounts/${account.id}`)).body).toEqual({
    ...changed.body,
    balance: expect.anything(),
  })
  const moved = await account.open({ region: 'apac' })
  expect(moved.body).toMatchObject({ code: 'conflict', field: 'region', account: { id: account.id, region: 'weur' } })
  const again = await account.open({ name: null, allow_debt: true })
  expect(again.headers.get('Idempotent-Replayed')).toBe('true')
})
