/** Reaches into the real object, for what cannot be seen over HTTP. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Account } from '../../src/account/object.ts'

/** Every row of every table of the object's own database, as text: two of them are equal only byte for byte. */
export function dump(account: string): Promise<string> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (_: Account, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name",
      )
      .toArray()
    return JSON.stringify(tables.map(({ name }) => [name, storage.sql.exec(`SELECT * FROM ${name}`).toArray()]))
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
