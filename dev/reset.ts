/**
 * `npm run reset`: takes away what `npm start` keeps, that is the objects, D1 and the double's books, and leaves the
 * keys. STATE_DIR may be a folder that holds other things too, so each thing is removed by its name, never the folder.
 */
import { createHash, createHmac } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { unstable_readConfig } from 'wrangler'
import { ROOT } from './process-group.ts'
import { SystemError } from './secrets.ts'
import { lockState } from './state-lock.ts'
import { BOOKS_FILE } from './stripe/serve.ts'
import { defaultStateDir, defaultVarsFile } from './system.ts'

/** A database of SQLite is up to three files. */
const SQLITE_SUFFIXES = ['', '-wal', '-shm']
const D1_NAMESPACE = 'miniflare-D1DatabaseObject'
const ID_BYTES = 16

try {
  reset(resolve(defaultStateDir()))
} catch (error) {
  console.error(error instanceof SystemError ? error.message : error)
  process.exitCode = 1
}

function reset(stateDir: string): void {
  const made = whatWeMade(stateDir).filter((path) => existsSync(path))
  if (made.length === 0) {
    console.log(`There is nothing to clear in ${stateDir}.`)
    return
  }
  const unlock = lockState(stateDir, 'Stop it first: Ctrl-C where npm start runs.')
  try {
    for (const path of made) rmSync(path, { recursive: true, force: true })
  } finally {
    unlock()
  }
  console.log(`Cleared the accounts, the history and Stripe's double in ${stateDir}.`)
  console.log(`The keys in ${resolve(defaultVarsFile())} stay as they are.`)
}

/** Wrangler's types leave it open. */
interface Named {
  readonly class_name: string
}

function whatWeMade(stateDir: string): string[] {
  const { name, durable_objects, d1_databases } = unstable_readConfig({ config: join(ROOT, 'wrangler.toml') })
  const kept = join(stateDir, 'v3')
  const objects = durable_objects.bindings.map(({ class_name }: Named) => join(kept, 'do', `${name}-${class_name}`))
  const databases = d1_databases.map(({ database_id = '' }) => join(kept, 'd1', D1_NAMESPACE, d1File(database_id)))
  const files = [...databases, join(stateDir, BOOKS_FILE)]
  return [...files.flatMap((file) => SQLITE_SUFFIXES.map((suffix) => file + suffix)), ...objects]
}

/** D1 is an object itself here, and its file has the id that workerd derives from the object's name. */
function d1File(databaseId: string): string {
  const key = createHash('sha256').update(D1_NAMESPACE).digest()
  const sign = (data: string | Buffer) => createHmac('sha256', key).update(data).digest().subarray(0, ID_BYTES)
  const ofName = sign(databaseId)
  return `${Buffer.concat([ofName, sign(ofName)]).toString('hex')}.sqlite`
}
