/** The SDK's client, one per configuration. No other folder knows that there is an SDK. */
import { Stripe } from 'stripe'

/** Pinned: the literal type makes an upgrade a conscious act. */
const API_VERSION = '2026-10-28.endive' satisfies Stripe.LatestApiVersion

/** Long enough for a slow charge, short enough that an alarm is not kept by one call. */
const TIMEOUT_MS = 10_000

const KEY_PATTERN = /^(?:sk|rk)_(test|live)_\w{10,}$/

export interface StripeSettings {
  readonly key: string
  /** Stripe's double, on a developer's machine; in production there is none. */
  readonly apiBase: string | null
}

/** The SDK's client, for folders that pass it on and know nothing of it. */
export type StripeClient = Stripe

/** How requests go out; a test may put its own wire here. */
export type Wire = typeof fetch

let cached: { readonly of: string; readonly client: Stripe } | null = null

/** The client of this deployment. Throws an error that names the variable that is wrong, never its value. */
export function stripeOf(env: Env): Stripe {
  const { STRIPE_SECRET_KEY: key, STRIPE_API_BASE: apiBase = null } = env as Env & OptionalEnv
  const of = JSON.stringify([key, apiBase])
  if (cached?.of === of) return cached.client
  const isLive = isLiveKey(key ?? '')
  if (isLive === null) throw new Error('STRIPE_SECRET_KEY is not a secret key of Stripe')
  // Real cards must never meet a double that says yes to everything.
  if (isLive && apiBase !== null) throw new Error('STRIPE_API_BASE is set beside a live STRIPE_SECRET_KEY')
  const client = newClient({ key, apiBase })
  cached = { of, client }
  return client
}

/** Set on a developer's machine alone, so wrangler's types of the deployment do not know it. */
interface OptionalEnv {
  readonly STRIPE_API_BASE?: string
}

export function newClient({ key, apiBase }: StripeSettings, wire?: Wire): Stripe {
  return new Stripe(key, {
    apiVersion: API_VERSION,
    timeout: TIMEOUT_MS,
    // Our own retries are slower, survive a crash, and read before they write.
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: Stripe.createFetchHttpClient(wire),
    ...(apiBase === null ? {} : hostOf(apiBase)),
  })
}

/** Whether money moves that is real; `null` for what is no secret key at all. */
export function isLiveKey(key: string): boolean | null {
  const mode = KEY_PATTERN.exec(key)?.[1]
  return mode === undefined ? null : mode === 'live'
}

function hostOf(apiBase: string) {
  const { hostname, port, protocol } = new URL(apiBase)
  const isSecure = protocol === 'https:'
  return { host: hostname, port: port || (isSecure ? '443' : '80'), protocol: isSecure ? 'https' : 'http' } as const
}
