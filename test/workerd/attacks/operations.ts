/**
 * Every operation of the published document, each with its smallest valid request, so that attacks are made of what is
 * published and a new route cannot be forgotten.
 */
import type { OpenApi, Operation } from '../../../src/http/openapi.ts'
import { type AccountApi, call, type Options, type Result } from '../api.ts'

export interface Endpoint {
  readonly name: string
  readonly method: string
  /** As documented: with `{account}` and `{id}`. */
  readonly path: string
  readonly operation: Operation
}

interface Example {
  /** What a key that may call it is answered. */
  readonly status: number
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  /** Makes what the path's id names; returns that id. */
  readonly prepare?: (account: AccountApi) => Promise<string>
}

const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }

const EXAMPLES: Readonly<Record<string, Example>> = {
  listTiers: { status: 200 },
  listPacks: { status: 200 },
  estimate: { status: 200, body: FACTS },
  estimateForAccount: { status: 200, body: FACTS },
  reserve: { status: 201, body: { credits: 1 }, prepare: async () => freshId() },
  settle: { status: 200, body: { credits: 1 }, prepare: heldReservation },
  release: { status: 200, body: {}, prepare: heldReservation },
  extend: { status: 200, body: { accrued: 1 }, prepare: heldReservation },
  getReservation: { status: 200, prepare: heldReservation },
  listReservations: { status: 200 },
  batch: { status: 200, body: { commands: [{ op: 'release', id: 'unknown' }] } },
  getBalance: { status: 200 },
  watchBalance: { status: 101, headers: { Upgrade: 'websocket' } },
  listEntries: { status: 200 },
  getUsage: { status: 200 },
  mintKey: { status: 201, body: { scope: 'read' } },
  listKeys: { status: 200 },
  revokeKey: { status: 200, prepare: mintedKey },
  openAccount: { status: 200, body: {} },
  getAccount: { status: 200 },
  listAccounts: { status: 200 },
  audit: { status: 200 },
  rebuildHistory: { status: 202 },
  giveGrant: {
    status: 201,
    body: { kind: 'promotional', credits: 1, reason: 'a test' },
    prepare: async () => freshId(),
  },
  voidGrant: { status: 200, prepare: promotionalGrant },
  listGrants: { status: 200 },
  getOpenApi: { status: 200 },
  getDocs: { status: 200 },
  getHealth: { status: 200 },
}

export const document = (await call('GET', '/openapi.json', { key: null })).body as OpenApi

export const endpoints: readonly Endpoint[] = Object.entries(document.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => {
    return { name: operation.operationId, method: method.toUpperCase(), path, operation }
  }),
)

export const withAccount = endpoints.filter((endpoint) => endpoint.path.includes('{account}'))
export const withId = endpoints.filter((endpoint) => endpoint.path.includes('{id}'))
export const withBody = endpoints.filter((endpoint) => endpoint.operation.requestBody !== undefined)

export function exampleOf(endpoint: Endpoint): Example {
  const example = EXAMPLES[endpoint.name]
  if (example === undefined) throw new Error(`operations.ts has no example of ${endpoint.name}: give it one`)
  return example
}

/** The path with its parameters filled in. */
export function pathOf(endpoint: Endpoint, account: string, id = 'some-id'): string {
  return endpoint.path.replace('{account}', account).replace('{id}', id)
}

/** Calls an operation as its example says. */
export function attempt(
  endpoint: Endpoint,
  account: string,
  options: Options & { readonly id?: string } = {},
): Promise<Result> {
  const { body, headers } = exampleOf(endpoint)
  const { id, ...rest } = options
  return call(endpoint.method, pathOf(endpoint, account, id), {
    ...(body === undefined ? {} : { body }),
    ...(headers === undefined ? {} : { headers }),
    ...rest,
  })
}

let ids = 0

export function freshId(): string {
  ids += 1
  return `id-${ids}`
}

async function heldReservation(account: AccountApi): Promise<string> {
  const id = freshId()
  await account.reserve(id, { credits: 2 })
  return id
}

async function promotionalGrant(account: AccountApi): Promise<string> {
  const id = freshId()
  await account.grant(id, 1)
  return id
}

async function mintedKey(account: AccountApi): Promise<string> {
  return (await account.post('/keys', { scope: 'read' })).body.id
}
