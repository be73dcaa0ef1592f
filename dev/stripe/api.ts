/** `/v1`: who may ask, which version, faults, idempotency, parameters, and then the handler in one transaction. */
import { type Context, Hono } from 'hono'
import { fingerprint, keyInUse, type StoredAnswer, storedAnswer } from './answers.ts'
import type { Books } from './books.ts'
import { catalogRoutes } from './catalog.ts'
import { chargeRoutes } from './charges.ts'
import { checkoutRoutes } from './checkout.ts'
import { customerRoutes } from './customers.ts'
import { API_VERSION, type Desk, type Ids, newId, type Routes } from './desk.ts'
import { disputeRoutes } from './disputes.ts'
import { eventRoutes } from './events.ts'
import { type Fault, faultError, takeFault } from './faults.ts'
import { decodeForm, type RawObject } from './form.ts'
import { expand } from './lists.ts'
import type { ReadParams } from './params.ts'
import { paymentIntentRoutes } from './payment-intents.ts'
import { paymentMethodRoutes } from './payment-methods.ts'
import { portalRoutes } from './portal.ts'
import { refundRoutes } from './refunds.ts'
import { Declined, type ErrorObject, invalid, Refusal } from './refusal.ts'
import type { Requests, Route } from './requests.ts'
import { setupIntentRoutes } from './setup-intents.ts'
import { webhookEndpointRoutes } from './webhook-endpoints.ts'

export interface ApiOptions {
  readonly books: Books
  readonly nowMs: () => number
  readonly until: (timeMs: number) => Promise<void>
  readonly readParams: ReadParams
  readonly desk: (context: Context, request: Desk['request']) => Desk
  /** Called once something may have been written. */
  readonly committed: () => void
}

/** Every route of `Requests` has a handler, or this does not compile. */
const ROUTES: Required<Routes> = {
  ...catalogRoutes,
  ...chargeRoutes,
  ...checkoutRoutes,
  ...customerRoutes,
  ...disputeRoutes,
  ...eventRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...portalRoutes,
  ...refundRoutes,
  ...setupIntentRoutes,
  ...webhookEndpointRoutes,
}

/** Tells the shell around the app to close the connection without an answer. */
export const LOST = 'x-double-answer-lost'
const TEST_KEY = /^(?:sk|rk)_test_\w+$/

export function stripeApi(options: ApiOptions): Hono {
  const app = new Hono()
  /** A crash forgets them, and with them that they had begun: nothing was written. */
  const inFlight = new Set<string>()
  for (const route of Object.keys(ROUTES) as Route[]) {
    const [method = '', path = ''] = route.split(' ')
    app.on(method, path, (context) => answerRoute(options, inFlight, route, context))
  }
  return app
}

async function answerRoute(
  options: ApiOptions,
  inFlight: Set<string>,
  route: Route,
  context: Context,
): Promise<Response> {
  const { books, nowMs } = options
  const { req } = context
  checkKey(req.header('authorization') ?? '')
  const isLegacy = checkVersion(req.header('stripe-version'))
  const text = req.method === 'POST' ? await req.text() : new URL(req.url).search.slice(1)
  const key = req.method === 'POST' ? req.header('idempotency-key') : undefined
  const request = fingerprint(req.path, text)
  if (key !== undefined && inFlight.has(key)) throw keyInUse(key)
  if (key !== undefined) inFlight.add(key)
  try {
    const fault = takeFault(books, route)
    if (fault?.strikes === 'before') {
      const struck = await strike(options, fault, key)
      if (struck !== undefined) return struck
    }
    const stored = key === undefined ? undefined : storedAnswer(books, key, req.path, request, nowMs())
    if (stored !== undefined) {
      // The answer can be lost on the way again.
      const struck = fault?.strikes === 'after' ? await strike(options, fault, key) : undefined
      return struck ?? respond(stored, key, true)
    }
    const params = options.readParams(route, isLegacy ? modernized(decodeForm(text)) : decodeForm(text))
    const answer = carryOut(options, route, params, context, { key, request, fault })
    options.committed()
    const struck = fault?.strikes === 'after' ? await strike(options, fault, key) : undefined
    return struck ?? respond(answer, key, false)
  } finally {
    if (key !== undefined) inFlight.delete(key)
  }
}

interface Asked {
  readonly key: string | undefined
  readonly request: string
  readonly fault: Fault | undefined
}

/** The handler's work and the memory of its answer, both or neither. */
function carryOut<R extends Route>(
  options: ApiOptions,
  route: R,
  params: Requests[R],
  context: Context,
  { key, request, fault }: Asked,
): StoredAnswer {
  const { books } = options
  const requestId = newId('req')
  const desk = options.desk(context, { id: requestId, idempotency_key: key ?? null })
  // Which parameters belong to which handler, `Required<Routes>` has checked; here they are one of many.
  const handle: (desk: Desk, params: never, ids: Ids) => object | Declined = ROUTES[route]
  return books.transaction(() => {
    const { status, body } = tried(books, () => {
      const outcome = handle(desk, params as never, { id: '', other: '', ...context.req.param() })
      if (outcome instanceof Declined) return { status: 402, body: { error: outcome.error } }
      return { status: 200, body: expand(desk, outcome, params.expand ?? []) }
    })
    // Stripe keeps a 500 too: the same key then never tells what became of the request.
    const failed = fault?.strikes === 'after' && typeof fault.answer === 'number' && fault.answer >= 500
    const kept = failed ? { status: Number(fault.answer), body: { error: faultError(500) } } : { status, body }
    const stored = { route: context.req.path, request, requestId, at: desk.nowMs }
    if (key !== undefined && context.req.method === 'POST') {
      books.putNote('answer', key, { ...stored, status: kept.status, body: JSON.stringify(kept.body) })
    }
    return { ...stored, status, body: JSON.stringify(body, null, 2) }
  })
}

/** A refusal undoes what the handler wrote, and nothing else. */
function tried(books: Books, work: () => { status: number; body: object }): { status: number; body: object } {
  try {
    return books.transaction(work)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { status: error.status, body: { error: error.error } }
  }
}

async function strike(options: ApiOptions, fault: Fault, key: string | undefined): Promise<Response | undefined> {
  if (fault.delayMs > 0) await options.until(options.nowMs() + fault.delayMs)
  if (fault.answer === 'real') return undefined
  if (fault.answer === 'lost') return new Response(null, { status: 500, headers: { [LOST]: 'yes' } })
  const body = JSON.stringify({ error: faultError(fault.answer) })
  return respond({ status: fault.answer, body, requestId: newId('req') }, key, false)
}

function respond(
  { status, body, requestId }: Pick<StoredAnswer, 'status' | 'body' | 'requestId'>,
  key: string | undefined,
  replayed: boolean,
): Response {
  const headers = new Headers({ 'content-type': 'application/json', 'stripe-version': API_VERSION })
  headers.set('request-id', replayed ? newId('req') : requestId)
  if (key !== undefined) headers.set('idempotency-key', key)
  if (replayed) headers.set('idempotent-replayed', 'true')
  if (key !== undefined) headers.set('original-request', requestId)
  return new Response(body, { status, headers })
}

export function errorResponse(status: number, error: ErrorObject): Response {
  return respond({ status, body: JSON.stringify({ error }, null, 2), requestId: newId('req') }, undefined, false)
}

function checkKey(authorization: string): void {
  const [scheme = '', credentials = ''] = authorization.split(' ')
  // Basic takes the key as the user's name.
  const key = scheme === 'Basic' ? atob(credentials).split(':')[0] : credentials
  if (TEST_KEY.test(key ?? '')) return
  const message =
    authorization === ''
      ? 'You did not provide an API key.'
      : 'Invalid API Key provided: the double takes test keys only, sk_test_… and rk_test_….'
  throw new Refusal(401, { type: 'invalid_request_error', message })
}

/** Whether the request names no version: then it is the account's, which is older, as for Stripe's CLI. */
function checkVersion(version: string | undefined): boolean {
  if (version === undefined) return true
  if (version !== API_VERSION) throw invalid(`Invalid Stripe API version: ${version}. The double has ${API_VERSION}.`)
  return false
}

/** The one name that the CLI's fixtures use and endive removed. */
function modernized({ payment_method_types: types, ...rest }: RawObject): RawObject {
  return types === undefined ? rest : { ...rest, allowed_payment_method_types: types }
}
