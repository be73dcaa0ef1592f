/** The HTTP API: every request passes the same steps, in this order; what differs is in the routes. */
import { type Context, Hono } from 'hono'
import type * as z from 'zod'
import { askAccount } from '../account/client.ts'
import { describeError } from '../account/describe-error.ts'
import { authenticate, type Principal } from './auth.ts'
import { readJson } from './body.ts'
import { configurationOf } from './configuration.ts'
import { NoQuery } from './contract.ts'
import { AccountId, CallerId } from './fields.ts'
import {
  invalidBody,
  invalidField,
  invalidRequest,
  OVERLOADED,
  problem,
  problemResponse,
  RATE_LIMITED,
  UNAUTHORIZED,
  UNKNOWN_ACCOUNT,
} from './problems.ts'
import { type Http, MAX_BODY_BYTES, type Route } from './route.ts'
import { routes } from './routes.ts'

/** The app over the given routes. Exported so that the benchmark can measure other objects through the very same steps. */
export function createApp(served: readonly Route[]): Hono<Http> {
  const app = new Hono<Http>()

  app.use(async (context, next) => {
    context.set('requestId', `req_${crypto.randomUUID()}`)
    await next()
    context.res.headers.set('Request-Id', context.get('requestId'))
    context.res.headers.set('X-Content-Type-Options', 'nosniff')
  })

  for (const route of served) app.on(route.method.toUpperCase(), route.path, (context) => serve(route, context))

  for (const path of new Set(served.map((route) => route.path))) {
    const allowed = served.filter((route) => route.path === path).map((route) => route.method.toUpperCase())
    app.all(path, () =>
      problemResponse(problem('method_not_allowed', `Allowed: ${allowed.join(', ')}.`), { Allow: allowed.join(', ') }),
    )
  }

  app.notFound(() => problemResponse(problem('not_found', 'There is no such route.')))

  /** Bugs and bindings that fail: the request is lost, the system is not, and the caller may ask again. */
  app.onError((error, context) => {
    console.error({ message: 'request failed', request: context.get('requestId'), error: describeError(error) })
    const response = problemResponse(OVERLOADED)
    response.headers.set('Request-Id', context.get('requestId'))
    return response
  })

  return app
}

export const app = createApp(routes)

async function serve(route: Route, context: Context<Http>): Promise<Response> {
  const configuration = configurationOf(context.env)
  const principal = await authenticate(context.req.header('Authorization'), configuration)
  const refused = await authorize(route, principal, context)
  if (refused !== null) return refused
  const { account = '', id = '' } = context.req.param()
  if (principal?.account != null && account !== '' && principal.account !== account)
    return problemResponse(UNKNOWN_ACCOUNT)
  const notAdmitted = account === '' && route.scopes !== 'public' ? await admit(principal, context.env) : null
  if (notAdmitted !== null) return notAdmitted
  const invalid = checkIds(route, account, id)
  if (invalid !== null) return invalid
  const query = (route.query ?? NoQuery).safeParse(context.req.query())
  if (!query.success) return problemResponse(invalidRequest(query.error))
  const body = await parseBody(route, context)
  if (body instanceof Response) return body
  const caller = principal?.caller ?? { kind: 'service' }
  const call = { env: context.env, configuration, context, caller, account, id, body: body.value, query: query.data }
  const response = await route.handle(call)
  // A key that is well signed but revoked or expired is a failed authentication too, and so is a webhook badly signed.
  const isForged = response.status === 401 || (response.status === 400 && route.signed === true)
  return isForged ? ((await limited(context)) ?? response) : response
}

/** Counts a request per IP; the answer to one too many. */
async function limited(context: Context<Http>): Promise<Response | null> {
  const { success } = await context.env.PUBLIC_LIMIT.limit({ key: context.req.header('CF-Connecting-IP') ?? 'unknown' })
  return success ? null : problemResponse(RATE_LIMITED)
}

/** Only what comes without a valid credential is counted, so the hot path never touches the rate limit. */
async function authorize(route: Route, principal: Principal | null, context: Context<Http>): Promise<Response | null> {
  if (principal === null) {
    if (route.uncounted === true) return null
    return (await limited(context)) ?? (route.scopes === 'public' ? null : problemResponse(UNAUTHORIZED))
  }
  if (route.scopes === 'public' || route.scopes.includes(principal.scope)) return null
  return problemResponse(problem('forbidden', `A key of scope ${principal.scope} may not do this.`))
}

/** A route that names no account asks no object, which alone knows whether an account key was revoked or has expired. */
async function admit(principal: Principal | null, env: Env): Promise<Response | null> {
  if (principal === null || principal.account === null) return null
  const admitted = await askAccount(env, principal.account, (object) => object.admit(principal.caller))
  if (admitted.ok) return null
  return problemResponse(admitted.refusal.code === 'overloaded' ? OVERLOADED : UNAUTHORIZED)
}

function checkIds(route: Route, account: string, id: string): Response | null {
  if (account !== '' && !AccountId.safeParse(account).success)
    return problemResponse(idProblem('account', AccountId, account))
  const schema = route.idSchema ?? CallerId
  if (id !== '' && !schema.safeParse(id).success) return problemResponse(idProblem('id', schema, id))
  return null
}

function idProblem(name: string, schema: z.ZodType, value: string) {
  return invalidField(name, schema.safeParse(value).error?.issues[0]?.message ?? 'is not valid')
}

async function parseBody(route: Route, context: Context<Http>): Promise<Response | { readonly value: unknown }> {
  if (route.body === undefined) return { value: undefined }
  const json = await readJson(context.req.raw, route.maxBodyBytes ?? MAX_BODY_BYTES)
  if (!json.ok) return problemResponse(json.problem)
  const body = route.body.safeParse(json.value)
  return body.success ? { value: body.data } : problemResponse(invalidBody(body.error))
}
