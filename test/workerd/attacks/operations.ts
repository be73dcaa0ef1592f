/**
 * Every operation of the published document, each with its smallest valid request, so that attacks are made of what is
 * published and a new route cannot be forgotten.
 */
import { env } from 'cloudflare:workers'
import type { OpenApi, Operation } from '../../../src/http/openapi.ts'
import { paymentLinks } from '../../../src/http/payment-links.ts'
import { type AccountApi, call, type Options, type Result } from '../api.ts'
import { payWith, signatureOf } from '../payments/stripe.ts'

export interface Endpoint {
  readonly name: string
  readonly method: string
  /** As documented: with `{account}`, `{id}` and, where the account is in a signed link, `{link}`. */
  readonly path: string
  readonly operation: Operation
}

interface Example {
  /** What a key that may call it is answered. */
  readonly status: number
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  /** The query, of the id of what it names. */
  readonly query?: (id: string) => string
  /** Makes what the path's id, or the query, names; returns that id. */
  readonly prepare?: (account: AccountApi) => Promise<string>
}

const FACTS = { tier: 'code_review', diff_lines: 150, files: 6 }

/** No key of anybody's. */
export const OWN_KEY = 'sk-ant-api03-for_tests-0123456789-wxyz'

/** Of a kind that is none of ours: it is taken and nothing comes of it. */
const EVENT = { id: 'evt_1', object: 'event', type: 'charge.updated', livemode: false, data: { object: {} } }
const PAGES = { success_url: 'https://shop.test/paid', cancel_url: 'https://shop.test/cancelled' }
const TOP_UP = { enabled: false, threshold: 100, pack: 'starter', monthly_limit_cents: 2_000 }

const EXAMPLES: Readonly<Record<string, Example>> = {
  listTiers: { status: 200 },
  listPacks: { status: 200 },
  estimate: { status: 200, body: FACTS },
  estimateForAccount: { status: 200, body: FACTS },
  quote: { status: 201, body: FACTS },
  getEstimateAccuracy: { status: 200 },
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
  checkout: { status: 201, body: { pack: 'starter', ...PAGES } },
  listPurchases: { status: 200 },
  getPurchase: { status: 200, prepare: openPurchase },
  syncPurchase: { status: 200, prepare: openPurchase },
  refundPurchase: { status: 201, body: { reason: 'a test' }, prepare: paidPurchase },
  openPortal: { status: 200, body: { return_url: PAGES.success_url } },
  showPurchase: { status: 200, prepare: openPurchase },
  payPurchase: { status: 303, prepare: openPurchase },
  getAutoTopUp: { status: 200 },
  changeAutoTopUp: { status: 200, body: TOP_UP },
  previewAutoTopUp: { status: 200, body: { threshold: 100, pack: 'starter', monthly_limit_cents: 2_000 } },
  receiveStripeEvent: { status: 200, body: EVENT },
  getByok: { status: 200 },
  putByok: { status: 200, body: { api_key: OWN_KEY } },
  removeByok: { status: 200 },
  readByokKey: { status: 200, query: (id) => `?reservation=${id}`, prepare: reservationOnOwnKey },
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
  mintDashboardLink: { status: 201, body: { return_url: PAGES.success_url } },
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

/** The account's signed link, where the path has one. */
export async function linkedPathOf(endpoint: Endpoint, account: string, id?: string): Promise<string> {
  const path = pathOf(endpoint, account, id)
  if (!path.includes('{link}')) return path
  return path.replace('{link}', await linkOf(account))
}

/** What a payment link of the account has between `/pay/` and the purchase. */
export async function linkOf(account: string): Promise<string> {
  return (await paymentLinks('', account, env.SIGNING_SECRETS.split(','))).replace('/pay/', '')
}

/** Headers that a request needs to be valid now: Stripe's signature over the body. */
export async function signedHeaders(operation: string, body: unknown): Promise<Record<string, string>> {
  if (operation !== 'receiveStripeEvent') return {}
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? '')
  return { 'Stripe-Signature': await signatureOf(text) }
}

/** Calls an operation as its example says. */
export async function attempt(
  endpoint: Endpoint,
  account: string,
  options: Options & { readonly id?: string } = {},
): Promise<Result> {
  const { body, headers, query } = exampleOf(endpoint)
  const { id = 'some-id', ...rest } = options
  const path = (await linkedPathOf(endpoint, account, id)) + (query?.(id) ?? '')
  return call(endpoint.method, path, {
    ...(body === undefined ? {} : { body }),
    headers: { ...headers, ...(await signedHeaders(endpoint.name, body)) },
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

async function reservationOnOwnKey(account: AccountApi): Promise<string> {
  await account.putByok(OWN_KEY)
  return heldReservation(account)
}

async function openPurchase(account: AccountApi): Promise<string> {
  return (await account.post('/checkout', { pack: 'starter', ...PAGES })).body.purchase.id
}

async function paidPurchase(account: AccountApi): Promise<string> {
  const { purchase, url } = (await account.post('/checkout', { pack: 'starter', ...PAGES })).body
  await payWith('pm_card_visa', url)
  await account.post(`/purchases/${purchase.id}/sync`, {})
  return purchase.id
}

async function promotionalGrant(account: AccountApi): Promise<string> {
  const id = freshId()
  await account.grant(id, 1)
  return id
}

async function mintedKey(account: AccountApi): Promise<string> {
  return (await account.post('/keys', { scope: 'read' })).body.id
}
