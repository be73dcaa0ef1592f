/**
 * Stripe's double: what this product uses of Stripe, on this machine, with Stripe's test cards and without Stripe.
 * `fetch` is the wire: where an answer was ordered to be lost, it rejects as a broken connection does.
 */
import { type Context, Hono } from 'hono'
import { errorResponse, LOST, stripeApi } from './api.ts'
import type { Books } from './books.ts'
import { Clock } from './clock.ts'
import { Control } from './control.ts'
import { controlRoutes } from './control-routes.ts'
import type { SendEvent } from './deliveries.ts'
import type { Desk } from './desk.ts'
import { eventRecorder } from './events.ts'
import { pages } from './pages.ts'
import { paramsReader } from './params.ts'
import { Postman } from './postman.ts'
import { Refusal } from './refusal.ts'
import { expireDueSessions } from './session-payment.ts'

export interface DoubleOptions {
  readonly books: Books
  /** The base of the double's clock, in epoch ms. */
  readonly clock?: () => number
  /** Where customers reach its pages; by default where the request came to. */
  readonly origin?: string
  readonly send?: SendEvent
}

export interface Double {
  readonly app: Hono
  readonly control: Control
  readonly fetch: (request: Request) => Promise<Response>
}

export class AnswerLost extends Error {}

const SEND_WITHIN_MS = 20_000

export function createDouble({ books, clock: base, origin, send = sendByHttp }: DoubleOptions): Double {
  const clock = new Clock(books, base)
  const nowMs = () => clock.nowMs()
  const postman = new Postman(books, nowMs, send)
  const newDesk = (at: string, request: Desk['request']): Desk => {
    const desk = { books, nowMs: nowMs(), origin: origin ?? at, request }
    return { ...desk, emit: eventRecorder(desk) }
  }
  const desk = (context: Context, request: Desk['request']) => newDesk(new URL(context.req.url).origin, request)
  const committed = () => postman.hurry()
  const control = new Control({ books, clock, postman, newDesk: () => newDesk('http://127.0.0.1', null) })

  const app = new Hono()
  let expiredAt = 0
  app.use(async (_context, next) => {
    // Sessions expire to the second, so once a second is enough.
    const second = Math.floor(nowMs() / 1000)
    if (second !== expiredAt) books.transaction(() => expireDueSessions(newDesk('', null)))
    expiredAt = second
    await next()
  })
  const until = (timeMs: number) => clock.until(timeMs)
  app.route('/', stripeApi({ books, nowMs, until, readParams: paramsReader(), desk, committed }))
  app.route('/', pages({ books, desk, committed }))
  app.route('/_control', controlRoutes(control))
  app.notFound(({ req }) => {
    const message = `Unrecognized request URL (${req.method}: ${req.path}), or the double does not cover it.`
    return errorResponse(404, { type: 'invalid_request_error', message })
  })
  app.onError((error) => {
    if (error instanceof Refusal) return errorResponse(error.status, error.error)
    console.error(error)
    return errorResponse(500, { type: 'api_error', message: 'The double itself failed; it printed why.' })
  })

  const fetch = async (request: Request) => {
    const response = await app.fetch(request)
    if (response.headers.has(LOST)) throw new AnswerLost('the answer was lost, as ordered')
    return response
  }
  return { app, control, fetch }
}

const sendByHttp: SendEvent = async ({ url, body, headers }) => {
  const signal = AbortSignal.timeout(SEND_WITHIN_MS)
  const response = await fetch(url, { method: 'POST', body, headers, signal, redirect: 'manual' })
  await response.body?.cancel()
  return response.status
}
