/** What an account's object has on its disk, to show that an attack left nothing there. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

type Row = Record<string, SqlStorageValue>

/** What the alarm moves on by itself, whatever anybody asks. */
const MOVED_BY_ALARM = new Set(['outbox', 'learning'])

/** All rows of all tables but of those. */
export function stored(account: string): Promise<string> {
  return runInDurableObject(env.ACCOUNT.getByName(account), (_object, { storage: { sql } }) => {
    const tables = sql
      .exec<Row>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray()
      .map((table) => String(table['name']))
      .filter((name) => !MOVED_BY_ALARM.has(name))
    return JSON.stringify(tables.map((name) => [name, sql.exec<Row>(`SELECT * FROM "${name}"`).toArray()]))
  })
}

/** How many tables and indexes there are: none, unless somebody opened the account. */
export function countOfTables(account: string): Promise<number> {
  return runInDurableObject(
    env.ACCOUNT.getByName(account),
    (_object, { storage: { sql } }) => sql.exec<{ n: number }>('SELECT count(*) AS n FROM sqlite_master').one().n,
  )
}
