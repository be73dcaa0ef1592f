/** What the pages look like: readable in light and dark, with a keyboard and without a script. */
import { html, raw } from 'hono/html'
import type { Stripe } from 'stripe'
import { testCards } from './cards.ts'
import type { Desk } from './desk.ts'

type Html = ReturnType<typeof html>

const STYLE = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { margin: 0; background: Canvas; color: CanvasText; }
  main { max-width: 34rem; margin: 0 auto; padding: 2rem 1rem; }
  .note { border-left: .25rem solid; padding-left: .75rem; }
  .error { border: 2px solid; padding: .75rem; border-radius: .5rem; }
  fieldset { border: 1px solid GrayText; border-radius: .5rem; padding: .5rem 1rem; }
  label { display: block; padding: .375rem 0; }
  td { padding: .25rem 1rem .25rem 0; }
  code { white-space: nowrap; }
  button { font: inherit; padding: .5rem 1rem; margin: 1rem .5rem 0 0; }
  :focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
`

function layout(title: string, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>${title}</title>
    <style>${raw(STYLE)}</style>
  </head>
  <body>
    <main>
      <h1>${title}</h1>
      <p class="note">This is Stripe's double on your own machine. No money moves.</p>
      ${content}
    </main>
  </body>
</html>`
}

export function checkoutPage(desk: Desk, session: Stripe.Checkout.Session, error?: string): Html {
  const { items = [] } = desk.books.note('session', session.id) ?? {}
  const allowsDebit = session.payment_method_types.includes('sepa_debit')
  const cards = testCards().map(({ number, label }, index) => choice(number, label, index === 0, number))
  return layout(
    `Pay ${money(session.amount_total, session.currency)}`,
    html`${error === undefined ? '' : html`<p class="error" role="alert">${error}</p>`}
      <table>
        ${items.map(
          (item) => html`<tr>
            <td>${item.quantity} × ${item.description}</td>
            <td>${money(item.amount_total, item.currency)}</td>
          </tr>`,
        )}
      </table>
      <form method="post" action="/c/pay/${session.id}">
        <fieldset>
          <legend>Pay with a test card</legend>
          ${cards} ${allowsDebit ? choice('debit', 'Bank debit, paid or failed days later', false) : ''}
        </fieldset>
        <button name="action" value="pay">Pay</button>
        ${session.cancel_url === null ? '' : html`<button name="action" value="cancel">Cancel</button>`}
      </form>`,
  )
}

function choice(value: string, label: string, checked: boolean, number?: string): Html {
  return html`<label>
    <input type="radio" name="card" value="${value}" required ${checked ? 'checked' : ''}>
    ${label} ${number === undefined ? '' : html`<code>${number.replaceAll(/(\d{4})(?=\d)/g, '$1 ')}</code>`}
  </label>`
}

export function closedPage(session: Stripe.Checkout.Session): Html {
  return layout('Checkout', html`<p>This session is ${session.status}: there is nothing to pay here any more.</p>`)
}

export function authenticationPage(intent: string): Html {
  return layout(
    'Is it you?',
    html`<p>Here the bank of the card would ask the customer to prove who they are.</p>
      <form method="post" action="/authenticate/${intent}">
        <button name="action" value="pass">Yes, authenticate</button>
        <button name="action" value="fail">No, fail</button>
      </form>`,
  )
}

export function portalPage(session: Stripe.BillingPortal.Session, methods: readonly Stripe.PaymentMethod[]): Html {
  const rows = methods.map(({ id, card, sepa_debit: debit }) => {
    const name = card === undefined ? `Bank debit …${debit?.last4}` : `${card.display_brand} …${card.last4}`
    return html`<tr>
      <td>${name}</td>
      <td><button name="remove" value="${id}" aria-label="Remove ${name}">Remove</button></td>
    </tr>`
  })
  return layout(
    'Your cards',
    html`<form method="post" action="/p/session/${session.id}">
        ${rows.length === 0 ? html`<p>No cards are kept.</p>` : html`<table>${rows}</table>`}
      </form>
      ${session.return_url === null ? '' : html`<p><a href="${session.return_url}">Back</a></p>`}`,
  )
}

function money(cents: number | null, currency: string | null): string {
  const style = { style: 'currency', currency: currency ?? 'usd' } as const
  return new Intl.NumberFormat('en-US', style).format((cents ?? 0) / 100)
}
