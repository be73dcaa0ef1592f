/** One purchase: in words what became of it, and what its customer can do. */
import type { FC } from 'hono/jsx'
import type { Balance } from '../../ledger/balance.ts'
import type { Purchase } from '../../ledger/purchase.ts'
import { credits, dollars, time } from '../format.ts'
import { Frame } from '../page.tsx'
import { StateBadge } from './tables.tsx'
import { packName, reasonOf } from './words.ts'

interface Props {
  readonly purchase: Purchase
  readonly balance: Balance
  /** The account's name. */
  readonly account: string
  /** What the links begin with under which an attempt is paid for that the bank wanted its customer for. */
  readonly links: string
  readonly looksAgain: boolean
}

export const PurchaseView: FC<Props> = ({ purchase, balance, account, links, looksAgain }) => {
  const { title, text, tone, action } = say(purchase, balance)
  return (
    <Frame title={title} section="/billing" account={account}>
      <p class={`note ${tone}`} role="status">
        {text}
        {looksAgain ? ' This page looks again by itself.' : null}
      </p>
      <section class="card" aria-labelledby="purchase-title">
        <h2 id="purchase-title">
          {packName(purchase.pack)} <StateBadge purchase={purchase} />
        </h2>
        <Facts purchase={purchase} />
        <div class="row spaced">
          <Action purchase={purchase} action={action} links={links} />
          {purchase.receiptUrl === null ? null : (
            <a class="button second" href={purchase.receiptUrl}>
              Receipt
            </a>
          )}
          <a class="button second" href="/billing">
            To Billing
          </a>
        </div>
      </section>
    </Frame>
  )
}

const Facts: FC<{ purchase: Purchase }> = ({ purchase }) => (
  <dl class="facts">
    <dt class="soft">Credits</dt>
    <dd class="fact">{credits(purchase.credits)}</dd>
    <dt class="soft">Price</dt>
    <dd class="fact">{dollars(purchase.priceCents)}</dd>
    <dt class="soft">Bought</dt>
    <dd class="fact">{purchase.kind === 'checkout' ? 'In Checkout' : 'By auto top-up'}</dd>
    <dt class="soft">Started</dt>
    <dd class="fact">{time(purchase.createdAt)}</dd>
    {purchase.paidAt === null ? null : (
      <>
        <dt class="soft">Paid</dt>
        <dd class="fact">{time(purchase.paidAt)}</dd>
      </>
    )}
    {purchase.refundedCents === 0 ? null : (
      <>
        <dt class="soft">Refunded</dt>
        <dd class="fact">{dollars(purchase.refundedCents)}</dd>
      </>
    )}
    {purchase.refundTaken + purchase.disputeTaken === 0 ? null : (
      <>
        <dt class="soft">Credits taken back</dt>
        <dd class="fact">{credits(purchase.refundTaken + purchase.disputeTaken)}</dd>
      </>
    )}
  </dl>
)

type Doing = 'pay' | 'confirm' | 'buy again' | 'look again' | null

const Action: FC<{ purchase: Purchase; action: Doing; links: string }> = ({ purchase, action, links }) => {
  const price = dollars(purchase.priceCents)
  switch (action) {
    case 'pay':
      return purchase.url === null ? null : (
        <a class="button" href={purchase.url}>
          Pay {price}
        </a>
      )
    case 'confirm':
      return (
        <a class="button" href={`${links}/${purchase.id}`}>
          Confirm and pay {price}
        </a>
      )
    case 'buy again':
      return (
        <a class="button" href="/billing/buy">
          Choose a pack
        </a>
      )
    case 'look again':
      return (
        <a class="button" href={`/billing/purchases/${purchase.id}`}>
          Look again
        </a>
      )
    case null:
      return null
  }
}

interface Said {
  readonly title: string
  readonly text: string
  readonly tone: 'good' | 'warn' | 'bad' | ''
  readonly action: Doing
}

function say(purchase: Purchase, balance: Balance): Said {
  const { state, kind, failure, paidByCustomer, refundedCents, disputedCents, chargedCents } = purchase
  const now = `You now have ${credits(balance.available)} credits.`
  if (disputedCents > 0) {
    const text = `Your bank has taken ${dollars(disputedCents)} of this payment back, and the credits went with it. ${now}`
    return { title: 'Disputed', text, tone: 'bad', action: null }
  }
  if (refundedCents > 0) {
    const title = refundedCents >= (chargedCents ?? 0) ? 'Refunded' : 'Refunded in part'
    return { title, text: `${dollars(refundedCents)} went back to you. ${now}`, tone: '', action: null }
  }
  const received = `${credits(purchase.credits)} credits are yours. ${now}`
  switch (state) {
    case 'paid':
      return { title: 'Thank you', text: received, tone: 'good', action: null }
    case 'processing': {
      const text = 'Your bank is still working on the payment. The credits come with it; you need not wait here.'
      return { title: 'On its way', text, tone: 'warn', action: 'look again' }
    }
    case 'open': {
      if (kind === 'checkout') {
        const text = 'This purchase waits to be paid. Nothing was charged.'
        return { title: 'Not paid yet', text, tone: 'warn', action: purchase.url === null ? 'look again' : 'pay' }
      }
      const text = 'Auto top-up is charging your card. It takes a few seconds.'
      return { title: 'On its way', text, tone: 'warn', action: 'look again' }
    }
    case 'expired':
      return { title: 'Not paid in time', text: 'Nothing was charged.', tone: 'warn', action: 'buy again' }
    case 'failed': {
      if (paidByCustomer)
        return { title: 'Thank you', text: `You have paid for this top-up. ${now}`, tone: 'good', action: null }
      if (failure?.kind === 'authentication_required') {
        const text = 'Your bank wants you to confirm this top-up yourself. Nothing was charged yet.'
        return { title: 'Your bank asks for you', text, tone: 'warn', action: 'confirm' }
      }
      const why = failure === null ? 'The payment failed.' : reasonOf(failure)
      return { title: 'Not paid', text: `${why} Nothing was charged.`, tone: 'bad', action: 'buy again' }
    }
  }
}
