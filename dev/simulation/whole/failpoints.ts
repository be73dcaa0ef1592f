/** Every place where an object may be killed: before and after each call to Stripe, each batch to D1, each commit by its kind. */
import { ENTRY_KINDS } from '../../../src/ledger/entry.ts'
import { ROUTES as OF_PAYMENTS } from '../failpoints.ts'

const ROUTES = [...OF_PAYMENTS, 'GET /v1/charges'] as const

/** Kinds of entries, or the first table that a commit writes where it has no entry. */
const COMMITS = [
  ...ENTRY_KINDS,
  'account',
  'alarm',
  'byok',
  'calibrations',
  'inbox',
  'keys',
  'learning',
  'outbox',
  'payer',
  'purchases',
  'refunds',
  'reservation_aliases',
  'reservations',
  'schema_steps',
  'settings_requests',
] as const

export type Failpoint =
  | `${'before' | 'after'} the call ${(typeof ROUTES)[number]}`
  | `${'before' | 'after'} a commit of ${(typeof COMMITS)[number]}`
  | `${'before' | 'after'} a batch`

export const FAILPOINTS: readonly Failpoint[] = [
  ...ROUTES.flatMap((route) => [`before the call ${route}`, `after the call ${route}`] as const),
  ...COMMITS.flatMap((what) => [`before a commit of ${what}`, `after a commit of ${what}`] as const),
  'before a batch',
  'after a batch',
]

const OF_MONEY =
  /the call|commit of (?:refund|refund_reversal|dispute|dispute_reversal|auto_top_up_changed|inbox|payer|purchases|refunds|settings_requests)$/

/** Those that are met where money moves only, and all others. */
export const FAILPOINTS_OF_MONEY: readonly Failpoint[] = FAILPOINTS.filter((name) => OF_MONEY.test(name))
export const FAILPOINTS_OF_REVIEWS: readonly Failpoint[] = FAILPOINTS.filter((name) => !OF_MONEY.test(name))

/** Of both, what few lives come to. */
const SELDOM =
  /cancel|of (?:byok|byok_read|calibrations|dispute|dispute_reversal|extend|reservation_aliases|schema_steps|settings_requests)$/
export const SELDOM_OF_MONEY: readonly Failpoint[] = FAILPOINTS_OF_MONEY.filter((name) => SELDOM.test(name))
export const SELDOM_OF_REVIEWS: readonly Failpoint[] = FAILPOINTS_OF_REVIEWS.filter((name) => SELDOM.test(name))

const KNOWN: ReadonlySet<string> = new Set(FAILPOINTS)

/** Whether a place is in the list, which has to be whole. */
export function isFailpoint(name: string): name is Failpoint {
  return KNOWN.has(name)
}
