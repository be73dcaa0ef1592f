/** Where workerd keeps what on this machine: each object is a file whose name it derives from the object's own. */
import { createHash, createHmac } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ROOT } from './process-group.ts'

const D1_NAMESPACE = 'miniflare-D1DatabaseObject'
const ACCOUNTS_NAMESPACE = 'assay-credits-Account'
const ID_BYTES = 16
/** A database of SQLite is up to three files. */
export const SQLITE_SUFFIXES = ['', '-wal', '-shm']

/** D1 is an object itself here. */
export function d1File(stateDir: string, databaseId: string = historyId()): string {
  return join(stateDir, 'v3', 'd1', D1_NAMESPACE, fileOf(D1_NAMESPACE, databaseId))
}

export function accountFile(stateDir: string, account: string): string {
  return join(stateDir, 'v3', 'do', ACCOUNTS_NAMESPACE, fileOf(ACCOUNTS_NAMESPACE, account))
}

/** The id of an object, as workerd makes it of its namespace and its name. */
function fileOf(namespace: string, name: string): string {
  const key = createHash('sha256').update(namespace).digest()
  const sign = (data: string | Buffer) => createHmac('sha256', key).update(data).digest().subarray(0, ID_BYTES)
  const ofName = sign(name)
  return `${Buffer.concat([ofName, sign(ofName)]).toString('hex')}.sqlite`
}

/** Read as text: wrangler's own reader of its configuration takes a second to load. */
function historyId(): string {
  const id = /^database_id = "(.+)"$/m.exec(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'))?.[1]
  if (id === undefined) throw new Error('wrangler.toml names no database')
  return id
}

/** Whether D1 has every migration. Whatever is unclear is a no, and wrangler, which takes seconds, finds out. */
export function isMigrated(stateDir: string): boolean {
  const file = d1File(stateDir)
  if (!existsSync(file)) return false
  try {
    const database = new DatabaseSync(file, { readOnly: true })
    const applied = database.prepare('SELECT name FROM d1_migrations').all()
    database.close()
    const names = new Set(applied.map(({ name }) => name))
    return readdirSync(join(ROOT, 'migrations', 'history')).every((name) => names.has(name))
  } catch {
    return false
  }
}
