/** The secrets of a developer's machine: made once, kept in a file that is never committed. */
import { randomBytes } from 'node:crypto'
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseEnv } from 'node:util'

/** What the Worker needs (wrangler.toml), and how short it may be (src/http/configuration.ts). */
export const SECRETS = [
  { name: 'OPERATOR_KEYS', prefix: 'operator_', minLength: 16 },
  { name: 'RUNNER_KEYS', prefix: 'runner_', minLength: 16 },
  { name: 'SIGNING_SECRETS', prefix: '', minLength: 32 },
] as const
const SECRET_BYTES = 24

/** Something that the user can put right; the message says how. */
export class SystemError extends Error {}

/** Reads the keys of a `.dev.vars`; what it lacks is made and added, and all that it has stays as it is. */
export function ensureSecrets(file: string): { operatorKey: string; runnerKey: string } {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const found = parseEnv(before)
  const missing = SECRETS.filter(({ name }) => !found[name])
  const made = missing.map(({ name, prefix }) => `${name}=${prefix}${randomBytes(SECRET_BYTES).toString('hex')}\n`)
  if (made.length > 0) {
    const separator = before === '' || before.endsWith('\n') ? '' : '\n'
    makeFolder(dirname(file))
    appendFileSync(file, separator + made.join(''), { mode: 0o600 })
  }
  // Made by hand or by us, it holds secrets.
  chmodSync(file, 0o600)
  return readKeys(file)
}

export function readKeys(file: string): { operatorKey: string; runnerKey: string } {
  const found = parseEnv(readFileSync(file, 'utf8'))
  const [operatorKey, runnerKey] = SECRETS.map(({ name, minLength }) => {
    const members = (found[name] ?? '').split(',').map((member) => member.trim())
    if (members.some((member) => member.length < minLength)) {
      throw new SystemError(
        `${name} in ${file} is missing or has a member of fewer than ${minLength} characters. Delete its line, and npm start makes a good one.`,
      )
    }
    return members[0]
  })
  return { operatorKey: operatorKey ?? '', runnerKey: runnerKey ?? '' }
}

export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new SystemError(`${folder} cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}
