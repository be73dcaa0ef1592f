/** The page behind a payment link. It works without a script; nothing on it comes from elsewhere. */
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Child, FC } from 'hono/jsx'
import { findPack } from '../catalog/packs.ts'
import { millicreditsToCredits } from '../ledger/amounts.ts'
import type { Purchase } from '../ledger/purchase.ts'
import type { Http } from './route.ts'

/** The form leads on to Stripe, whose page may have any name of its own (`form-action` counts redirects too). */
function contentSecurityPolicy(env: Env): string {
  const { STRIPE_API_BASE: double } = env as Env & { readonly STRIPE_API_BASE?: string }
  const onwards = double === undefined ? 'https:' : `https: ${new URL(double).origin}`
  return `default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' ${onwards}`
}

export function paymentPage(context: Context<Http>, purchase: Purchase): Promise<Response> {
  return show(context, <PurchasePage purchase={purchase} />, 200)
}

/** For a person; so not a problem in JSON. */
export function unknownPaymentPage(context: Context<Http>): Promise<Response> {
  const page = (
    <Page title="Unknown link" tone="bad">
      <p>This link is not one of ours, or it was cut short on the way.</p>
    </Page>
  )
  return show(context, page, 404)
}

async function show(context: Context<Http>, page: Child, status: 200 | 404): Promise<Response> {
  const response = await context.html(html`<!DOCTYPE html>${page}`, status)
  response.headers.set('Content-Security-Policy', contentSecurityPolicy(context.env))
  // The link is the permission, so nobody is told where a visitor came from.
  response.headers.set('Referrer-Policy', 'no-referrer')
  response.headers.set('Cache-Control', 'no-store')
  return response
}

const Page: FC<{ title: string; tone: Said['tone']; children?: Child }> = ({ title, tone, children }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>{title} · Assay Credits</title>
      <link rel="stylesheet" href="/static/pay.css" />
    </head>
    <body>
      <main class={tone}>
        <p class="brand">Assay Credits</p>
        <h1>{title}</h1>
        {children}
        <p class="back">
          <a href="/billing">To your dashboard</a>
        </p>
      </main>
    </body>
  </html>
)

const PurchasePage: FC<{ purchase: Purchase }> = ({ purchase }) => {
  const { title, text, tone, action } = say(purchase)
  return (
    <Page title={title} tone={tone}>
      <p>{text}</p>
      <dl>
        <dt>Pack</dt>
        <dd>{findPack(purchase.pack)?.name ?? purchase.pack}</dd>
        <dt>Credits</dt>
        <dd>{millicreditsToCredits(purchase.credits).toLocaleString('en-US')}</dd>
        <dt>Price</dt>
        <dd>{dollars(purchase.priceCents)}</dd>
      </dl>
      {action === null ? null : (
        <form method="post">
          <button type="submit">{action}</button>
        </form>
      )}
      {purchase.receiptUrl === null ? null : (
        <p>
          <a href={purchase.receiptUrl}>Receipt</a>
        </p>
      )}
    </Page>
  )
}

interface Said {
  readonly title: string
  readonly text: string
  readonly tone: 'good' | 'bad' | 'open'
  readonly action: string | null
}

function say(purchase: Purchase): Said {
  const { state, refundedCents, disputedCents, chargedCents, failure, paidByCustomer } = purchase
  const price = dollars(purchase.priceCents)
  if (disputedCents > 0) return done('Disputed', 'Your bank has taken this payment back.', 'bad')
  if (refundedCents > 0) {
    const all = refundedCents >= (chargedCents ?? 0)
    return done(all ? 'Refunded' : 'Refunded in part', `${dollars(refundedCents)} went back to you.`, 'open')
  }
  switch (state) {
    case 'paid':
      return done('Thank you', 'The payment has arrived, and the credits are yours.', 'good')
    case 'processing':
      return done('On its way', 'Your bank is still working on the payment. The credits come with it.', 'open')
    case 'open':
      if (purchase.kind === 'auto_top_up') return done('On its way', 'Auto top-up is charging your card.', 'open')
      return { ...done('Not paid yet', 'Nothing was charged.', 'open'), action: `Pay ${price}` }
    case 'expired':
      return done('Expired', 'This was not paid in time. Nothing was charged.', 'bad')
    case 'failed':
      if (paidByCustomer) return done('Thank you', 'You have paid for this top-up.', 'good')
      if (failure?.kind !== 'authentication_required')
        return done('Not paid', 'The payment failed. Nothing was charged.', 'bad')
      return {
        ...done(
          'Your bank asks for you',
          'It wants you to confirm this top-up yourself. Nothing was charged yet.',
          'open',
        ),
        action: `Pay ${price}`,
      }
  }
}

function done(title: string, text: string, tone: Said['tone']): Said {
  return { title, text, tone, action: null }
}

function dollars(cents: number): string {
  return (cents / 100).toLocaleString('en-US', { style: 'currency', currency: 'USD' })
}
