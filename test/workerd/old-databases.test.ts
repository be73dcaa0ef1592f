/**
 * Every database of an older schema opens under the present code, says what it said then, goes on, and audits clean. They
 * were made by the real system at that version (`npm run fixture`), and are kept for ever.
 */
/// <reference types="vite/types/importMeta.d.ts" />
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import { accountApi, type Body, type Result } from './api.ts'
import { callAlarm, query } from './object.ts'

interface Told {
  readonly account: string
  readonly now: number
  readonly balance: Body
  readonly reservations: readonly Body[]
  readonly grants: readonly Body[]
  readonly entries: readonly Body[]
  readonly purchases: readonly Body[]
  readonly keys: readonly Body[]
}

const SQL = import.meta.glob<string>('../fixtures/*/account.sql', { eager: true, import: 'default', query: '?raw' })
const TOLD = import.meta.glob<Told>('../fixtures/*/told.json', { eager: true, import: 'default' })
const MIGRATIONS = import.meta.glob('../../migrations/account/*.sql', { query: '?raw' })
const FIXTURES = Object.entries(SQL).map(([path, sql]) => {
  const told = TOLD[path.replace('account.sql', 'told.json')]
  if (told === undefined) throw new Error(`${path} does not say what it was told`)
  return { name: path.split('/').at(-2) ?? '', sql, told }
})

afterEach(() => {
  vi.useRealTimers()
})

it('has a database of every schema that was ever released', () => {
  const names = Object.keys(MIGRATIONS).map((path) => path.split('/').at(-1)?.replace('.sql', ''))
  // Several migrations may be released at once; what no release had needs none. `npm run deploy` sees to the newest.
  expect(FIXTURES.map(({ name }) => name)).toEqual(expect.arrayContaining(RELEASED))
  for (const { name } of FIXTURES) expect(names, 'a migration that was released stays as it is').toContain(name)
})

const RELEASED = ['0001_account', '0002_payments', '0003_sessions', '0007_set_back']

describe.each(FIXTURES)('a database of $name', ({ sql, told }) => {
  it('opens, says what it said, goes on, and audits clean', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: told.now })
    const account = accountApi(told.account)
    await runInDurableObject(account.stub(), (_: Account, { storage }) => {
      storage.transactionSync(() => storage.sql.exec(sql))
    })
    await evictDurableObject(account.stub())

    const { as_of: _, ...balance } = told.balance
    expect(await account.balance()).toMatchObject(balance)
    const shown = async (path: string) => (await account.get(path)).body.data
    for (const what of ['reservations', 'grants', 'keys'] as const) {
      expect(await shown(`/${what}`)).toMatchObject(told[what])
    }
    expect(await shown('/purchases')).toMatchObject(told.purchases)
    await account.post('/history/rebuild', undefined)
    await callAlarm(account.id)
    expect(await shown('/entries?limit=200')).toMatchObject(told.entries)

    const went: Result[] = [
      await account.reserve('settled', told.reservations.length > 0 ? FACTS : {}),
      await account.extend('held', { accrued: 13, credits: 50 }),
      await account.settle('held', 45.5),
      await account.reserve('new', { credits: 10 }),
      await account.release('new'),
      await account.grant('later', 25),
      await account.post('/keys', { scope: 'runner' }),
    ]
    expect(went.map(({ status }) => status)).toEqual([200, 200, 200, 201, 200, 201, 201])
    const { available, debt } = await account.balance()
    const before = told.balance.available + told.balance.reserved - told.balance.debt
    expect(available - debt).toBeCloseTo(before - 45.5 + 25, 6)
    await callAlarm(account.id)
    expect(await differences(account)).toEqual([])
    const later = told.now + 400 * 86_400_000
    vi.useFakeTimers({ toFake: ['Date'], now: later })
    await callAlarm(account.id)
    expect((await account.balance()).trial, 'what was due is done').toBeNull()
    expect(await differences(account)).toEqual([])
    expect(await query(account.id, "SELECT count(*) AS held FROM reservations WHERE state = 'held'")).toEqual([
      { held: 0 },
    ])
  })
})

const FACTS = {
  tier: 'code_review',
  diff_lines: 150,
  files: 6,
  metadata: { repository: 'acme/api' },
  dedupe_key: 'one',
}

/** But for what only the double and the secrets would know that the database was made with. */
async function differences(account: ReturnType<typeof accountApi>): Promise<string[]> {
  const { differences, checked } = await account.audit()
  expect(checked.history).toBe(checked.entries)
  return differences.filter(
    (difference: string) => !/Stripe|asked about \d+ times in vain|BYOK_SECRETS/.test(difference),
  )
}
