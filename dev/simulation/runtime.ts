/**
 * Makes this thread's Node a place where the Worker's source runs and a seed says all: text imports, the few globals of
 * workerd, one clock, and chance from a seed. It patches globals for good, so it is imported by a worker thread only.
 */
import { createRequire, registerHooks, syncBuiltinESMExports } from 'node:module'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../test/core/ledger/random.ts'
import { VirtualTime } from './virtual-time.ts'

registerHooks({
  load(url, context, next) {
    if (!url.endsWith('.sql')) return next(url, context)
    const source = `export default ${JSON.stringify(readFileSync(fileURLToPath(url), 'utf8'))}`
    return { format: 'module', source, shortCircuit: true }
  },
})

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
Object.defineProperty(crypto.subtle, 'timingSafeEqual', { value: timingSafeEqual })
Object.assign(globalThis, { WebSocketRequestResponsePair: class {} })
