/**
 * Every error answer: an RFC 9457 problem with a code from the closed list of the contract. One switch maps the reasons
 * of the inside to the wire; a new reason does not compile until it has its answer here.
 */
import type * as z from 'zod'
import type { AccountRefusal } from '../account/requests.ts'
import { millicreditsToCredits } from '../ledger/amounts.ts'
import type { Purchase } from '../ledger/purchase.ts'
import type { QuoteReason } from '../ledger/quote.ts'
import { explainInsufficient } from './insufficient.ts'
import {
  presentCard,
  presentDetails,
  presentGrant,
  presentKey,
  presentPurchase,
  presentReservation,
} from './present.ts'

export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'A valid key is required' },
  insufficient_credits: { status: 402, title: 'Not enough credits' },
  forbidden: { status: 403, title: 'This is not allowed' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here' },
  conflict: { status: 409, title: 'The id was used for another request' },
  reservation_settled: { status: 409, title: 'The reservation is settled' },
  reservation_released: { status: 409, title: 'The reservation was released' },
  reservation_expired: { status: 409, title: 'The reservation has expired' },
  quote_invalid: { status: 409, title: 'The quote cannot be used' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  limit_exceeded: { status: 422, title: 'A limit would be exceeded' },
  rate_limited: { status: 429, title: 'Too many requests' },
  overloaded: { status: 503, title: 'Not available right now' },
  payment_provider_unavailable: { status: 503, title: 'Stripe cannot be reached' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  /** The numbers that belong to the code. */
  readonly [extra: string]: unknown
}

export function problem(code: ProblemCode, detail: string, extra: Readonly<Record<string, unknown>> = {}): Problem {
  const { status, title } = PROBLEMS[code]
  return { type: `/docs#problem-${code}`, title, status, detail, code, ...extra }
}

/** How long a client of a limited route waits, in seconds: the period of the rate limit in wrangler.toml. */
const RATE_LIMIT_PERIOD_SECONDS = 60

export const RATE_LIMITED = problem('rate_limited', 'Too many requests from this address; try again later.', {
  retry_after_seconds: RATE_LIMIT_PERIOD_SECONDS,
})
export const UNAUTHORIZED = problem('unauthorized', 'Send a valid key as "Authorization: Bearer <key>".')
export const UNKNOWN_ACCOUNT = problem('not_found', 'There is no such account.')
export const OVERLOADED = problem('overloaded', 'Try again in a moment; a write under the same id is safe to repeat.', {
  retry_after_seconds: 1,
})

const KEY_UNREADABLE =
  "The account's own key does not open: the operator sees why in its audit, and the customer can put it again."
const NO_KEY = problem('not_found', 'The account has no key of its own any more.')

export const PAYMENT_PROVIDER_UNAVAILABLE = problem(
  'payment_provider_unavailable',
  'Nothing is lost: try again, with the same Idempotency-Key if you sent one.',
  { retry_after_seconds: 5 },
)

export function problemResponse(body: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  const retryAfter = body['retry_after_seconds']
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...(body.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
      ...((body.status === 429 || body.status === 503) && typeof retryAfter === 'number'
        ? { 'Retry-After': String(retryAfter) }
        : {}),
      ...headers,
    },
  })
}

/** What zod found in a body: figures that are right but for a documented maximum exceed a limit; all else is not valid. */
export function invalidBody(error: z.core.$ZodError): Problem {
  const [first] = error.issues
  if (first?.code !== 'too_big' || !error.issues.every(isAboveLimit)) return invalidRequest(error)
  return limitExceeded(first.path.map(String).join('.'), Number(first.maximum))
}

/** Beyond what JSON keeps exact, no number is what was meant; and text that is too long is a mistake, not a wish. */
function isAboveLimit(issue: z.core.$ZodIssue): boolean {
  if (issue.code !== 'too_big' || issue.maximum === Number.MAX_SAFE_INTEGER) return false
  return issue.origin === 'number' || issue.path[0] === 'metadata' || issue.path[0] === 'commands'
}

/** What zod found, as the contract says it: each error with the field that it is about. */
export function invalidRequest(error: z.core.$ZodError): Problem {
  const errors = error.issues.flatMap(flattenIssue)
  const first = errors[0]
  const detail = first === undefined ? 'The request is not valid.' : `${first.path || 'The body'}: ${first.message}`
  return problem('invalid_request', detail, { errors })
}

export function invalidField(path: string, message: string): Problem {
  return problem('invalid_request', `${path}: ${message}`, { errors: [{ path, message }] })
}

function flattenIssue(issue: z.core.$ZodIssue): { path: string; message: string }[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pathOf([...path, key]), message: 'is not a known field' }))
  }
  return [{ path: pathOf(path), message: messageOf(issue) }]
}

/** A key that was sent as the name of a field is not repeated: answers are logged by those who get them. */
function pathOf(names: readonly string[]): string {
  return names.join('.').replace(/sk-ant-[\w-]+/g, 'sk-ant-…')
}

/** In the words of this API rather than those of its library. */
function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && issue.message.endsWith('received undefined')
        ? 'is missing'
        : `must be of type ${issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'is too short'
        : `must be at least ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array' ? 'is too long' : `must be at most ${issue.maximum}`
    case 'invalid_key':
      return 'is not a usable name'
    default:
      return issue.message
  }
}

/** The answer to a refusal of the account. */
export function refusalProblem(refusal: AccountRefusal, account: string): Problem {
  switch (refusal.code) {
    case 'insufficient_credits':
      return problem('insufficient_credits', ...explainInsufficient(refusal))
    case 'conflict': {
      const { field, reservation, grant, purchase } = refusal
      if (field === 'state') return wrongState(purchase)
      return problem('conflict', `The first request had another ${field}.`, {
        field,
        ...(reservation === undefined ? {} : { reservation: presentReservation(reservation, account) }),
        ...(grant === undefined ? {} : { grant: presentGrant(grant) }),
        ...(purchase === undefined ? {} : { purchase: presentPurchase(purchase) }),
      })
    }
    case 'reservation_settled':
    case 'reservation_released':
    case 'reservation_expired': {
      const reservation = presentReservation(refusal.reservation, account)
      return problem(refusal.code, `The reservation ended at ${reservation.closed_at}.`, { reservation })
    }
    case 'quote_invalid':
      return problem('quote_invalid', explainQuote(refusal.reason, refusal.usedBy), { reason: refusal.reason })
    case 'not_found':
      return refusal.what === 'byok_key' ? NO_KEY : problem('not_found', `There is no such ${refusal.what}.`)
    case 'unknown_account':
      return UNKNOWN_ACCOUNT
    case 'unknown_key':
      return problem('not_found', 'There is no such key.')
    case 'unauthorized':
      return UNAUTHORIZED
    case 'forbidden':
      return problem('forbidden', refusal.why)
    case 'invalid':
      return invalidField(refusal.field, refusal.message)
    case 'changed_field':
      return problem('conflict', `The first request had another ${refusal.field}.`, {
        field: refusal.field,
        ...(refusal.account === undefined ? {} : { account: presentDetails(refusal.account) }),
        ...(refusal.key === undefined ? {} : { key: presentKey(refusal.key) }),
      })
    case 'card_changed': {
      const card = refusal.card === null ? null : presentCard(refusal.card)
      return problem('conflict', 'The card is another one by now.', { field: 'card', default_card: card })
    }
    case 'limit_exceeded': {
      const inCredits = refusal.limit === 'max_credits' || refusal.limit === 'lifetime_credits'
      const maximum = inCredits ? millicreditsToCredits(refusal.maximum) : refusal.maximum
      return limitExceeded(refusal.limit, maximum)
    }
    case 'too_many':
      return limitExceeded(refusal.limit, refusal.maximum)
    case 'overloaded':
      return { ...OVERLOADED, retry_after_seconds: refusal.retryAfterSeconds }
    case 'key_unreadable':
      return problem('overloaded', KEY_UNREADABLE, { retry_after_seconds: refusal.retryAfterSeconds })
    case 'payment_provider_unavailable':
      return { ...PAYMENT_PROVIDER_UNAVAILABLE, retry_after_seconds: refusal.retryAfterSeconds }
  }
}

export function limitExceeded(limit: string, maximum: number): Problem {
  return problem('limit_exceeded', `${limit} may be ${maximum} at the most.`, { limit, maximum })
}

function explainQuote(reason: QuoteReason, usedBy: string | null): string {
  switch (reason) {
    case 'expired':
      return 'The quote has expired; ask for another.'
    case 'used':
      return `The quote has served reservation ${usedBy}; ask for another.`
    case 'mismatch':
      return 'The quote is not one of this account.'
    case 'forged':
      return 'This is not a quote that we gave.'
  }
}

function wrongState(purchase: Purchase | undefined): Problem {
  const presented = purchase === undefined ? null : presentPurchase(purchase)
  const detail = `The purchase is ${presented?.state ?? 'in another state'}, so this cannot be done.`
  return problem('conflict', detail, { field: 'state', purchase: presented })
}
