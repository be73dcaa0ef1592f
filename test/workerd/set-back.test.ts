/** Restores: an account that was set back in time is noticed by what history knows, and overwrites nothing of it. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { Details } from '../../src/account/details.ts'
import type { Account } from '../../src/account/object.ts'
import { LONGEST_PAUSE_MS } from '../../src/account/outbox.ts'
import { Store } from '../../src/account/store.ts'
import { sendHistory } from '../../src/history/write.ts'
import type { Entry } from '../../src/ledger/entry.ts'
import { type AccountApi, call, newAccount, RUNNER } from './api.ts'
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

/** All entries, as the account reads them from its own database. */
function entriesOf(account: AccountApi): Promise<Entry[]> {
  return runInDurableObject(account.stub(), (_: Account, { storage }) => new Store(storage.sql).entriesAfter(0, 500))
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
  const { id: key } = (await account.post('/keys', { scope: 'read' })).body
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
    await account.post('/keys', { scope: 'read' }),
    await call('DELETE', `/v1/accounts/${account.id}/keys/${key}`),
    await call('PUT', `/v1/accounts/${account.id}`, { body: { allow_debt: true } }),
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

test('a row of history that was changed where it lies stops no account; the audit names it', async () => {
  const account = await newAccount(1_000)
  await review(account, 'first')
  await review(account, 'second')
  await callAlarm(account.id)
  const change = 'UPDATE entries SET at = at - 1, available = available + 1 WHERE account = ? AND seq = 3'
  await env.HISTORY.prepare(change).bind(account.id).run()
  await account.post('/history/rebuild', undefined)
  await callAlarm(account.id)
  expect(await query(account.id, 'SELECT drained_to, differs_at FROM outbox')).toEqual([
    { drained_to: 5, differs_at: null },
  ])
  await review(account, 'third')
  await callAlarm(account.id)
  const { differences, checked } = await account.audit()
  expect(checked).toMatchObject({ entries: 7, history: 7 })
  expect(differences).toEqual(['history has another at in entry 3', 'history has another available in entry 3'])
})

test('whatever entries hold, history sent again is the same history: no text, number or older row stops an account', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  const account = await newAccount(0, { allow_debt: true })
  await account.grant('largest', 1_000_000_000)
  await account.grant('small.est', 0.001)
  // Texts that a column or JSON could take for numbers, and what JSON, SQL or UTF-8 write in several ways.
  const ids = ['1', '01', '-0', '1e5', '0.10', '9007199254740993', 'null', 'true', '~@:._-', 'x'.repeat(128)]
  const texts = [
    '\u0000',
    'a\u0000b',
    "'; --",
    '\\u0041',
    '"[0].at"',
    '\u2028',
    'é',
    'e\u0301',
    '\u{1F600}',
    '\uFFFF',
    '\uFEFF',
  ]
  for (const [at, id] of ids.entries()) {
    const metadata = { [`at${texts[at]}`.slice(0, 40)]: texts[at], repository: texts[at], seq: '7' }
    expect((await account.reserve(id, { credits: (at * 1_000_100 + 1) / 1000, metadata })).status, id).toBe(201)
  }
  for (const id of ids.slice(0, 4)) expect((await account.settle(id, 7.777)).status, id).toBe(200)
  expect((await account.extend('0.10', { accrued: 0.001, credits: 4_500 })).status).toBe(200)
  expect((await account.release('0.10')).status).toBe(200)
  expect((await account.putByok(`sk-ant-${'k'.repeat(24)}`)).status).toBe(200)
  await account.reserve('own', { credits: 5 })
  expect((await account.readByok('own')).status).toBe(200)
  await account.removeByok()
  await callAlarm(account.id)
  // What is held runs out, and one of them is settled late.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 })
  expect((await account.settle('null', 3.001)).status).toBe(200)
  await callAlarm(account.id)
  // As a release would have left them that knew no purchases, nor what it is that these columns hold.
  const older = 'UPDATE entries SET purchase = NULL, detail = NULL, cost_usd = NULL, tier = NULL WHERE account = ?'
  await env.HISTORY.prepare(older).bind(account.id).run()
  const known = await inHistory(account)
  const kinds = new Set(known.entries.map((row) => row['kind']))
  expect([...kinds]).toEqual(expect.arrayContaining(['extend', 'release', 'expire_reservation', 'byok_read', 'settle']))
  const line = await runInDurableObject(account.stub(), (_: Account, { storage }) => new Details(storage.sql).value)
  // Each entry alone, since a batch is judged by its last; then all of them, as the account sends them.
  for (const entry of await entriesOf(account)) {
    const sent = await sendHistory(env.HISTORY, line, [entry], false)
    expect(sent, `${entry.kind} ${entry.reservation}`).toEqual({ watermark: known.entries.length, differsAt: null })
  }
  await account.post('/history/rebuild', undefined)
  await callAlarm(account.id)
  expect(await query(account.id, 'SELECT drained_to, differs_at FROM outbox')).toEqual([
    { drained_to: known.entries.length, differs_at: null },
  ])
  expect(await inHistory(account)).toEqual(known)
  expect((await account.reserve('goes-on', { credits: 1 })).status).toBe(201)
})

test('a history that was set back, lost in part, or put forward again stops no account either', async () => {
  const account = await newAccount(1_000)
  for (const id of ['first', 'second', 'third']) await review(account, id)
  await callAlarm(account.id)
  const known = await inHistory(account)
  const gone = ['seq > 4', 'seq BETWEEN 2 AND 5', 'seq = 7', 'seq >= 1']
  for (const which of gone) {
    await env.HISTORY.prepare(`DELETE FROM entries WHERE account = ? AND ${which}`).bind(account.id).run()
    await account.post('/history/rebuild', undefined)
    await callAlarm(account.id)
    expect((await inHistory(account)).entries, which).toEqual(known.entries)
    expect(await query(account.id, 'SELECT differs_at FROM outbox'), which).toEqual([{ differs_at: null }])
  }
  await review(account, 'goes-on')
})
