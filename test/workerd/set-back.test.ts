/** Restores: an account that was set back in time is noticed by what history knows, and overwrites nothing of it. */
import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { LONGEST_PAUSE_MS } from '../../src/account/outbox.ts'
import { type AccountApi, newAccount, RUNNER } from './api.ts'
import { armedAt, callAlarm, dump, query, restore, snapshot } from './object.ts'

afterEach(() => {
  vi.useRealTimers()
})

/** The outbox's own pause is over, and the alarm comes. */
async function passPause(account: AccountApi): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + LONGEST_PAUSE_MS })
  await callAlarm(account.id)
}

/** All that D1 has of the account. */
async function inHistory(account: AccountApi) {
  const of = async (table: string) =>
    (await env.HISTORY.prepare(`SELECT * FROM ${table} WHERE account = ?`).bind(account.id).all()).results
  return { entries: await of('entries'), usage: await of('usage') }
}

async function review(account: AccountApi, id: string): Promise<void> {
  expect((await account.reserve(id, { credits: 20 })).status).toBe(201)
  expect((await account.settle(id, 15)).status).toBe(200)
}

/** Two reviews in history, of which the object remembers the first. */
async function setBack() {
  const account = await newAccount(1_000)
  await review(account, 'remembered')
  await callAlarm(account.id)
  const early = await snapshot(account.id)
  await review(account, 'forgotten')
  await callAlarm(account.id)
  const late = await snapshot(account.id)
  await restore(account.id, early)
  return { account, late, known: await inHistory(account) }
}

test('an account that was set back and goes on overwrites nothing and mixes nothing: history stays as it is', async () => {
  const { account, known } = await setBack()
  // More than it has forgotten, so that the new numbers reach beyond those that history has.
  for (const id of ['new-1', 'new-2', 'new-3']) await review(account, id)
  for (let tries = 0; tries < 3; tries += 1) await passPause(account)
  expect(await inHistory(account)).toEqual(known)
  expect(await query(account.id, 'SELECT drained_to, differs_at FROM outbox')).toEqual([
    { drained_to: 3, differs_at: 4 },
  ])
  expect(await armedAt(account.id), 'it looks again').not.toBeNull()
})

test('the audit says that it was set back, and what history knows otherwise and besides', async () => {
  const { account } = await setBack()
  await account.reserve('new', { credits: 20 })
  await callAlarm(account.id)
  const { ok, differences } = await account.audit()
  expect(ok).toBe(false)
  expect(differences).toEqual(
    expect.arrayContaining([
      'the account was set back: from entry 4 on history has another past; nothing is written',
      'history has another reservation in entry 4',
      'history has 1 entries that the account does not have',
    ]),
  )
})

test('it is noticed by the number alone, where there is nothing to send', async () => {
  const { account, known } = await setBack()
  await account.post('/history/rebuild', undefined)
  await callAlarm(account.id)
  expect(await query(account.id, 'SELECT differs_at FROM outbox')).toEqual([{ differs_at: 4 }])
  expect((await account.audit()).differences[0]).toContain('the account was set back: from entry 4 on')
  expect(await inHistory(account)).toEqual(known)
})

test('an account that was set back takes no command, whatever its kind, but can be read, also after an eviction', async () => {
  const { account } = await setBack()
  await account.reserve('held', { credits: 20 })
  await callAlarm(account.id)
  await evictDurableObject(account.stub())
  const before = await dump(account.id)
  const refused = [
    await account.reserve('refused', { credits: 1 }),
    await account.settle('held', 1),
    await account.release('held'),
    await account.extend('held', { accrued: 1 }),
    await account.grant('refused', 1),
    await account.post('/checkout', { pack: 'starter' }),
    await account.get('/byok/key?reservation=held', { key: RUNNER }),
  ]
  for (const { status, headers } of refused) expect([status, headers.get('Retry-After')]).toEqual([503, '60'])
  const { body: batch } = await account.post('/reservations:batch', { commands: [{ op: 'release', id: 'held' }] })
  expect(batch.results).toMatchObject([{ status: 503, problem: { code: 'overloaded' } }])
  expect(await dump(account.id)).toBe(before)
  expect(await account.balance()).toMatchObject({ available: 965, reserved: 20 })
  expect((await account.get('/reservations/held')).body).toMatchObject({ state: 'held' })
  expect((await account.get('/purchases')).status).toBe(200)
})

test('set forward again it goes on by itself, with everything that was acknowledged', async () => {
  const { account, late } = await setBack()
  await account.reserve('new', { credits: 20 })
  await callAlarm(account.id)
  expect((await account.reserve('refused', { credits: 1 })).status).toBe(503)
  await restore(account.id, late)
  await review(account, 'again')
  await callAlarm(account.id)
  expect(await account.audit()).toMatchObject({ ok: true, checked: { entries: 7, history: 7 } })
})

test('where the operator takes away what history has of it, the account as it is fills history again, and goes on', async () => {
  const { account } = await setBack()
  await account.reserve('new', { credits: 20 })
  await callAlarm(account.id)
  for (const table of ['entries', 'usage']) {
    await env.HISTORY.prepare(`DELETE FROM ${table} WHERE account = ?`).bind(account.id).run()
  }
  await passPause(account)
  expect((await account.settle('new', 5)).status).toBe(200)
  await callAlarm(account.id)
  expect(await account.audit()).toMatchObject({ ok: true, checked: { entries: 5, history: 5 } })
  expect((await account.get('/usage')).body.data).toMatchObject([{ reviews: 2, charged: 20 }])
})
