/** Where workerd keeps what on this machine: each object is a file whose name it derives from the object's own. */
import { createHash, createHmac } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ROOT } from './process-group.ts'

const MIGRATIONS = join(ROOT, 'migrations', 'history')
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

/** Where wrangler keeps which migrations a D1 has; the very same table. */
const APPLIED = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`

/**
 * Brings D1 to the newest schema, as `wrangler d1 migrations apply --local` does, without the seconds that wrangler takes
 * to start. Only while nothing serves it.
 */
export function migrateD1(stateDir: string): void {
  const file = d1File(stateDir)
  mkdirSync(dirname(file), { recursive: true })
  const database = new DatabaseSync(file)
  try {
    database.exec(APPLIED)
    const names = database.prepare('SELECT name FROM d1_migrations').all()
    const applied = new Set(names.map(({ name }) => name))
    for (const name of readdirSync(MIGRATIONS).sort()) {
      if (!applied.has(name)) apply(database, name)
    }
  } finally {
    database.close()
  }
}

function apply(database: DatabaseSync, name: string): void {
  database.exec('BEGIN')
  try {
    database.exec(readFileSync(join(MIGRATIONS, name), 'utf8'))
    database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').run(name)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
