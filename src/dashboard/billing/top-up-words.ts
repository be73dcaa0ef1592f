/** The state of auto top-up in plain words: the same on the first page and on its own, which adds what can be done. */
import type { AutoTopUpView } from '../../account/topping-up.ts'
import type { AutoTopUp, AutoTopUpState } from '../../ledger/auto-top-up.ts'
import { credits, dollars } from '../format.ts'
import { cardName, packName, type Tone } from './words.ts'

export interface TopUpWords {
  readonly tone: Tone
  /** For a badge. */
  readonly word: 'On' | 'Paused' | 'Off'
  readonly title: string
  readonly sentence: string
  /** Of the link that leads to its own page. */
  readonly link: string
}

/** Nothing is charged in these before the customer has done something. */
const WAITS_FOR_CUSTOMER: ReadonlySet<AutoTopUpState> = new Set([
  'suspended',
  'needs_card',
  'needs_agreement',
  'action_required',
])

export function topUpWords(view: AutoTopUpView): TopUpWords {
  const isOn = view.settings?.enabled === true
  const word = isOn ? (WAITS_FOR_CUSTOMER.has(view.state) ? 'Paused' : 'On') : 'Off'
  return { word, ...describe(view) }
}

/** "When you have fewer than 100 credits we buy Team for $19.00, at most $100.00 a month; $19.00 spent so far this month" */
export function promise({ threshold, pack, priceCents, monthlyLimitCents }: AutoTopUp, spentCents: number): string {
  const rule = `When you have fewer than ${credits(threshold)} credits we buy ${packName(pack)} for ${dollars(priceCents)}`
  return `${rule}, at most ${dollars(monthlyLimitCents)} a month; ${dollars(spentCents)} spent so far this month`
}

function describe({ settings, state, spentCents, card }: AutoTopUpView): Omit<TopUpWords, 'word'> {
  if (settings === null || state === 'off') {
    return {
      tone: 'quiet',
      title: 'Nothing is bought by itself',
      sentence: 'When your credits run out, new reviews cannot start until you buy more.',
      link: 'Set up auto top-up',
    }
  }
  switch (state) {
    case 'armed': {
      const sentence = `${promise(settings, spentCents)}.`
      return { tone: 'good', title: 'It watches your balance', sentence, link: 'Change it' }
    }
    case 'charging': {
      const sentence = settings.enabled
        ? 'Your card is being charged. The credits come within seconds.'
        : 'A charge was under way when it was switched off. It is being cancelled, unless your bank was quicker.'
      return { tone: 'warn', title: 'A top-up is under way', sentence, link: 'See how it goes' }
    }
    case 'limit_reached': {
      const left = dollars(Math.max(0, settings.monthlyLimitCents - spentCents))
      const sentence = `Of this month's limit ${left} is left, which is less than the pack costs. It goes on next month (UTC), or at once with a higher limit.`
      return { tone: 'warn', title: 'The monthly limit is reached', sentence, link: 'Raise the limit' }
    }
    case 'suspended':
      return {
        tone: 'bad',
        title: 'Suspended: the card was declined three times in a row',
        sentence: 'Nothing is charged until you have looked after your card.',
        link: 'Put it right',
      }
    case 'needs_card': {
      const sentence =
        card === null ? 'No card is kept any more, so nothing can be charged.' : `Your ${cardName(card)} has expired.`
      return { tone: 'bad', title: 'There is no card to charge', sentence, link: 'Add a card' }
    }
    case 'needs_agreement':
      return {
        tone: 'bad',
        title: 'It waits for you to agree again',
        sentence: 'The price or the card is another than you agreed to. Nothing is charged until you agree again.',
        link: 'Read and agree',
      }
    case 'action_required':
      return {
        tone: 'warn',
        title: 'Your bank asks for you',
        sentence:
          'It wants you to confirm the last top-up yourself. Nothing was charged, and nothing will be until then.',
        link: 'Confirm the payment',
      }
  }
}
