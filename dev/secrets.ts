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
  { name: 'STRIPE_SECRET_KEY', prefix: 'sk_test_', minLength: 18 },
  { name: 'STRIPE_WEBHOOK_SECRETS', prefix: 'whsec_', minLength: 16 },
  { name: 'BYOK_SECRETS', prefix: '', minLength: 32 },
] as const
const SECRET_BYTES = 24
/** With any other key every purchase would fail, because the double takes only these. */
const TEST_KEY = /^(?:sk|rk)_test_\w+$/

export interface Keys {
  readonly operatorKey: string
  readonly runnerKey: string
}

export interface Secrets extends Keys {
  /** The newest, with which the double signs what it sends. */
  readonly webhookSecret: string
}

/** Something that the user can put right; the message says how. */
export class SystemError extends Error {}

/** Reads the secrets of a `.dev.vars`; what it lacks is made and added, and all that it has stays as it is. */
export function ensureSecrets(file: string): Secrets {
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
  return readSecrets(file)
}

/** What callers of a running system need; the rest of the file is between it and its own start. */
export function readKeys(file: string): Keys {
  const found = parseEnv(readFileSync(file, 'utf8'))
  return { operatorKey: newest(file, found, 'OPERATOR_KEYS'), runnerKey: newest(file, found, 'RUNNER_KEYS') }
}

function readSecrets(file: string): Secrets {
  const found = parseEnv(readFileSync(file, 'utf8'))
  for (const { name } of SECRETS) newest(file, found, name)
  if (!TEST_KEY.test(found['STRIPE_SECRET_KEY'] ?? '')) {
    throw new SystemError(
      `STRIPE_SECRET_KEY in ${file} is not one test key (sk_test_…), and Stripe's double takes no other. Delete its line, and npm start makes a good one.`,
    )
  }
  return { ...readKeys(file), webhookSecret: newest(file, found, 'STRIPE_WEBHOOK_SECRETS') }
}

/** The first of a list, whose every member must be long enough. */
function newest(file: string, found: NodeJS.Dict<string>, wanted: (typeof SECRETS)[number]['name']): string {
  const minLength = SECRETS.find(({ name }) => name === wanted)?.minLength ?? 0
  const members = (found[wanted] ?? '').split(',').map((member) => member.trim())
  if (members.some((member) => member.length < minLength)) {
    throw new SystemError(
      `${wanted} in ${file} is missing or has a member of fewer than ${minLength} characters. Delete its line, and npm start makes a good one.`,
    )
  }
  return members[0] ?? ''
}

export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new SystemError(`${folder} cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}
