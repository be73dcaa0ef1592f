import { listDurableObjectIds } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AccountApi, newAccount, OPERATOR, type Result, RUNNER } from '../api.ts'
import { ACCOUNT_SCOPES, type AccountScope, forgedKeys, mint } from './forge.ts'
import { attempt, type Endpoint, endpoints, exampleOf, freshId, withAccount } from './operations.ts'
import { stored } from './stored.ts'

const HOUR_MS = 60 * 60 * 1000

interface Attacker {
  readonly who: string
  readonly key: string | null
  /** `null` where the key is none of ours; otherwise what it may do. */
  readonly scope: 'operator' | AccountScope | null
  /** Whose key it is: of this account, of another, or (for a key that no longer holds) nobody's. */
  readonly of: 'all' | 'this' | 'other' | 'nobody'
}

/** Nothing ever falls due in this account, and no attack on it is to succeed. */
const target = await newAccount(1_000)
/** Here the keys are used that may. */
const open = await newAccount(100_000)
const other = await newAccount(1_000)
const attackers = await allAttackers()
const welcome = await keysOf(open)

afterEach(() => {
  vi.useRealTimers()
})

describe.each(endpoints)('$name', (endpoint) => {
  test('answers every key that may not call it with the status that its scopes say, and does nothing', async () => {
    const refused = attackers.filter((attacker) => expectedStatus(endpoint, attacker) >= 400)
    const before = await stored(target.id)
    // The keys that expire have by now; the others never do.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * HOUR_MS })
    const answers: Record<string, number> = {}
    for (const { who, key } of refused) answers[who] = (await attempt(endpoint, target.id, { key })).status
    expect(answers).toEqual(Object.fromEntries(refused.map((each) => [each.who, expectedStatus(endpoint, each)])))
    expect(await stored(target.id)).toBe(before)
  })

  test('serves every key that may call it', async () => {
    const { status, prepare } = exampleOf(endpoint)
    const allowed = welcome.filter((attacker) => expectedStatus(endpoint, attacker) < 400)
    expect(allowed.length).toBeGreaterThan(0)
    for (const { who, key } of allowed) {
      const id = (await prepare?.(open)) ?? 'some-id'
      const answer = await attempt(endpoint, open.id, { key, id })
      expect([who, answer.status, answer.body.code]).toEqual([who, status, undefined])
    }
  })
})

test('a key that is forged, or none, wakes no object', async () => {
  const unseen = `never-seen-${freshId()}`
  const real = (await mint(target, 'billing')).key
  const keys = [null, ...Object.values(await forgedKeys(unseen, real))]
  const before = await objects()
  for (const key of keys) {
    for (const endpoint of withAccount) expect((await attempt(endpoint, unseen, { key })).status).toBe(401)
  }
  expect(await objects()).toEqual(before)
})

test('another account cannot be told apart from one that does not exist, and is not even woken', async () => {
  const keys = await Promise.all(ACCOUNT_SCOPES.map((scope) => mint(other, scope)))
  const missing = `never-seen-${freshId()}`
  const before = await objects()
  for (const endpoint of withAccount) {
    for (const { key } of keys) {
      const existing = await attempt(endpoint, target.id, { key })
      expect(seen(existing)).toEqual(seen(await attempt(endpoint, missing, { key })))
      expect(existing.status).toBeGreaterThanOrEqual(403)
    }
  }
  expect(await objects()).toEqual(before)
})

test('a key of an account is no key of another whose id begins or ends like its own', async () => {
  const short = await newAccount(1)
  const { key } = await mint(short, 'billing')
  for (const id of [`${short.id}0`, short.id.slice(0, -1), short.id.slice(1), `${short.id}-`]) {
    expect((await target.get('/balance', { key })).status).toBe(404)
    expect((await attempt(balanceOf(), id, { key })).status).toBe(404)
  }
})

function expectedStatus(endpoint: Endpoint, { scope, of }: Attacker): number {
  const scopes = endpoint.operation['x-scopes']
  if (scopes === 'public') return exampleOf(endpoint).status
  if (scope === null) return 401
  if (!scopes.includes(scope)) return 403
  if (of === 'nobody') return 401
  return of === 'other' && endpoint.path.includes('{account}') ? 404 : exampleOf(endpoint).status
}

async function allAttackers(): Promise<readonly Attacker[]> {
  const real = (await mint(other, 'billing')).key
  const forged = Object.entries(await forgedKeys(target.id, real))
  return [
    { who: 'nobody', key: null, scope: null, of: 'nobody' },
    ...forged.map(([how, key]): Attacker => ({ who: `a key ${how}`, key, scope: null, of: 'nobody' })),
    ...(await keysOf(target)),
    ...(await keysOf(other)).map((each): Attacker => ({ ...each, who: `${each.who} of another`, of: 'other' })),
    ...(await Promise.all(ACCOUNT_SCOPES.map(revokedKey))),
    ...(await Promise.all(ACCOUNT_SCOPES.map(expiringKey))),
  ].filter(({ who }) => !/^(operator|runner service).* of another$/.test(who)) as readonly Attacker[]
}

/** One valid key of every scope. */
async function keysOf(account: AccountApi): Promise<readonly Attacker[]> {
  const own = ACCOUNT_SCOPES.map(async (scope): Promise<Attacker> => {
    return { who: `a ${scope} key`, key: (await mint(account, scope)).key, scope, of: 'this' }
  })
  return [
    { who: 'operator', key: OPERATOR, scope: 'operator', of: 'all' },
    { who: 'runner service', key: RUNNER, scope: 'runner', of: 'all' },
    ...(await Promise.all(own)),
  ]
}

async function revokedKey(scope: AccountScope): Promise<Attacker> {
  const { id, key } = await mint(target, scope)
  await target.del(`/keys/${id}`)
  return { who: `a revoked ${scope} key`, key, scope, of: 'nobody' }
}

async function expiringKey(scope: AccountScope): Promise<Attacker> {
  const { key } = await mint(target, scope, { expires_at: new Date(Date.now() + HOUR_MS).toISOString() })
  return { who: `an expired ${scope} key`, key, scope, of: 'nobody' }
}

function balanceOf(): Endpoint {
  const endpoint = endpoints.find((each) => each.name === 'getBalance')
  if (endpoint === undefined) throw new Error('there is no getBalance')
  return endpoint
}

/** All that a caller sees of an answer but the number of their own request. */
function seen({ status, headers, body }: Result) {
  return { status, body, headers: [...headers].filter(([name]) => name !== 'request-id') }
}

async function objects(): Promise<readonly string[]> {
  return (await listDurableObjectIds(env.ACCOUNT)).map(String).sort()
}
