/** Reaches into the real object, for what cannot be seen over HTTP. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Account } from '../../src/account/object.ts'

/** Every row of every table of the object's own database, as text: two of them are equal only byte for byte. */
export function dump(account: string): Promise<string> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (_: Account, { storage }) => {
    return JSON.stringify(
      tablesOf(storage.sql).map((name) => [name, storage.sql.exec(`SELECT * FROM ${name}`).toArray()]),
    )
  })
}

export function query(account: string, sql: string): Promise<Record<string, SqlStorageValue>[]> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (_: Account, { storage }) =>
    storage.sql.exec(sql).toArray(),
  )
}

export function armedAt(account: string): Promise<number | null> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (_: Account, { storage }) => storage.getAlarm())
}

/** Calls the alarm handler itself, as the runtime may do twice, or late. */
export function callAlarm(account: string): Promise<void> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (instance: Account) => instance.alarm())
}

/** How D1 may fail: before it did anything, after it did everything and before it could say so, or without a word. */
export type D1Fault = 'before' | 'after' | 'silent'

/** Longer than anybody waits. */
const SILENCE_MS = 30_000

/** From now on, D1 as this object sees it fails as `next` says for each batch. Lasts as long as the object is in memory. */
export function failHistory(account: string, next: () => D1Fault | null): Promise<void> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (instance: Account) => {
    const holder = instance as unknown as { env: Env }
    const { HISTORY } = env
    const failing = new Proxy(HISTORY, {
      get(target, property) {
        if (property !== 'batch') return Reflect.get(target, property).bind(target)
        return async (statements: D1PreparedStatement[]) => {
          const fault = next()
          if (fault === 'before') throw new Error('D1 is gone')
          if (fault === 'silent') await scheduler.wait(SILENCE_MS)
          const results = await target.batch(statements)
          if (fault === 'after') throw new Error('D1 did it and could not say so')
          return results
        }
      },
    })
    holder.env = { ...holder.env, HISTORY: failing }
  })
}

export type Snapshot = readonly (readonly [table: string, rows: readonly Record<string, SqlStorageValue>[]])[]

/** All rows of the object's database, to be put back later. */
export function snapshot(account: string): Promise<Snapshot> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (_: Account, { storage: { sql } }) =>
    tablesOf(sql).map((table) => [table, sql.exec(`SELECT * FROM ${table}`).toArray()] as const),
  )
}

/** Puts the rows back and forgets what the object had in memory. */
export async function restore(account: string, rows: Snapshot): Promise<void> {
  const stub = env.ACCOUNT.getByName(account)
  await runInDurableObject(stub, (_: Account, { storage }) => {
    storage.transactionSync(() => {
      for (const table of tablesOf(storage.sql)) storage.sql.exec(`DELETE FROM ${table}`)
      for (const [table, kept] of rows) for (const row of kept) insertRow(storage.sql, table, row)
    })
  })
  await evictDurableObject(stub)
}

function insertRow(sql: SqlStorage, table: string, row: Record<string, SqlStorageValue>): void {
  const columns = Object.keys(row)
  const places = columns.map(() => '?').join(', ')
  sql.exec(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...Object.values(row))
}

function tablesOf(sql: SqlStorage): string[] {
  const named =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name"
  return sql
    .exec<{ name: string }>(named)
    .toArray()
    .map(({ name }) => name)
}
