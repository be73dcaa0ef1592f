/**
 * `npm run reset`: takes away what `npm start` keeps, that is the objects, D1 and the double's books, and leaves the
 * keys. STATE_DIR may be a folder that holds other things too, so each thing is removed by its name, never the folder.
 */
import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { unstable_readConfig } from 'wrangler'
import { d1File, SQLITE_SUFFIXES } from './local-d1.ts'
import { ROOT } from './process-group.ts'
import { SystemError } from './secrets.ts'
import { lockState } from './state-lock.ts'
import { BOOKS_FILE } from './stripe/serve.ts'
import { defaultStateDir, defaultVarsFile } from './system.ts'

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
  const databases = d1_databases.map(({ database_id = '' }) => d1File(stateDir, database_id))
  const files = [...databases, join(stateDir, BOOKS_FILE)]
  return [...files.flatMap((file) => SQLITE_SUFFIXES.map((suffix) => file + suffix)), ...objects]
}
