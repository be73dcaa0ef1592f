import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, expect, test, vi } from 'vitest'
import type { Account } from '../../../src/account/object.ts'
import { newAccount } from '../api.ts'

/** R20, in millicredits. What HTTP lets through is less; the object has to stand even this. */
const MOST = 1e15
const SERVICE = { kind: 'service' } as const

const dearReview = {
  op: 'reserve',
  id: 'dear',
  request: {},
  what: { credits: 1_000 },
  ttlMs: null,
  maxCredits: MOST,
  overage: 'debt',
  onExpiry: 'release',
  supersedes: null,
  dedupeKey: null,
  metadata: {},
} as const

afterEach(() => {
  vi.useRealTimers()
})

test('what a hold charges when it expires never takes the account beyond what can be counted', async () => {
  const account = await newAccount(1_000, { allow_debt: true })
  await account.reserve('held', { credits: 500, on_expiry: 'settle_accrued', ttl_seconds: 60 })
  await account.extend('held', { accrued: 500 })
  await runInDurableObject(account.stub(), async (object: Account) => {
    await object.execute(SERVICE, dearReview)
    await object.execute(SERVICE, { op: 'settle', id: 'dear', actual: MOST, costUsd: '10000000000' })
  })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * 60 * 1000 })
  expect((await account.get('/balance')).status).toBe(200)
  expect((await account.get('/reservations/held')).body.state).toBe('expired')
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a grant that expires in the year 9999 is one whose alarm may come early, and never fails', async () => {
  const account = await newAccount()
  await account.grant('far', 1, { expires_at: '9999-12-31T23:59:59.999Z' })
  await runDurableObjectAlarm(account.stub())
  expect(await account.balance()).toMatchObject({ available: 1 })
  expect(await runInDurableObject(account.stub(), (_object, { storage }) => storage.getAlarm())).not.toBeNull()
})
