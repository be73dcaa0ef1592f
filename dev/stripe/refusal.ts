/** What Stripe answers in place of an object. The SDK looks at `error`, not at the status. */
import type { Stripe } from 'stripe'

export type ErrorObject = Stripe.PaymentIntent.LastPaymentError
type Code = NonNullable<ErrorObject['code']>

/** A request that changed nothing. Thrown, so that whatever the handler wrote is undone. */
export class Refusal extends Error {
  readonly status: number
  readonly error: ErrorObject

  constructor(status: number, error: ErrorObject) {
    super(error.message)
    this.status = status
    this.error = error
  }
}

/** A payment that was tried and did not go through: a 402, and what it changed stays. */
export class Declined {
  readonly error: ErrorObject

  constructor(error: ErrorObject) {
    this.error = error
  }
}

export function invalid(message: string, code?: Code, param?: string): Refusal {
  return new Refusal(400, {
    type: 'invalid_request_error',
    message,
    ...(code === undefined ? {} : { code }),
    ...(param === undefined ? {} : { param }),
  })
}

/** In the path it is a 404, in a parameter a 400. */
export function missing(kind: string, id: string, param?: string): Refusal {
  return new Refusal(param === undefined ? 404 : 400, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${kind.replace('checkout.session', 'checkout session').replaceAll('_', '')}: '${id}'`,
    param: param ?? 'id',
  })
}

export function missingParam(param: string): Refusal {
  return invalid(`Missing required param: ${param}.`, 'parameter_missing', param)
}
