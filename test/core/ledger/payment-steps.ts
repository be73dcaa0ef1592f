/** The part of a step that is about payments and auto top-up. */
import type { Card } from '../../../src/ledger/auto-top-up.ts'
import type { Random } from './random.ts'
import type { Step } from './steps.ts'
import { MOVES, SHARES, SKEWS_MS } from './stripe.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

export const PAYMENT_ACTS = [
  'buy in Checkout',
  'open Checkout',
  'move at Stripe',
  'report a payment',
  'move at Stripe and report it',
  'agree to auto top-up',
  'start an attempt',
  'advance an attempt',
  'keep a card',
  'change a price',
] as const

/** Moments at which auto top-up may start to be allowed, or cease to be. */
export const PAYMENT_JUMPS = [
  'just before the last 5 minutes of the month',
  'to the last 5 minutes of the month',
  'just before the month ends',
  'to when the month ends',
  'just before the month is 5 minutes old',
  'to when the month is 5 minutes old',
  'just before 10 minutes after the last start but one',
  'to 10 minutes after the last start but one',
  'just before an hour after the last decline',
  'to an hour after the last decline',
] as const

export const EVENTS = [
  'what comes next',
  'created',
  'confirm',
  'unconfirmed',
  'declined',
  'authentication_required',
  'abandoned',
] as const
export const PACKS = ['odd', 'starter', 'team'] as const
export const LIMITS = ['two prices', 'a cent less', 'one price', 'three prices', 'less than a price', 'plenty'] as const
export const CARDS = ['as before', 'under another id', 'another', 'ends with this month', 'ended', 'none'] as const

/** 100 credits for $3 come to no whole number of millicredits per cent, and the team pack does not either. */
export const OFFERS = {
  odd: { credits: 100_000, priceCents: 300 },
  starter: { credits: 500_000, priceCents: 500 },
  team: { credits: 2_000_000, priceCents: 1_900 },
} as const

/** The card that an account starts with. */
export const CARD: Card = {
  ...{ id: 'pm_1', fingerprint: 'f1', brand: 'visa', last4: '4242', expMonth: 12, expYear: 2099 },
}

export interface PaymentStep {
  readonly move: (typeof MOVES)[number]
  readonly share: (typeof SHARES)[number]
  readonly skewMs: number
  readonly event: (typeof EVENTS)[number]
  readonly pack: (typeof PACKS)[number]
  readonly limit: (typeof LIMITS)[number]
  readonly card: (typeof CARDS)[number]
}

const WEIGHTED_EVENTS = [...Array.from({ length: 12 }, () => 'what comes next' as const), ...EVENTS]
const WEIGHTED_MOVES = [
  ...Array.from({ length: 10 }, () => 'goes on' as const),
  ...Array.from(
    { length: 3 },
    () => ['let a refund fail', 'win a dispute', 'refund and keep auto top-up'] as const,
  ).flat(),
  ...(['refund', 'dispute'] as const),
  ...MOVES,
]
const WEIGHTED_CARDS = [...Array.from({ length: 8 }, () => 'as before' as const), ...CARDS]

/** Nearly always none: an account in which a month has passed has few reservations left. */
export const WEIGHTED_PAYMENT_JUMPS: readonly Step['jump'][] = [
  ...Array.from({ length: 150 }, () => 0 as const),
  ...Array.from({ length: 12 }, () => 1_000 as const),
  ...[MINUTE, MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, HOUR],
  ...PAYMENT_JUMPS.filter((jump) => !jump.includes('month')),
  ...PAYMENT_JUMPS,
] as readonly Step['jump'][]

/** Patience: else there would hardly ever be three declines in a row. */
export const WEIGHTED_START_JUMPS: readonly Step['jump'][] = [
  ...WEIGHTED_PAYMENT_JUMPS,
  ...Array.from({ length: 80 }, () => 'to an hour after the last decline' as const),
]

export function randomPaymentStep(chance: Random): PaymentStep {
  return {
    move: chance.pick(WEIGHTED_MOVES),
    share: chance.pick(SHARES),
    skewMs: chance.pick(SKEWS_MS),
    event: chance.pick(WEIGHTED_EVENTS),
    pack: chance.pick(PACKS),
    limit: chance.pick(LIMITS),
    card: chance.pick(WEIGHTED_CARDS),
  }
}
