/** What Stripe told us: its answer, or why there is none, as a value. What the SDK throws ends here. */
import { Stripe } from 'stripe'
import type { Failure } from '../ledger/purchase.ts'

export type Told<T> =
  | { readonly ok: true; readonly value: T }
  /** The outcome of a write is unknown. `stored`: Stripe keeps this very answer for the key, so asking again is in vain. */
  | { readonly ok: false; readonly why: 'unavailable'; readonly stored: boolean; readonly message: string }
  /** The bank said no. */
  | { readonly ok: false; readonly why: 'declined'; readonly failure: Failure }
  /** Stripe said no, and will say it again. */
  | {
      readonly ok: false
      readonly why: 'refused'
      readonly code: string
      /** The parameter that Stripe would not have. */
      readonly param: string | null
      readonly message: string
    }

export type Untold = Extract<Told<never>, { ok: false }>

export async function told<T>(call: Promise<T>): Promise<Told<T>> {
  try {
    return { ok: true, value: await call }
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return untold(error)
    // A bug of ours, such as an answer that we could not read: the outcome is unknown all the same.
    return { ok: false, why: 'unavailable', stored: false, message: String(error) }
  }
}

function untold(error: Stripe.errors.StripeError): Untold {
  const { message, statusCode = 0 } = error
  if (error instanceof Stripe.errors.StripeCardError) return { ok: false, why: 'declined', failure: failureOf(error) }
  if (error instanceof Stripe.errors.StripeInvalidRequestError && statusCode !== 429 && statusCode !== 409) {
    return { ok: false, why: 'refused', code: error.code ?? 'invalid_request', param: error.param ?? null, message }
  }
  const stored = statusCode >= 500 && error.headers?.['idempotent-replayed'] === 'true'
  return {
    ok: false,
    why: 'unavailable',
    stored,
    message: `${error.type} ${statusCode || ''} ${error.code ?? ''}`.trim(),
  }
}

/** From an error, or from the last error of a payment. */
export function failureOf(error: {
  readonly code?: string | undefined
  readonly decline_code?: string | undefined
}): Failure {
  const code = error.decline_code ?? error.code ?? null
  const wantsCustomer = error.code === 'authentication_required' || code === 'authentication_required'
  const authenticationFailed = error.code === 'payment_intent_authentication_failure'
  return { kind: wantsCustomer || authenticationFailed ? 'authentication_required' : 'declined', code }
}
