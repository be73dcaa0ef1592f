/** The state of auto top-up in plain words, with what its customer can do about it. */
import type { Child, FC } from 'hono/jsx'
import type { AutoTopUpView } from '../../account/topping-up.ts'
import { findPack } from '../../catalog/packs.ts'
import { MILLICREDITS_PER_CREDIT } from '../../ledger/amounts.ts'
import type { AutoTopUp, AutoTopUpState } from '../../ledger/auto-top-up.ts'
import { credits, dollars, time } from '../format.ts'
import { cardName, packName } from './words.ts'

type Agreed = Pick<AutoTopUp, 'threshold' | 'pack' | 'priceCents' | 'monthlyLimitCents'>

/** "When you have fewer than 100 credits we buy Team for $19.00, at most $100.00 a month." */
export function promise({ threshold, pack, priceCents, monthlyLimitCents }: Agreed): string {
  return `When you have fewer than ${credits(threshold)} credits we buy ${packName(pack)} for ${dollars(priceCents)}, at most ${dollars(monthlyLimitCents)} a month`
}

/** `links` is what the links begin with under which an attempt is paid for by hand. */
export const StateOfTopUp: FC<{ view: AutoTopUpView; links: string }> = ({ view, links }) => {
  const { tone, title, children } = describe(view, links)
  const { settings, spentCents } = view
  const isOn = settings?.enabled === true
  const waits = WAITS_FOR_CUSTOMER.has(view.state)
  return (
    <section class="card" aria-labelledby="state-title">
      <div class="heading">
        <h2 id="state-title">
          <span class={`badge ${tone}`}>{isOn ? (waits ? 'Paused' : 'On') : 'Off'}</span> {title}
        </h2>
        {isOn ? (
          <form method="post" action="/billing/auto-top-up/off">
            <button type="submit" class="danger">
              Switch off
            </button>
          </form>
        ) : null}
      </div>
      {isOn ? (
        <p class={waits ? 'soft' : undefined}>
          {waits ? 'You agreed to this: ' : null}
          {promise(settings)}; {dollars(spentCents)} spent so far this month
          {settings.card === null ? null : `, with your ${cardName(settings.card)}`}.
        </p>
      ) : spentCents > 0 ? (
        <p>{dollars(spentCents)} were spent by it this month.</p>
      ) : null}
      {children}
    </section>
  )
}

/** Nothing is charged in these before the customer has done something. */
const WAITS_FOR_CUSTOMER: ReadonlySet<AutoTopUpState> = new Set([
  'suspended',
  'needs_card',
  'needs_agreement',
  'action_required',
])

interface Described {
  readonly tone: 'good' | 'warn' | 'bad' | 'quiet'
  readonly title: string
  readonly children: Child
}

function describe(view: AutoTopUpView, links: string): Described {
  const { state, settings, nextAttemptAt, spentCents, actionFor } = view
  switch (state) {
    case 'off':
      return { tone: 'quiet', title: 'Nothing is bought by itself', children: null }
    case 'armed':
      return { tone: 'good', title: 'It watches your balance', children: <NextAttempt at={nextAttemptAt} /> }
    case 'charging': {
      const text =
        settings?.enabled === true
          ? 'Your card is being charged. The credits come within seconds.'
          : 'A charge was under way when it was switched off. It is being cancelled, unless your bank was quicker.'
      return { tone: 'warn', title: 'A top-up is under way', children: <p>{text}</p> }
    }
    case 'limit_reached': {
      const rest = Math.max(0, (settings?.monthlyLimitCents ?? 0) - spentCents)
      const text = `Of this month's limit ${dollars(rest)} is left, which is less than the pack costs. It goes on next month (UTC), or at once with a higher limit.`
      return { tone: 'warn', title: 'The monthly limit is reached', children: <p>{text}</p> }
    }
    case 'suspended':
      return {
        tone: 'bad',
        title: 'Suspended: the card was declined three times in a row',
        children: (
          <Help>Nothing is charged until you have looked after your card. Then agree again below, and it goes on.</Help>
        ),
      }
    case 'needs_card':
      return { tone: 'bad', title: 'There is no card to charge', children: <NeedsCard view={view} /> }
    case 'needs_agreement':
      return { tone: 'bad', title: 'It waits for you to agree again', children: <WhatChanged view={view} /> }
    case 'action_required':
      return {
        tone: 'warn',
        title: 'Your bank asks for you',
        children:
          actionFor === null ? null : <Confirm href={`${links}/${actionFor.id}`} cents={actionFor.priceCents} />,
      }
  }
}

const NextAttempt: FC<{ at: number | null }> = ({ at }) =>
  at === null ? null : <p>Your credits are below the threshold: the next charge may come at {time(at)}.</p>

const Confirm: FC<{ href: string; cents: number }> = ({ href, cents }) => (
  <>
    <p>It wants you to confirm the last top-up yourself. Nothing was charged, and nothing will be until then.</p>
    <p>
      <a class="button" href={href}>
        Confirm and pay {dollars(cents)}
      </a>
    </p>
  </>
)

const Help: FC<{ children?: Child }> = ({ children }) => (
  <>
    <p>{children}</p>
    <div class="row">
      <a class="button second" href="/billing/buy">
        Buy credits and keep the card
      </a>
      <form method="post" action="/billing/portal">
        <button type="submit" class="second">
          Your cards at Stripe
        </button>
      </form>
    </div>
  </>
)

const NeedsCard: FC<{ view: AutoTopUpView }> = ({ view: { card } }) => (
  <Help>
    {card === null
      ? 'No card is kept any more, so nothing can be charged. Keep one when you buy a pack, then agree to it below.'
      : `Your ${cardName(card)} has expired. Keep another when you buy a pack, then agree to it below.`}
  </Help>
)

/** R16: another card or another price needs a new agreement. */
const WhatChanged: FC<{ view: AutoTopUpView }> = ({ view: { settings, card } }) => {
  if (settings === null) return null
  const pack = findPack(settings.pack)
  const amount = pack === null ? 0 : pack.credits * MILLICREDITS_PER_CREDIT
  const changes = [
    card !== null && settings.card?.fingerprint !== card.fingerprint
      ? `The card is now your ${cardName(card)}; you agreed to ${settings.card === null ? 'none' : cardName(settings.card)}.`
      : null,
    pack === null ? `${packName(settings.pack)} is no longer sold.` : null,
    pack !== null && pack.priceCents !== settings.priceCents
      ? `${pack.name} now costs ${dollars(pack.priceCents)}; you agreed to ${dollars(settings.priceCents)}.`
      : null,
    pack !== null && amount !== settings.credits
      ? `${pack.name} now has ${credits(amount)} credits; you agreed to ${credits(settings.credits)}.`
      : null,
  ].filter((change) => change !== null)
  return (
    <>
      <ul>
        {changes.map((change) => (
          <li>{change}</li>
        ))}
      </ul>
      <p>Nothing is charged until you have agreed to that below.</p>
    </>
  )
}
