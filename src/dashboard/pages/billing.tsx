/** Billing: what there is, where it came from, what was bought, and with which card. */
import type { Hono } from 'hono'
import type { FC } from 'hono/jsx'
import { askAccount } from '../../account/client.ts'
import type { Card } from '../../ledger/auto-top-up.ts'
import type { Balance, BalancePart } from '../../ledger/balance.ts'
import { GrantTable, PurchaseTable } from '../billing/tables.tsx'
import { cardExpiry, cardName } from '../billing/words.ts'
import { credits, day } from '../format.ts'
import { TopUp } from '../now.tsx'
import { Frame, type Pages, show } from '../page.tsx'
import { refusedPage } from '../refusals.tsx'
import { Heading, Scrolling } from '../table.tsx'

/** Of grants and of purchases; more are a page further. */
const ROWS = 10

export function billingPages(app: Hono<Pages>): void {
  app.get('/billing', async (context) => {
    const { account, caller } = context.get('visitor')
    const { grants: grantsBefore, purchases: purchasesBefore } = context.req.query()
    const at = { grants: position(grantsBefore), purchases: position(purchasesBefore) }
    const [overview, grants, purchases] = await Promise.all([
      askAccount(context.env, account, (object) => object.overview(caller, 0)),
      askAccount(context.env, account, (object) => object.grants(caller, { before: at.grants, limit: ROWS + 1 })),
      askAccount(context.env, account, (object) =>
        object.desk(caller, 'purchases', { before: at.purchases, limit: ROWS + 1 }),
      ),
    ])
    if (!overview.ok) return refusedPage(context, overview.refusal)
    if (!grants.ok) return refusedPage(context, grants.refusal)
    if (!purchases.ok) return refusedPage(context, purchases.refusal)
    const { details, balance, autoTopUp, byok } = overview
    return show(
      context,
      <Frame title="Billing" section="/billing" account={details.name ?? account}>
        <Breakdown balance={balance} />
        <div class="grid">
          <SavedCard card={autoTopUp.card} />
          <TopUp view={autoTopUp} byok={byok} />
        </div>
        <section class="card" id="grants" aria-labelledby="grants-title">
          <h2 id="grants-title">Where your credits came from</h2>
          <GrantTable grants={grants.grants} rows={ROWS} at={at} asOf={balance.asOf} />
        </section>
        <section class="card" id="purchases" aria-labelledby="purchases-title">
          <h2 id="purchases-title">Purchases and top-ups</h2>
          <PurchaseTable purchases={purchases.purchases} rows={ROWS} at={at} />
        </section>
      </Frame>,
    )
  })

  app.post('/billing/portal', async (context) => {
    const { account, caller } = context.get('visitor')
    const returnUrl = new URL('/billing', context.req.url).href
    const answer = await askAccount(context.env, account, (object) => object.desk(caller, 'portal', { returnUrl }))
    return answer.ok ? context.redirect(answer.url, 303) : refusedPage(context, answer.refusal)
  })
}

/** Where a page of a list begins; what is no number begins at the beginning. */
function position(text: string | undefined): number | null {
  const number = Number(text)
  return Number.isSafeInteger(number) && number > 0 ? number : null
}

const Breakdown: FC<{ balance: Balance }> = ({ balance }) => {
  const { available, reserved, debt, trial, promotional, purchased } = balance
  return (
    <section class="card" aria-labelledby="breakdown-title">
      <div class="heading">
        <h2 id="breakdown-title">Your credits</h2>
        <a class="button" href="/billing/buy">
          Buy Credits
        </a>
      </div>
      <dl class="figures">
        <Figure name="Available" amount={available} />
        <Figure name="Reserved" amount={reserved} />
        <Figure name="Total" amount={available + reserved} />
      </dl>
      {debt === 0 ? null : (
        <p class="note bad spaced">
          You owe <strong>{credits(debt)} credits</strong>: a refund, a dispute or a review took more than you had. The
          next credits that you get pay for them first.
        </p>
      )}
      <Scrolling name="Kinds of credits">
        <table class="stack">
          <caption>Used in this order</caption>
          <thead>
            <tr>
              <Heading name="Kind" />
              <Heading name="Available" number />
              <Heading name="Reserved" number />
              <Heading name="Expires" />
            </tr>
          </thead>
          <tbody>
            {trial === null ? null : <Part name="Free trial" part={trial} expires={day(trial.expiresAt)} />}
            <Part name="Promotional" part={promotional} expires={promotionExpiry(promotional)} />
            <Part name="Bought" part={purchased} expires="Never" />
          </tbody>
        </table>
      </Scrolling>
    </section>
  )
}

const Figure: FC<{ name: string; amount: number }> = ({ name, amount }) => (
  <div>
    <dt>{name}</dt>
    <dd>{credits(amount)}</dd>
  </div>
)

const Part: FC<{ name: string; part: BalancePart; expires: string }> = ({ name, part, expires }) => (
  <tr>
    <th scope="row" class="row-name">
      {name}
    </th>
    <td data-name="Available" class="number">
      {credits(part.available)}
    </td>
    <td data-name="Reserved" class="number">
      {credits(part.reserved)}
    </td>
    <td data-name="Expires">{expires}</td>
  </tr>
)

function promotionExpiry({ available, nextExpiresAt }: Balance['promotional']): string {
  if (nextExpiresAt !== null) return `The first on ${day(nextExpiresAt)}`
  return available > 0 ? 'Never' : '–'
}

const SavedCard: FC<{ card: Card | null }> = ({ card }) => (
  <section class="card" aria-labelledby="card-title">
    <h2 id="card-title">Saved card</h2>
    {card === null ? (
      <p>No card is kept. One is kept when you buy credits and ask for it; only auto top-up charges it.</p>
    ) : (
      <p>
        <strong>{cardName(card)}</strong>
        <br />
        <span class="soft">Good until {cardExpiry(card)}</span>
      </p>
    )}
    <form method="post" action="/billing/portal">
      <button type="submit" class="second">
        Cards and receipts at Stripe
      </button>
    </form>
  </section>
)
