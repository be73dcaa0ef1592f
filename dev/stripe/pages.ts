/** The pages that Stripe would show: Checkout, the bank's question, the portal. Plain forms that need no script. */
import { type Context, Hono } from 'hono'
import { authenticate, waitingIntent } from './authentication.ts'
import type { Books } from './books.ts'
import { cardByNumber } from './cards.ts'
import { type Desk, existing, livingCustomer } from './desk.ts'
import { cardMethod, debitMethod, methodsOf, release } from './methods.ts'
import { authenticationPage, checkoutPage, closedPage, portalPage } from './page-views.ts'
import { Declined, invalid } from './refusal.ts'
import { paySession } from './session-payment.ts'

export interface PageOptions {
  readonly books: Books
  readonly desk: (context: Context, request: Desk['request']) => Desk
  readonly committed: () => void
}

const DEBIT_IBAN = 'AT611904300234573201'

export function pages({ books, desk: newDesk, committed }: PageOptions): Hono {
  const app = new Hono()
  const write = <T>(context: Context, work: (desk: Desk) => T): T => {
    const done = books.transaction(() => work(newDesk(context, null)))
    committed()
    return done
  }

  app.get('/c/pay/:id', (c) => {
    const desk = newDesk(c, null)
    const session = existing(desk, 'checkout.session', c.req.param('id'))
    return c.html(session.status === 'open' ? checkoutPage(desk, session) : closedPage(session))
  })

  app.post('/c/pay/:id', async (c) => {
    const { card = '', action } = await c.req.parseBody<{ card?: string; action?: string }>()
    const session = existing(newDesk(c, null), 'checkout.session', c.req.param('id'))
    if (session.status !== 'open') return c.html(closedPage(session), 409)
    if (action === 'cancel' && session.cancel_url !== null) return c.redirect(session.cancel_url, 303)
    const outcome = write(c, (desk) => {
      const found = cardByNumber(card)
      if (found === undefined && card !== 'debit') throw invalid('Choose one of the cards.')
      const method = found === undefined ? debitMethod(desk, DEBIT_IBAN) : cardMethod(desk, found)
      return paySession(desk, session, { method, offSession: false })
    })
    if (outcome instanceof Declined) {
      return c.html(checkoutPage(newDesk(c, null), session, outcome.error.message ?? 'Declined.'), 402)
    }
    if (outcome.status === 'requires_action') return c.redirect(`/authenticate/${outcome.id}`, 303)
    return c.redirect(successUrl(session.success_url, session.id), 303)
  })

  app.get('/authenticate/:id', (c) => {
    waitingIntent(newDesk(c, null), c.req.param('id'))
    return c.html(authenticationPage(c.req.param('id')))
  })

  app.post('/authenticate/:id', async (c) => {
    const id = c.req.param('id')
    const { action } = await c.req.parseBody<{ action?: string }>()
    const desk = newDesk(c, null)
    const returnUrl = waitingIntent(desk, id).next_action?.redirect_to_url?.return_url
    const session = [...books.newestFirst('checkout.session')].find((each) => each.payment_intent === id)
    write(c, (writing) => authenticate(writing, id, action === 'pass'))
    if (returnUrl) return c.redirect(returnUrl, 303)
    if (session === undefined) return c.text('Done. You can close this page.')
    const now = existing(desk, 'checkout.session', session.id)
    if (now.status === 'open') {
      return c.html(checkoutPage(desk, now, 'We could not authenticate your payment method. Choose another card.'), 402)
    }
    return c.redirect(successUrl(now.success_url, now.id), 303)
  })

  app.get('/p/session/:id', (c) => {
    const desk = newDesk(c, null)
    const session = existing(desk, 'billing_portal.session', c.req.param('id'))
    livingCustomer(desk, session.customer)
    return c.html(portalPage(session, methodsOf(desk, session.customer)))
  })

  app.post('/p/session/:id', async (c) => {
    const { remove = '' } = await c.req.parseBody<{ remove?: string }>()
    write(c, (desk) => {
      const session = existing(desk, 'billing_portal.session', c.req.param('id'))
      const method = existing(desk, 'payment_method', remove)
      if (method.customer !== session.customer) throw invalid('That card is not theirs.')
      release(desk, method)
    })
    return c.redirect(c.req.path, 303)
  })
  return app
}

function successUrl(url: string | null, session: string): string {
  return (url ?? '/').replaceAll('{CHECKOUT_SESSION_ID}', session)
}
