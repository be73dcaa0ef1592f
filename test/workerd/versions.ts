/**
 * What the Worker asks of the object and is answered, recorded call by call, so that one release can be played against
 * another: for minutes of every deploy an old Worker calls new objects, and a new Worker old ones.
 */
import { runInDurableObject } from 'cloudflare:test'
import { vi } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import { accountApi, call, RUNNER } from './api.ts'

const ACCOUNT = 'versions'
const BASE = `/v1/accounts/${ACCOUNT}`
const RESERVATIONS = `${BASE}/reservations`
const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }
const STEP_MS = 1_000

interface Request {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly runner?: boolean
}

/** One way through every RPC that does not depend on Stripe or D1. Recorded, so it is only ever added to. */
export const STORY: readonly Request[] = [
  { method: 'PUT', path: BASE, body: { name: 'Versions', allow_debt: true } },
  { method: 'PUT', path: BASE, body: { email: 'versions@example.com' } },
  { method: 'GET', path: BASE },
  { method: 'PUT', path: `${BASE}/grants/gift`, body: { kind: 'promotional', credits: 500, reason: 'a test' } },
  { method: 'PUT', path: `${BASE}/grants/gift`, body: { kind: 'promotional', credits: 501, reason: 'a test' } },
  { method: 'POST', path: `${BASE}/estimates`, body: FACTS, runner: true },
  { method: 'PUT', path: `${RESERVATIONS}/a`, body: { ...FACTS, metadata: { repository: 'acme/api' } }, runner: true },
  { method: 'PUT', path: `${RESERVATIONS}/a`, body: { ...FACTS, metadata: {} }, runner: true },
  { method: 'POST', path: `${RESERVATIONS}/a/extend`, body: { accrued: 3, credits: 70 }, runner: true },
  { method: 'POST', path: `${RESERVATIONS}/a/settle`, body: { cost_usd: '0.5031' }, runner: true },
  { method: 'POST', path: `${RESERVATIONS}/a/release`, body: {}, runner: true },
  { method: 'PUT', path: `${RESERVATIONS}/b`, body: { credits: 20, dedupe_key: 'd', overage: 'debt' }, runner: true },
  { method: 'PUT', path: `${RESERVATIONS}/b2`, body: { credits: 20, dedupe_key: 'd', overage: 'debt' }, runner: true },
  { method: 'PUT', path: `${RESERVATIONS}/c`, body: { credits: 30, supersedes: 'b' }, runner: true },
  { method: 'PUT', path: `${RESERVATIONS}/much`, body: { credits: 9_999 }, runner: true },
  { method: 'GET', path: `${RESERVATIONS}/c` },
  { method: 'GET', path: `${RESERVATIONS}/unknown` },
  {
    method: 'POST',
    path: `${RESERVATIONS}:batch`,
    body: {
      commands: [
        { op: 'release', id: 'c' },
        { op: 'reserve', id: 'e', credits: 5 },
        { op: 'settle', id: 'unknown', credits: 1 },
      ],
    },
    runner: true,
  },
  { method: 'GET', path: `${RESERVATIONS}?limit=2` },
  { method: 'GET', path: `${BASE}/balance` },
  { method: 'GET', path: `${BASE}/grants` },
  { method: 'DELETE', path: `${BASE}/grants/gift` },
  { method: 'GET', path: `${BASE}/purchases` },
  { method: 'GET', path: `${BASE}/auto-top-up` },
  { method: 'GET', path: `${BASE}/keys` },
]

interface Rpc {
  readonly method: string
  readonly args: readonly unknown[]
  readonly answer: unknown
}

export interface Recorded {
  readonly at: number
  readonly request: Request
  readonly status: number
  readonly body: unknown
  readonly calls: readonly Rpc[]
}

type Method = (...args: readonly unknown[]) => Promise<unknown>

/** Puts `wrap` around every method of the object that the Worker calls. Returns what takes it away. */
export async function aroundObject(
  names: readonly string[],
  wrap: (name: string, real: Method) => Method,
): Promise<() => void> {
  const prototype = await runInDurableObject(accountApi(ACCOUNT).stub(), (instance: Account) => {
    return Object.getPrototypeOf(instance) as Record<string, Method>
  })
  const real = names.flatMap((name) => (prototype[name] === undefined ? [] : [[name, prototype[name]] as const]))
  for (const [name, method] of real) {
    prototype[name] = function wrapped(this: unknown, ...args) {
      return wrap(name, (...given) => method.apply(this, [...given]))(...args)
    }
  }
  return () => {
    for (const [name, method] of real) prototype[name] = method
  }
}

export async function perform({ method, path, body, runner }: Request) {
  return call(method, path, { ...(body === undefined ? {} : { body }), ...(runner === true ? { key: RUNNER } : {}) })
}

export function rpc(method: string, args: readonly unknown[]): Promise<unknown> {
  const ask = (accountApi(ACCOUNT).stub() as unknown as Readonly<Record<string, Method>>)[method]
  if (ask === undefined) throw new Error(`there is no ${method}`)
  return ask(...args)
}

/** The story as this release plays it. */
export async function record(names: readonly string[], from: number): Promise<Recorded[]> {
  const recorded: Recorded[] = []
  let calls: Rpc[] = []
  const restore = await aroundObject(names, (method, real) => async (...args) => {
    const answer = await real(...args)
    calls.push(structuredClone({ method, args, answer }))
    return answer
  })
  try {
    for (const [at, request] of STORY.entries()) {
      const now = from + at * STEP_MS
      vi.useFakeTimers({ toFake: ['Date'], now })
      calls = []
      const { status, body } = await perform(request)
      recorded.push({ at: now, request, status, body, calls })
    }
  } finally {
    restore()
  }
  return recorded
}
