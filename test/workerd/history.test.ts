import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { getTableConfig } from 'drizzle-orm/sqlite-core'
import { afterEach, expect, test, vi } from 'vitest'
import { Details } from '../../src/account/details.ts'
import type { Account } from '../../src/account/object.ts'
import { LONGEST_PAUSE_MS } from '../../src/account/outbox.ts'
import { accounts, entries, usage } from '../../src/history/tables.ts'
import { sendHistory } from '../../src/history/write.ts'
import { type AccountApi, type Body, call, newAccount } from './api.ts'
import { armedAt, callAlarm, type D1Fault, failHistory, query } from './object.ts'

afterEach(() => {
  vi.useRealTimers()
})

const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }

async function review(account: AccountApi, id: string, credits: number, repository = 'acme/api'): Promise<void> {
  await account.reserve(id, { ...FACTS, metadata: { repository, pull_request: id } })
  await account.settle(id, credits)
}

/** The entries as the object has them and as history has them, in the same words. */
async function bothLedgers(account: AccountApi) {
  const inObject = await query(
    account.id,
    'SELECT seq, kind, available, reserved, charged, grants FROM entries ORDER BY seq',
  )
  const { results } = await env.HISTORY.prepare(
    'SELECT seq, kind, available, reserved, charged, grants FROM entries WHERE account = ? ORDER BY seq',
  )
    .bind(account.id)
    .all()
  return { inObject, inHistory: results }
}

test('every entry arrives in history by the alarm, with its balances', async () => {
  const account = await newAccount(1_000)
  await review(account, 'r1', 50)
  await callAlarm(account.id)
  const { inObject, inHistory } = await bothLedgers(account)
  expect(inHistory).toEqual(inObject)
  const page = await account.get('/entries')
  expect(page.body.complete_to).toBe(3)
  expect(page.body.data.map((each: Body) => [each.seq, each.kind])).toEqual([
    [3, 'settle'],
    [2, 'reserve'],
    [1, 'grant'],
  ])
  expect(page.body.data[0]).toMatchObject({
    charged: 50,
    cost_usd: '0.5',
    reservation: 'r1',
    grants: [{ id: 'first', credits: -50, held: -62.5 }],
  })
})

test('with D1 gone, reserve and settle do not notice, and everything arrives later, once', async () => {
  const account = await newAccount(1_000)
  await callAlarm(account.id)
  let gone = true
  await failHistory(account.id, () => (gone ? 'before' : null))
  for (const id of ['a', 'b', 'c']) await review(account, id, 40)
  await callAlarm(account.id)
  expect(await account.balance()).toMatchObject({ available: 880, version: 7 })
  const [progress] = await query(account.id, 'SELECT drained_to, failures, retry_at FROM outbox')
  expect(progress).toMatchObject({ drained_to: 1, failures: 1 })
  expect(await armedAt(account.id)).toBeLessThanOrEqual(Number(progress?.['retry_at']))
  expect((await account.get('/entries')).body).toMatchObject({ complete_to: 1 })
  gone = false
  await retryNow(account)
  const { inObject, inHistory } = await bothLedgers(account)
  expect(inHistory).toEqual(inObject)
  expect(await account.audit()).toMatchObject({ ok: true, checked: { entries: 7, history: 7 } })
})

test('an entry that cannot be read is a failure like any other: it is tried again, and nothing is lost', async () => {
  const account = await newAccount(1_000)
  await callAlarm(account.id)
  await review(account, 'a', 40)
  const [entry] = await query(account.id, 'SELECT grants FROM entries WHERE seq = 2')
  await query(account.id, "UPDATE entries SET grants = '[' WHERE seq = 2")
  await callAlarm(account.id)
  const [progress] = await query(account.id, 'SELECT drained_to, failures, retry_at FROM outbox')
  expect(progress).toMatchObject({ drained_to: 1, failures: 1 })
  expect(await armedAt(account.id)).toBe(progress?.['retry_at'])
  await query(account.id, `UPDATE entries SET grants = '${entry?.['grants']}' WHERE seq = 2`)
  await retryNow(account)
  const { inObject, inHistory } = await bothLedgers(account)
  expect(inHistory).toEqual(inObject)
})

test('a D1 that did its work and could not say so is sent nothing twice, neither entries nor sums', async () => {
  const account = await newAccount(1_000)
  const faults: (D1Fault | null)[] = ['after', 'before', 'after', null]
  await failHistory(account.id, () => faults.shift() ?? null)
  await review(account, 'a', 40)
  for (let tries = 0; tries < 4; tries += 1) {
    await retryNow(account)
    await review(account, `b${tries}`, 10)
  }
  await retryNow(account)
  expect(faults).toEqual([])
  const { inObject, inHistory } = await bothLedgers(account)
  expect(inHistory).toEqual(inObject)
  expect((await account.get('/usage')).body.data).toMatchObject([{ reviews: 5, charged: 80 }])
  expect(await account.audit()).toMatchObject({ ok: true })
})

/** The outbox's own pause is over, and the alarm comes. */
async function retryNow(account: AccountApi): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + LONGEST_PAUSE_MS })
  await callAlarm(account.id)
}

test('the sums by day, tier and repository are those of the entries', async () => {
  const account = await newAccount(1_000)
  await review(account, 'a', 40, 'acme/api')
  await review(account, 'b', 60, 'acme/web')
  await account.reserve('c', { credits: 10, overage: 'cap' })
  await account.settle('c', 15)
  await account.reserve('d', { credits: 10 })
  await account.release('d')
  await callAlarm(account.id)
  const by = async (group: string) => (await account.get(`/usage?group_by=${group}`)).body.data
  const day = new Date().toISOString().slice(0, 10)
  expect(await by('day')).toEqual([
    { day, reviews: 3, charged: 110, absorbed: 5, cost_usd: '1.15', byok_reviews: 0, byok_cost_usd: '0' },
  ])
  expect(await by('tier')).toMatchObject([
    { tier: 'code_review', reviews: 2, charged: 100 },
    { tier: '', charged: 10 },
  ])
  expect(await by('repository')).toMatchObject([
    { repository: 'acme/web', charged: 60 },
    { repository: 'acme/api', charged: 40 },
    { repository: '', charged: 10 },
  ])
  expect((await account.get('/usage?from=2020-01-01&to=2020-12-31')).body.data).toEqual([])
})

test('pages go through the ledger without a gap, filters narrow it, and CSV is exactly what the filter shows', async () => {
  const account = await newAccount(1_000)
  for (const id of ['a', 'b', 'c']) await review(account, id, 30)
  await callAlarm(account.id)
  const seen: number[] = []
  let next: string | null = ''
  while (next !== null) {
    const page: Body = (await account.get(`/entries?limit=3${next === '' ? '' : `&cursor=${next}`}`)).body
    seen.push(...page.data.map((each: Body) => each.seq))
    next = page.next_cursor
  }
  expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1])
  const settles = (await account.get('/entries?kind=settle')).body.data
  expect(settles.map((each: Body) => each.reservation)).toEqual(['c', 'b', 'a'])
  expect((await account.get('/entries?reservation=b')).body.data).toHaveLength(2)
  const { at } = settles[0]
  expect((await account.get(`/entries?to=${at}&kind=grant`)).body.data).toHaveLength(1)
  expect((await account.get('/entries?from=2100-01-01T00:00:00Z')).body.data).toEqual([])
  const csv = await account.get('/entries?kind=settle', { headers: { Accept: 'text/csv' } })
  expect(csv.headers.get('Content-Type')).toBe('text/csv; charset=utf-8')
  const lines = String(csv.body).trim().split('\r\n')
  expect(lines[0]?.startsWith('seq,at,kind,')).toBe(true)
  expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(['7', '5', '3'])
})

test('CSV streams a ledger of several pages whole', async () => {
  const account = await newAccount(5_000)
  for (let batch = 0; batch < 3; batch += 1) {
    const commands = Array.from({ length: 500 }, (_, index) => ({
      op: 'reserve',
      id: `r${batch}-${index}`,
      credits: 1,
    }))
    await account.post('/reservations:batch', { commands })
  }
  await callAlarm(account.id)
  const csv = await account.get('/entries', { headers: { Accept: 'text/csv' } })
  const numbers = String(csv.body)
    .trim()
    .split('\r\n')
    .slice(1)
    .map((line) => Number(line.split(',')[0]))
  expect(numbers).toEqual(Array.from({ length: 1_501 }, (_, index) => 1_501 - index))
})

test('a history that was set back, or lost, is filled again, and its sums with it', async () => {
  const account = await newAccount(1_000)
  for (const id of ['a', 'b', 'c']) await review(account, id, 30)
  await callAlarm(account.id)
  await env.HISTORY.prepare('DELETE FROM entries WHERE account = ?').bind(account.id).run()
  await env.HISTORY.prepare('DELETE FROM usage WHERE account = ?').bind(account.id).run()
  const lost = await account.audit()
  expect(lost).toMatchObject({ ok: false, differences: expect.arrayContaining(['history lacks entry 1']) })
  await review(account, 'd', 30)
  await callAlarm(account.id)
  expect(await account.audit()).toMatchObject({ ok: true, checked: { entries: 9, history: 9 } })
  expect((await account.get('/usage')).body.data).toMatchObject([{ reviews: 4, charged: 120 }])
})

test('history is rebuilt when the operator asks, and what was right stays as it was', async () => {
  const account = await newAccount(1_000)
  await review(account, 'a', 30)
  await callAlarm(account.id)
  await env.HISTORY.prepare('DELETE FROM accounts WHERE id = ?').bind(account.id).run()
  expect((await account.post('/history/rebuild', undefined)).status).toBe(202)
  await callAlarm(account.id)
  expect(await account.audit()).toMatchObject({ ok: true })
  expect((await account.get('/usage')).body.data).toMatchObject([{ reviews: 1, charged: 30 }])
  const row = await env.HISTORY.prepare('SELECT id FROM accounts WHERE id = ?').bind(account.id).first()
  expect(row).toEqual({ id: account.id })
})

test('a change of the account that comes while its line is being sent reaches the directory too', async () => {
  const account = await newAccount(0, { name: 'first' })
  let changed: Promise<unknown> | null = null
  await failHistory(account.id, () => {
    changed ??= runInDurableObject(account.stub(), (object: Account) =>
      object.open({
        id: account.id,
        name: 'second',
        email: null,
        region: undefined,
        allowDebt: undefined,
        trial: null,
      }),
    )
    return null
  })
  await callAlarm(account.id)
  await changed
  await callAlarm(account.id)
  const row = await env.HISTORY.prepare('SELECT name FROM accounts WHERE id = ?').bind(account.id).first()
  expect(row).toEqual({ name: 'second' })
})

test('a line of the directory that arrives late, after one that was sent in its stead, changes nothing', async () => {
  const account = await newAccount(0, { name: 'Before' })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  const lineOf = () =>
    runInDurableObject(env.ACCOUNT.getByName(account.id), (_: Account, { storage }) => new Details(storage.sql).value)
  const lines = []
  // All of it within one millisecond.
  for (const name of ['First', 'Second', 'Third']) {
    await account.open({ name })
    lines.push(await lineOf())
  }
  const [, second, third] = lines
  if (second === undefined || third === undefined) throw new Error('there are three')
  await sendHistory(env.HISTORY, third, [], true)
  await sendHistory(env.HISTORY, second, [], true)
  const [line] = (await env.HISTORY.prepare('SELECT name FROM accounts WHERE id = ?').bind(account.id).all()).results
  expect(line).toEqual({ name: 'Third' })
})

test('a D1 that says nothing is given up after a while, and tried again', async () => {
  const account = await newAccount(10)
  await account.reserve('a', { credits: 1 })
  await failHistory(account.id, () => 'silent')
  await callAlarm(account.id)
  expect(await query(account.id, 'SELECT failures FROM outbox')).toEqual([{ failures: 1 }])
  expect(await armedAt(account.id)).not.toBeNull()
})

test('the audit names what history has wrong, and what it has too much', async () => {
  const account = await newAccount(1_000)
  await review(account, 'a', 30)
  await callAlarm(account.id)
  await env.HISTORY.prepare('UPDATE entries SET charged = 1 WHERE account = ? AND seq = 3').bind(account.id).run()
  await env.HISTORY.prepare(
    `INSERT INTO entries SELECT account, 9, at, kind, available_delta, reserved_delta, debt_delta, available, reserved, debt,
     charged, absorbed, actual, cost_usd, mode, late, reservation, grants, tier, metadata, detail, purchase
     FROM entries WHERE account = ? AND seq = 3`,
  )
    .bind(account.id)
    .run()
  expect((await account.audit()).differences).toEqual([
    'history has another charged in entry 3',
    'history has 1 entries that the account does not have',
  ])
})

test('the audit names what the directory has wrong', async () => {
  const account = await newAccount(0, { name: 'Acme' })
  await callAlarm(account.id)
  expect(await account.audit()).toMatchObject({ ok: true })
  await env.HISTORY.prepare("UPDATE accounts SET name = 'Apex', allow_debt = 1 WHERE id = ?").bind(account.id).run()
  expect((await account.audit()).differences).toEqual([
    'the directory has another name',
    'the directory has another allowDebt',
  ])
  await env.HISTORY.prepare('DELETE FROM accounts WHERE id = ?').bind(account.id).run()
  expect((await account.audit()).differences).toEqual(['the directory lacks the account'])
})

test('the audit names what the account itself has wrong', async () => {
  const account = await newAccount(1_000)
  await account.reserve('a', { credits: 30 })
  await query(account.id, "UPDATE grants SET free = free + 1 WHERE id = 'first'")
  await query(account.id, "UPDATE reservations SET held = 29000 WHERE id = 'a'")
  await query(account.id, 'UPDATE entries SET available = available + 5 WHERE seq = 2')
  await evictDurableObject(account.stub())
  const { ok, differences } = await account.audit()
  expect(ok).toBe(false)
  expect(differences).toEqual([
    'available after entry 2 is 970005, but the entries say 970000',
    'available is 970005, but the entries say 970000',
    '1000000 was granted, but 1000005 is accounted for',
    'what reservation a holds is 29000, but the entries say 30000',
    'the sum of the parts of reservation a is 30000, but the entries say 29000',
    'what is left of grant first is 1000001, but the entries say 1000000',
  ])
})

test('the audit names a charge or an absorbed cost that no entry knows of', async () => {
  const account = await newAccount(1_000)
  await review(account, 'a', 30)
  await query(account.id, "UPDATE reservations SET charged = charged + 1, absorbed = 2 WHERE id = 'a'")
  expect(await account.audit()).toMatchObject({
    ok: false,
    checked: { reservations: 1 },
    differences: [
      'what all reservations were charged is 30001, but the entries say 30000',
      'what was absorbed of all reservations is 2, but the entries say 0',
    ],
  })
})

test('the directory lists accounts newest first, by pages, as they were last described', async () => {
  const first = await newAccount(0, { name: 'First' })
  const second = await newAccount(0, { name: 'Second', email: 'ops@example.com', region: 'weur' })
  await first.open({ name: 'First, renamed' })
  for (const account of [first, second]) await callAlarm(account.id)
  const page = await call('GET', '/v1/accounts?limit=1')
  expect(page.body.data).toMatchObject([{ id: second.id, name: 'Second', email: 'ops@example.com', region: 'weur' }])
  const next = await call('GET', `/v1/accounts?limit=1&cursor=${page.body.next_cursor}`)
  expect(next.body.data).toMatchObject([{ id: first.id, name: 'First, renamed' }])
})

test('the tables that reads are typed by are the tables that migrations make', async () => {
  for (const table of [accounts, entries, usage]) {
    const { name, columns, indexes } = getTableConfig(table)
    const made = await env.HISTORY.prepare('SELECT name, type, "notnull" FROM pragma_table_info(?)').bind(name).all()
    const typed = columns.map((column) => ({
      name: column.name,
      type: column.getSQLType().toUpperCase(),
      notnull: Number(column.notNull),
    }))
    expect(made.results, name).toEqual(typed)
    const madeIndexes = await env.HISTORY.prepare("SELECT name FROM pragma_index_list(?) WHERE origin = 'c'")
      .bind(name)
      .all()
    expect(madeIndexes.results.map((each) => each['name'])).toEqual(indexes.map((index) => index.config.name))
  }
})
