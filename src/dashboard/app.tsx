/**
 * The dashboard: pages for a customer in a browser. Every request passes the same steps: headers, then who may send a
 * form, and then either it needs no session (pricing, entering) or its cookie is verified here and admitted by the
 * object, with what it asks for.
 */
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { csrf } from 'hono/csrf'
import { connectToAccount } from '../account/client.ts'
import { describeError } from '../account/describe-error.ts'
import type { AccountRefusal } from '../account/requests.ts'
import { configurationOf } from '../http/configuration.ts'
import { enteringPages, leavingPages, withSession } from './entering.tsx'
import { contentSecurityPolicy, type PageContext, type Pages } from './page.tsx'
import { autoTopUpPages } from './pages/auto-top-up.tsx'
import { billingPages } from './pages/billing.tsx'
import { buyPages } from './pages/buy.tsx'
import { historyPages } from './pages/history.tsx'
import { homePages } from './pages/home.tsx'
import { pricingPages } from './pages/pricing.tsx'
import { reviewPages } from './pages/review.tsx'
import { settingsPages } from './pages/settings.tsx'
import { usagePages } from './pages/usage.tsx'
import { forbidden, notFound, refusedPage, tooLarge, tooManyRequests } from './refusals.tsx'

/** The longest form has a handful of short fields. */
const MAX_FORM_BYTES = 16 * 1024
/** What browsers send forms as. */
const FORM = /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export const dashboard = new Hono<Pages>()

dashboard.use(async (context, next) => {
  context.set('requestId', `req_${crypto.randomUUID()}`)
  await next()
  if (context.res.status === 401 && (await isOneTooMany(context))) context.res = await tooManyRequests(context)
  const { headers } = context.res
  headers.set('Request-Id', context.get('requestId'))
  headers.set('Content-Security-Policy', contentSecurityPolicy(context))
  headers.set('X-Content-Type-Options', 'nosniff')
  headers.set('Referrer-Policy', 'same-origin')
  headers.set('Cross-Origin-Opener-Policy', 'same-origin')
  headers.set('Cross-Origin-Resource-Policy', 'same-origin')
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
})

// A step of its own: where it throws, the page that says so has its headers all the same.
dashboard.use(async (context, next) => {
  context.set('configuration', configurationOf(context.env))
  return next()
})

// A form of another site has another Origin; the cookie would not come with it either. What is no form at all is
// refused first, because csrf() lets it through.
dashboard.use((context, next) => {
  const isForm = FORM.test(context.req.header('Content-Type') ?? '')
  return SAFE_METHODS.has(context.req.method) || isForm ? next() : forbidden(context)
})
dashboard.use(csrf())
dashboard.use(bodyLimit({ maxSize: MAX_FORM_BYTES, onError: (context) => tooLarge(context as PageContext) }))

for (const register of [pricingPages, enteringPages]) register(dashboard)

dashboard.use(withSession)

/** The live balance. Any page can open a WebSocket to anywhere, cookie and all: hence the look at where it comes from. */
dashboard.get('/dashboard/live', async (context) => {
  const { origin } = new URL(context.req.url)
  const isUpgrade = context.req.header('Upgrade')?.toLowerCase() === 'websocket'
  if (!isUpgrade || context.req.header('Origin') !== origin) return notFound(context)
  const { account, caller } = context.get('visitor')
  const response = await connectToAccount(context.env, account, caller)
  if (response.status !== 101) return refusedPage(context, (await response.json()) as AccountRefusal)
  // A response from elsewhere has immutable headers, and ours are still to be set.
  return new Response(null, { status: 101, webSocket: response.webSocket })
})

for (const register of [
  leavingPages,
  homePages,
  usagePages,
  historyPages,
  reviewPages,
  settingsPages,
  billingPages,
  buyPages,
  autoTopUpPages,
])
  register(dashboard)

dashboard.notFound((context) => notFound(context as PageContext))

dashboard.onError((error, context) => {
  // Hono's own refusal, of a form that another site sent.
  if ('getResponse' in error) return forbidden(context as PageContext)
  console.error({ message: 'page failed', request: context.get('requestId'), error: describeError(error) })
  return refusedPage(context as PageContext, { code: 'overloaded', retryAfterSeconds: 1 })
})

/** Counts failed authentications per IP, as the API does; nobody who is logged in is ever counted. */
async function isOneTooMany(context: Context<Pages>): Promise<boolean> {
  const { success } = await context.env.PUBLIC_LIMIT.limit({ key: context.req.header('CF-Connecting-IP') ?? 'unknown' })
  return !success
}

const FIRST_STEPS = new Set(['enter', 'logout', 'dashboard', 'billing', 'usage', 'settings', 'pricing'])

/** Whether a path is one of the dashboard's. */
export function isPage(pathname: string): boolean {
  return pathname === '/' || FIRST_STEPS.has(pathname.split('/')[1] ?? '')
}
