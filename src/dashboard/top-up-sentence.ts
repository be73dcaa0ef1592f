/** Auto top-up in one sentence: what it is doing now, and what the customer can do about it. */
import type { AutoTopUpView } from '../account/topping-up.ts'
import { findPack } from '../catalog/packs.ts'
import type { EpochMs } from '../ledger/amounts.ts'
import { credits, day, dollars } from './format.ts'

export interface TopUpSentence {
  readonly tone: 'good' | 'warn' | 'bad' | ''
  readonly word: string
  readonly sentence: string
  /** The words of the link to its page. */
  readonly link: string
}

export function topUpSentence(view: AutoTopUpView, now: EpochMs): TopUpSentence {
  const { settings, state, spentCents } = view
  if (settings === null || state === 'off') {
    const sentence = 'When your credits run out, new reviews cannot start until you buy more.'
    return { tone: '', word: 'Off', sentence, link: 'Set up auto top-up' }
  }
  const pack = `${findPack(settings.pack)?.name ?? settings.pack} for ${dollars(settings.priceCents)}`
  const limit = dollars(settings.monthlyLimitCents)
  const rule = `When you have fewer than ${credits(settings.threshold)} credits, we buy ${pack}`
  switch (state) {
    case 'armed': {
      const sentence = `${rule}, at most ${limit} a month; ${dollars(spentCents)} spent so far.`
      return { tone: 'good', word: 'On', sentence, link: 'Change it' }
    }
    case 'charging':
      return { tone: 'good', word: 'Buying', sentence: `We are buying ${pack} right now.`, link: 'See how it goes' }
    case 'limit_reached': {
      const sentence = `${dollars(spentCents)} of ${limit} are spent, so nothing more is bought before ${day(nextMonth(now))}.`
      return { tone: 'warn', word: 'Limit reached', sentence, link: 'Raise the limit' }
    }
    case 'suspended': {
      const sentence = 'Your card was declined too often, so nothing is bought until you look at it.'
      return { tone: 'bad', word: 'Suspended', sentence, link: 'Put it right' }
    }
    case 'needs_card':
      return { tone: 'bad', word: 'No card', sentence: 'There is no card to charge.', link: 'Add a card' }
    case 'needs_agreement': {
      const sentence =
        'The price or the card is no longer the one you agreed to, so nothing is bought until you agree again.'
      return { tone: 'warn', word: 'Asks for you', sentence, link: 'Read and agree' }
    }
    case 'action_required': {
      const sentence = 'Your bank wants you to confirm the last payment; until then nothing is bought.'
      return { tone: 'bad', word: 'Asks for you', sentence, link: 'Confirm the payment' }
    }
  }
}

/** The first instant of the month that comes, in UTC. */
function nextMonth(now: EpochMs): EpochMs {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}
