/**
 * Makes this thread's Node a place where the Worker's source runs and a seed says all: text imports, the few globals of
 * workerd, one clock, and chance from a seed. It patches globals for good, so it is imported by a worker thread only.
 */
import { createRequire, registerHooks, syncBuiltinESMExports } from 'node:module'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../test/core/ledger/random.ts'
import { VirtualTime } from './virtual-time.ts'

/** Source as it is loaded; a broken build changes it here. */
export type Rewrite = (path: string, source: string) => string
let rewrite: Rewrite = (_path, source) => source

/** Before anything of the Worker is imported. */
export function rewriteSources(by: Rewrite): void {
  rewrite = by
}

function itself(path: string) {
  return { url: new URL(path, import.meta.url).href, shortCircuit: true }
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'cloudflare:workers') return itself('whole/durable-object.ts')
    if (specifier === 'stripe' && context.parentURL?.endsWith('/src/stripe/client.ts')) return itself('whole/sdk.ts')
    return next(specifier, context)
  },
  load(url, context, next) {
    const asModule = (source: string) => ({ format: 'module', source, shortCircuit: true }) as const
    if (url.endsWith('.sql')) {
      return asModule(`export default ${JSON.stringify(rewrite(fileURLToPath(url), textOf(url)))}`)
    }
    // Node reads no JSX; and nobody looks at pages here.
    if (url.endsWith('.tsx')) return asModule(withoutPages(textOf(url)))
    if (!url.includes('/src/') || url.includes('/node_modules/')) return next(url, context)
    const format = 'module-typescript'
    return { format, source: rewrite(fileURLToPath(url), textOf(url)), shortCircuit: true }
  },
})

function textOf(url: string): string {
  return readFileSync(fileURLToPath(url), 'utf8')
}

/** A module with the same names, each of which says that it is not there. */
function withoutPages(source: string): string {
  const names = [...source.matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(([, name]) => name)
  return names.map((name) => `export const ${name} = () => { throw new Error('no ${name} here') }`).join('\n')
}

/** Of `node:crypto` itself: its importers, the double and the SDK, are given what is put here. */
const nodeCrypto = createRequire(import.meta.url)('node:crypto') as typeof import('node:crypto')
const { timingSafeEqual } = nodeCrypto

let chance: Random | null = null

/** From here on all chance and all ids come from this. */
export function seedChance(from: Random): void {
  chance = from
}

const BYTE = 256
/** As many as a number of Math.random is made of. */
const STEPS_OF_CHANCE = 2 ** 32

function bytes(count: number): Buffer {
  if (chance === null) throw new Error('chance has no seed yet')
  const from = chance
  return Buffer.from(Array.from({ length: count }, () => from.below(BYTE)))
}

function uuid(): ReturnType<typeof crypto.randomUUID> {
  const hex = bytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The SDK takes the stack of every request, for errors that hardly anybody reads here. */
Error.stackTraceLimit = 4

export const time = new VirtualTime()
time.install()
Math.random = () => (chance === null ? 0 : chance.below(STEPS_OF_CHANCE) / STEPS_OF_CHANCE)
Object.assign(nodeCrypto, { randomBytes: bytes, randomUUID: uuid })
syncBuiltinESMExports()
Object.defineProperty(crypto, 'randomUUID', { value: uuid })
Object.assign(globalThis, { WebSocketRequestResponsePair: class {} })
// Node computes these on threads of its own, in an order that no seed decides.
const { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } = nodeCrypto
const macOf = (key: Uint8Array, text: Uint8Array) => new Uint8Array(createHmac('sha256', key).update(text).digest())
interface Hkdf {
  readonly salt: Uint8Array
  readonly info: Uint8Array
}
interface Gcm {
  readonly iv: Uint8Array
  readonly additionalData: Uint8Array
}
const TAG_BYTES = 16
const derive = ({ salt, info }: Hkdf, root: Uint8Array, bits: number) =>
  new Uint8Array(hkdfSync('sha256', root, salt, info, bits / 8))
/** Sealing and opening let others be served meanwhile, as in the runtime. */
const inAnotherTurn = () => new Promise((resolve) => setTimeout(resolve, 0))
const subtle = {
  timingSafeEqual,
  importKey: async (_format: string, raw: Uint8Array) => raw.slice(),
  sign: async (_algorithm: string, key: Uint8Array, text: Uint8Array) => macOf(key, text).buffer,
  verify: async (_algorithm: string, key: Uint8Array, mac: Uint8Array, text: Uint8Array) =>
    mac.byteLength === 32 && timingSafeEqual(macOf(key, text), mac),
  digest: async (_algorithm: string, text: Uint8Array) =>
    new Uint8Array(createHash('sha256').update(text).digest()).buffer,
  deriveBits: async (how: Hkdf, root: Uint8Array, bits: number) => derive(how, root, bits).buffer,
  deriveKey: async (how: Hkdf, root: Uint8Array, { length }: { readonly length: number }) => derive(how, root, length),
  async encrypt({ iv, additionalData }: Gcm, key: Uint8Array, text: Uint8Array) {
    await inAnotherTurn()
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(additionalData)
    return new Uint8Array(Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])).buffer
  },
  async decrypt({ iv, additionalData }: Gcm, key: Uint8Array, sealed: Uint8Array) {
    await inAnotherTurn()
    const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(additionalData)
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    // Throws where the tag does not fit.
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()])).buffer
  },
}
for (const [name, value] of Object.entries(subtle)) Object.defineProperty(crypto.subtle, name, { value })
function randomValues<T extends Uint8Array>(array: T): T {
  array.set(bytes(array.byteLength))
  return array
}
Object.defineProperty(crypto, 'getRandomValues', { value: randomValues })
Object.assign(globalThis, { scheduler: { wait: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) } })
