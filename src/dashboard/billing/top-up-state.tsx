/** The state of auto top-up on its own page: in words, and with what its customer can do about it. */
import type { Child, FC } from 'hono/jsx'
import type { AutoTopUpView } from '../../account/topping-up.ts'
import { findPack } from '../../catalog/packs.ts'
import { MILLICREDITS_PER_CREDIT } from '../../ledger/amounts.ts'
import type { AutoTopUp, Card } from '../../ledger/auto-top-up.ts'
import { credits, dollars, time } from '../format.ts'
import { promise, topUpWords } from './top-up-words.ts'
import { cardName, packName } from './words.ts'

/** `links` is what the links begin with under which an attempt is paid for by hand. */
export const StateOfTopUp: FC<{ view: AutoTopUpView; links: string }> = ({ view, links }) => {
  const { settings, spentCents } = view
  const { tone, word, title } = topUpWords(view)
  return (
    <section class="card" aria-labelledby="state-title">
      <div class="heading">
        <h2 id="state-title">
          <span class={`badge ${tone}`}>{word}</span> {title}
        </h2>
        {word === 'Off' ? null : (
          <form method="post" action="/billing/auto-top-up/off">
            <button type="submit" class="danger">
              Switch off
            </button>
          </form>
        )}
      </div>
      {settings?.enabled === true ? (
        <p class={word === 'Paused' ? 'soft' : undefined}>
          {word === 'Paused' ? 'You agreed to this: ' : null}
          {promise(settings, spentCents)}
          {settings.card === null ? null : `, with your ${cardName(settings.card)}`}.
        </p>
      ) : spentCents > 0 ? (
        <p>{dollars(spentCents)} were spent by it this month.</p>
      ) : null}
      <WhatNow view={view} links={links} />
    </section>
  )
}

const WhatNow: FC<{ view: AutoTopUpView; links: string }> = ({ view, links }) => {
  const { state, settings, card, nextAttemptAt, actionFor } = view
  const { sentence } = topUpWords(view)
  switch (state) {
    case 'off':
      return null
    case 'armed':
      return nextAttemptAt === null ? null : (
        <p>Your credits are below the threshold: the next charge may come at {time(nextAttemptAt)}.</p>
      )
    case 'charging':
    case 'limit_reached':
      return <p>{sentence}</p>
    case 'suspended':
      return <Help>{sentence} Then agree again below, and it goes on.</Help>
    case 'needs_card':
      return (
        <Help>
          {sentence} Keep {card === null ? 'one' : 'another'} when you buy a pack, then agree to it below.
        </Help>
      )
    case 'needs_agreement':
      return (
        <>
          <p>{sentence}</p>
          {settings === null ? null : <WhatChanged settings={settings} card={card} />}
        </>
      )
    case 'action_required':
      return (
        <>
          <p>{sentence}</p>
          {actionFor === null ? null : (
            <p>
              <a class="button" href={`${links}/${actionFor.id}`}>
                Confirm and pay {dollars(actionFor.priceCents)}
              </a>
            </p>
          )}
        </>
      )
  }
}

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

/** R16: another card or another price needs a new agreement. */
const WhatChanged: FC<{ settings: AutoTopUp; card: Card | null }> = ({ settings, card }) => {
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
    <ul>
      {changes.map((change) => (
        <li>{change}</li>
      ))}
    </ul>
  )
}
