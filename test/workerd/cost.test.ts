/** What Cloudflare bills most: rows written, in the object and in D1, indexes counted. A regression fails here. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import { type AccountApi, newAccount } from './api.ts'
import { callAlarm } from './object.ts'

const REVIEWS = 100
const FACTS = { tier: 'code_review', diff_lines: 150, files: 6, repository: 'acme/api' }
const METADATA = { repository: 'acme/api', pull_request: '118' }

interface Rows {
  object: number
  history: number
}

/** From now on counts what this object writes, as long as it stays in memory. */
async function counting(account: AccountApi): Promise<Rows> {
  const rows = { object: 0, history: 0 }
  await runInDurableObject(env.ACCOUNT.getByName(account.id), (instance: Account, { storage }) => {
    const exec = storage.sql.exec.bind(storage.sql)
    const counted: SqlStorage['exec'] = (query, ...bindings) => {
      const cursor = exec(query, ...bindings)
      rows.object += cursor.rowsWritten
      return cursor as never
    }
    Object.defineProperty(storage.sql, 'exec', { value: counted, configurable: true })
    const holder = instance as unknown as { env: Env }
    const history = holder.env.HISTORY
    const watched = new Proxy(history, {
      get(target, property) {
        if (property !== 'batch') return Reflect.get(target, property).bind(target)
        return async (statements: D1PreparedStatement[]) => {
          const results = await target.batch(statements)
          for (const { meta } of results) rows.history += meta.rows_written
          return results
        }
      },
    })
    holder.env = { ...holder.env, HISTORY: watched }
  })
  return rows
}

test('a review writes 7 rows in its object: 2 entries, 3 of its reservation, 2 of a grant', async () => {
  const account = await newAccount(100_000)
  await callAlarm(account.id)
  const rows = await counting(account)
  await review(account, REVIEWS)
  expect(rows.object / REVIEWS).toBe(7)
})

test('a quote costs its review one row more: that it is used', async () => {
  const account = await newAccount(1_000)
  const { id: quote } = (await account.quote(FACTS)).body
  await callAlarm(account.id)
  const rows = await counting(account)
  expect((await account.reserve('quoted', { quote })).status).toBe(201)
  expect((await account.settle('quoted', 50)).status).toBe(200)
  expect(rows.object).toBe(8)
})

test('in history a review writes 4 rows, and a burst of them one more for their sum', async () => {
  const account = await newAccount(100_000)
  await callAlarm(account.id)
  const rows = await counting(account)
  await review(account, REVIEWS)
  await callAlarm(account.id)
  expect(rows.history).toBeLessThanOrEqual(4 * REVIEWS + 2)
})

async function review(account: AccountApi, times: number): Promise<void> {
  for (let number = 0; number < times; number += 1) {
    expect((await account.reserve(`r${number}`, { ...FACTS, metadata: METADATA })).status).toBe(201)
    expect((await account.settle(`r${number}`, 50)).status).toBe(200)
  }
}
