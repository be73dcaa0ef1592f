/** Every place where the object may be killed: before and after each call to Stripe, and each commit by what it writes. */

export const ROUTES = [
  'POST /v1/payment_intents',
  'POST /v1/payment_intents/:id/confirm',
  'POST /v1/payment_intents/:id/cancel',
  'GET /v1/payment_intents/:id',
  'GET /v1/customers/:id',
  'GET /v1/customers/:id/payment_methods',
  'POST /v1/customers',
  'POST /v1/checkout/sessions',
  'GET /v1/checkout/sessions/:id',
  'POST /v1/refunds',
  'GET /v1/refunds',
  'GET /v1/disputes',
] as const

/** An attempt as the commit leaves it; `purchase` is any other purchase, or an attempt whose outcome is known. */
const COMMITS = ['written', 'created', 'confirming', 'canceling', 'purchase', 'other'] as const

export type Place = 'before the call' | 'after the call' | 'before a commit' | 'after a commit'

export type Failpoint =
  | `${'before' | 'after'} the call ${(typeof ROUTES)[number]}`
  | `${'before' | 'after'} a commit of ${(typeof COMMITS)[number]}`

export const FAILPOINTS: readonly Failpoint[] = [
  ...ROUTES.flatMap((route) => [`before the call ${route}`, `after the call ${route}`] as const),
  ...COMMITS.flatMap((what) => [`before a commit of ${what}`, `after a commit of ${what}`] as const),
]

const KNOWN: ReadonlySet<string> = new Set(FAILPOINTS)

/** Throws for a place that is not in the list, so that the list stays whole. */
export function failpointAt(place: Place, what: string): Failpoint {
  const name = place.endsWith('commit') ? `${place} of ${what}` : `${place} ${what}`
  if (!KNOWN.has(name)) throw new Error(`${name} is not among the failpoints`)
  return name as Failpoint
}
