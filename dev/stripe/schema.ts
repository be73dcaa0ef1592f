/** JSON Schema made of `Requests`, that is of the SDK's own types: what they do not have, the double does not take. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Stripe } from 'stripe'

export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly not?: Schema
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
}

export interface SchemaDocument extends Schema {
  readonly definitions: Readonly<Record<string, Schema>>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SOURCE = fileURLToPath(new URL('requests.ts', import.meta.url))
/** Making it takes some seconds, so it is kept until the SDK or the requests change. */
const CACHE = join(ROOT, 'node_modules', '.cache', 'stripe-double')

export function requestSchema(): SchemaDocument {
  const version = `${Stripe.PACKAGE_VERSION}\n${readFileSync(SOURCE, 'utf8')}\n${readFileSync(import.meta.filename, 'utf8')}`
  const file = join(CACHE, `${createHash('sha256').update(version).digest('hex').slice(0, 16)}.json`)
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as SchemaDocument
  } catch {
    const schema = generate()
    mkdirSync(CACHE, { recursive: true })
    // Two processes may make it at once, and neither may read half of it.
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(schema))
    renameSync(`${file}.${process.pid}`, file)
    return schema
  }
}

function generate(): SchemaDocument {
  // It brings a whole compiler, which nobody needs to wait for while the cache is good.
  const require = createRequire(import.meta.url)
  const { createGenerator } = require('ts-json-schema-generator') as typeof import('ts-json-schema-generator')
  const made = createGenerator({
    path: SOURCE,
    tsconfig: join(ROOT, 'tsconfig.node.json'),
    type: 'Requests',
    additionalProperties: false,
    skipTypeCheck: true,
  }).createSchema('Requests')
  // Every number of the API that the double takes is a whole one: cents, seconds, counts.
  const text = JSON.stringify(made)
    .replaceAll('"type":"number"', '"type":"integer"')
    .replaceAll('"number"', '"integer"')
  const schema = JSON.parse(text) as SchemaDocument
  // The SDK leaves its enums open for what newer versions may answer; what may be sent is closed.
  return { ...schema, definitions: { ...schema.definitions, OtherString: { not: {} } } }
}
