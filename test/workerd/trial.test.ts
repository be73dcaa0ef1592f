import { runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, expect, test, vi } from 'vitest'
import { accountApi, newAccount } from './api.ts'
import { callAlarm, query } from './object.ts'

afterEach(() => {
  vi.useRealTimers()
})

const DAY = 24 * 60 * 60 * 1000

function at(time: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: time })
}

async function trialAccount(trial: object = { credits: 50, days: 1 }) {
  const account = accountApi(`trial-${crypto.randomUUID().slice(0, 8)}`)
  const opened = await account.open({ trial })
  return { account, end: Date.parse(opened.body.balance.trial.expires_at) }
}

test('a new account has 100 trial credits for 14 days unless the operator says otherwise', async () => {
  const account = accountApi(`default-${crypto.randomUUID().slice(0, 8)}`)
  const { body } = await account.open()
  expect(body.balance).toMatchObject({ available: 100, trial: { available: 100, reserved: 0 } })
  expect(Date.parse(body.balance.trial.expires_at) - Date.parse(body.created_at)).toBeLessThanOrEqual(14 * DAY + 1_000)
  expect(await (await newAccount(0)).balance()).toMatchObject({ available: 0, trial: null })
})

test('the trial is decided once, whatever a later call asks for', async () => {
  const { account } = await trialAccount()
  expect((await account.open({ trial: { credits: 500, days: 30 } })).body.balance.available).toBe(50)
  const without = await newAccount(0)
  expect((await without.open({})).body.balance.trial).toBeNull()
})

test('the trial is spent before credits that were granted or bought', async () => {
  const { account } = await trialAccount()
  await account.grant('soon', 50, { expires_at: new Date(Date.now() + 60_000).toISOString() })
  await account.reserve('a', { credits: 70 })
  const { body } = await account.settle('a', 60)
  expect(body.balance).toMatchObject({ trial: { available: 0, reserved: 0 }, promotional: { available: 40 } })
})

test('the trial expires by alarm at its very end, and the ledger says so', async () => {
  const { account, end } = await trialAccount()
  await account.grant('kept', 25)
  at(end - 1)
  expect(await account.balance()).toMatchObject({ available: 75, trial: { available: 50 } })
  at(end)
  await runDurableObjectAlarm(account.stub())
  expect(await query(account.id, 'SELECT kind, at, available_delta FROM entries ORDER BY seq DESC LIMIT 1')).toEqual([
    { kind: 'expire_grant', at: end, available_delta: -50_000 },
  ])
  expect(await account.balance()).toMatchObject({ available: 25, trial: null })
})

test('what a reservation holds of an expired trial stays good for it, and expires when it comes back', async () => {
  const { account, end } = await trialAccount()
  at(end - 60_000)
  await account.reserve('a', { credits: 40, ttl_seconds: 3_600 })
  at(end + 60_000)
  expect(await account.balance()).toMatchObject({ available: 0, reserved: 40, trial: { available: 0, reserved: 40 } })
  const { body } = await account.settle('a', 30)
  expect(body.reservation).toMatchObject({ charged: 30, returned: 10 })
  expect(body.balance).toMatchObject({ available: 0, reserved: 0, trial: null })
  await callAlarm(account.id)
  const { data } = (await account.get('/entries?limit=2')).body
  expect(data).toMatchObject([
    { kind: 'expire_grant', available_delta: -10, grants: [{ id: 'trial', credits: -10 }] },
    { kind: 'settle', available_delta: 10, reserved_delta: -40 },
  ])
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('history is kept when the trial expires', async () => {
  const { account, end } = await trialAccount()
  await account.reserve('a', { credits: 40 })
  await account.settle('a', 30)
  at(end + DAY)
  await callAlarm(account.id)
  expect((await account.get('/entries')).body.data).toHaveLength(4)
  expect((await account.get('/reservations/a')).body.charged).toBe(30)
})

test('a voided grant loses its free part at once and its held part when it returns', async () => {
  const account = await newAccount(100)
  await account.reserve('a', { credits: 40 })
  expect((await account.del('/grants/first')).body).toMatchObject({
    grant: { voided: true, available: 0, reserved: 40 },
    balance: { available: 0 },
  })
  expect((await account.release('a')).body.balance).toMatchObject({ available: 0, reserved: 0 })
  expect((await account.del('/grants/first')).headers.get('Idempotent-Replayed')).toBe('true')
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('an adjustment takes free credits in burn order and cannot be voided', async () => {
  const { account } = await trialAccount()
  await account.grant('kept', 25)
  const { body } = await account.grant('minus', -60, { kind: 'adjustment' })
  expect(body).toMatchObject({
    grant: { credits: -60, available: 0 },
    balance: { available: 15, trial: { available: 0 } },
  })
  expect((await account.del('/grants/minus')).status).toBe(403)
  const { data } = (await account.get('/grants?limit=2')).body
  expect(data.map((each: { id: string }) => each.id)).toEqual(['minus', 'kept'])
  expect(await account.audit()).toMatchObject({ ok: true })
})
