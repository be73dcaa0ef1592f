/**
 * Calls the real Worker, and holds every answer against the contract (I14): a status that the route documents, a body of
 * the documented schema, a problem with a listed code, a Request-Id.
 */
import { env, exports } from 'cloudflare:workers'
import { expect, onTestFinished } from 'vitest'
import { Problem } from '../../src/http/answers.ts'
import { openApiPath, problemCodes } from '../../src/http/openapi.ts'
import { PROBLEMS } from '../../src/http/problems.ts'
import type { Route } from '../../src/http/route.ts'
import { routes } from '../../src/http/routes.ts'

export const OPERATOR = 'operator-test-key-newest'
export const RUNNER = 'runner-test-key-newest'

export interface Options {
  /** The key; `null` sends none. By default the operator's. */
  readonly key?: string | null
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly ip?: string
  /** Races send thousands of calls whose answers are of one kind; they leave the check of the contract out. */
  readonly unchecked?: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes; the schema was checked before.
export type Body = any

export interface Result {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export async function call(method: string, path: string, options: Options = {}): Promise<Result> {
  const { key = OPERATOR, body } = options
  const headers = new Headers({ 'CF-Connecting-IP': options.ip ?? crypto.randomUUID() })
  if (key !== null) headers.set('Authorization', `Bearer ${key}`)
  if (body !== undefined) headers.set('Content-Type', 'application/json')
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value)
  const init = {
    method,
    headers,
    redirect: 'manual' as const,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  }
  const response = await exports.default.fetch(new Request(`https://credits.test${path}`, init))
  keepOpen(response.webSocket)
  const text = response.webSocket ? '' : await response.text()
  const isJson = /json/.test(response.headers.get('Content-Type') ?? '')
  const result = { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  if (options.unchecked !== true) checkContract(method, new URL(path, 'https://credits.test').pathname, result)
  return result
}

/** A connection that nobody holds is torn down at any moment; this one lasts as long as the test. */
function keepOpen(socket: WebSocket | null): void {
  if (socket === null) return
  socket.accept()
  onTestFinished(() => socket.close())
}

/** Shorthands for one account. */
export function accountApi(account: string, options: Options = {}) {
  const base = `/v1/accounts/${account}`
  return {
    id: account,
    open: (body: unknown = {}) => call('PUT', base, { body }),
    grant: (id: string, credits: number, more: object = {}) =>
      call('PUT', `${base}/grants/${id}`, { body: { kind: 'promotional', credits, reason: 'a test', ...more } }),
    reserve: (id: string, body: unknown, key: string = RUNNER) =>
      call('PUT', `${base}/reservations/${id}`, { ...options, key, body }),
    quote: (facts: unknown) => call('POST', `${base}/quotes`, { ...options, key: RUNNER, body: facts }),
    settle: (id: string, credits: number) =>
      call('POST', `${base}/reservations/${id}/settle`, { ...options, key: RUNNER, body: { credits } }),
    release: (id: string) => call('POST', `${base}/reservations/${id}/release`, { ...options, key: RUNNER, body: {} }),
    extend: (id: string, body: unknown) =>
      call('POST', `${base}/reservations/${id}/extend`, { ...options, key: RUNNER, body }),
    putByok: (apiKey: string, options: Options = {}) =>
      call('PUT', `${base}/byok`, { body: { api_key: apiKey }, ...options }),
    removeByok: () => call('DELETE', `${base}/byok`, options),
    readByok: (reservation: string, key: string = RUNNER) =>
      call('GET', `${base}/byok/key?reservation=${reservation}`, { ...options, key }),
    get: (path: string, options: Options = {}) => call('GET', `${base}${path}`, options),
    post: (path: string, body: unknown, options: Options = {}) => call('POST', `${base}${path}`, { body, ...options }),
    del: (path: string) => call('DELETE', `${base}${path}`),
    balance: async () => (await call('GET', `${base}/balance`)).body as Body,
    audit: async () => (await call('GET', `${base}/audit`)).body as Body,
    stub: () => env.ACCOUNT.getByName(account),
  }
}

export type AccountApi = ReturnType<typeof accountApi>

let opened = 0

/** A new account of its own for a test, with the given credits that never expire and no trial. */
export async function newAccount(credits = 0, options: object = {}): Promise<AccountApi> {
  opened += 1
  const account = accountApi(`account-${opened}-${crypto.randomUUID().slice(0, 8)}`)
  expect((await account.open({ trial: null, ...options })).status).toBe(201)
  if (credits > 0) expect((await account.grant('first', credits)).status).toBe(201)
  return account
}

function checkContract(method: string, pathname: string, { status, headers, body }: Result): void {
  const where = `${method} ${pathname} answered ${status}`
  expect(headers.get('Request-Id'), where).toMatch(/^req_/)
  const route = routes.find((each) => each.method === method.toLowerCase() && matches(each, pathname))
  const answer = route?.answers[status]
  // Customers, who follow a link, get a page in any case.
  const isPage = answer?.contentType === 'text/html' && headers.get('Content-Type')?.startsWith('text/html') === true
  if (status >= 400 && !isPage) {
    expect(headers.get('Content-Type'), where).toBe('application/problem+json')
    const problem = Problem.parse(body)
    expect(PROBLEMS[problem.code].status, where).toBe(status)
    expect(problem.status, where).toBe(status)
    if (status === 429 || status === 503) expect(headers.get('Retry-After'), where).toMatch(/^\d+$/)
    if (route !== undefined) expect(problemCodes(route), where).toContain(body.code)
    return
  }
  if (route === undefined) return
  expect(answer, `${where}, which is not documented`).toBeDefined()
  if (/json/.test(headers.get('Content-Type') ?? '')) answer?.schema?.parse(body)
}

function matches(route: Route, pathname: string): boolean {
  const pattern = openApiPath(route.path).replace(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}$`).test(pathname)
}
