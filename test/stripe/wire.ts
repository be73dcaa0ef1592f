/**
 * The wire between the Worker under test and Stripe's double: every call of the Worker and its objects comes through
 * here, and whatever is meant for anybody else is refused.
 */
import { Books } from '../../dev/stripe/books.ts'
import { createDouble, type Double } from '../../dev/stripe/double.ts'

const STRIPE = 'api.stripe.com'
/** The control plane, under a name of its own that no product code knows. */
const CONTROL = 'stripe-double.test'

/** Each test file runs in a runtime of its own, and so has a double of its own: its faults and its clock are no other's. */
export function stripeWire(): (request: Request, runtime: object) => Promise<Response> {
  const doubles = new WeakMap<object, Double>()
  const renew = (runtime: object) => {
    const double = createDouble({ books: new Books() })
    doubles.set(runtime, double)
    return double
  }
  return async (request, runtime) => {
    const { hostname, pathname } = new URL(request.url)
    if (hostname !== STRIPE && hostname !== CONTROL) return new Response(`no egress to ${hostname}`, { status: 502 })
    const double = doubles.get(runtime) ?? renew(runtime)
    if (hostname === STRIPE) return double.fetch(request)
    if (pathname !== '/_control/reset') return double.app.fetch(request)
    renew(runtime)
    return Response.json({})
  }
}
