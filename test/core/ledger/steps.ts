/**
 * Steps: what to try the ledger with, in words (settle the newest reservation, 1 ms before it expires, for one more than
 * it holds). Only in an account a step becomes a command with ids, amounts and a time. So steps keep their meaning when
 * others before them are taken away, which is what shrinking does.
 */
import type { GrantKind } from '../../../src/ledger/grants.ts'
import type { OnExpiry, Overage } from '../../../src/ledger/reservation.ts'
import {
  PAYMENT_ACTS,
  PAYMENT_JUMPS,
  type PaymentStep,
  randomPaymentStep,
  WEIGHTED_PAYMENT_JUMPS,
  WEIGHTED_START_JUMPS,
} from './payment-steps.ts'
import type { Random } from './random.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const ACTS = [
  'wait',
  'reserve',
  'settle',
  'release',
  'extend',
  'grant',
  'void',
  'switch byok',
  'read byok',
  'switch debt',
  ...PAYMENT_ACTS,
] as const

/** How far time goes on before the command: by so many milliseconds, or to a moment at which something changes. */
export const JUMPS = [
  0,
  1,
  SECOND,
  MINUTE - 1,
  MINUTE,
  10 * MINUTE,
  HOUR,
  DAY,
  8 * DAY,
  'just before the next due time',
  'to the next due time',
  'just after the next due time',
  'just before it expires',
  'to when it expires',
  'just before it is too late',
  'to when it is too late',
  'just before 60 s after it was made',
  'to 60 s after it was made',
  ...PAYMENT_JUMPS,
] as const

export const SIZES = [
  1,
  0,
  2,
  7,
  1_000,
  14_370,
  62_500,
  1_000_000,
  'the hold - 1',
  'the hold',
  'the hold + 1',
  'the cap',
  'the cap + 1',
  'what has accrued - 1',
  'what has accrued',
  'what has accrued + 1',
  'half the free',
  'the free',
  'the free + 1',
  'the most there is',
] as const

/** What is sent when an id is used again. */
export const BODIES = ['as before', 'in another order', 'as before, derived anew', 'another'] as const
export const CAPS = ['twice', 'the amount', 'half', 'the most there is'] as const
export const TTLS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 24 * HOUR, 'to the very limit', '1 ms beyond the limit'] as const
export const LASTS = [null, 1, MINUTE, HOUR, 14 * DAY, 0] as const
export const KINDS = ['purchase', 'trial', 'promotional', 'adjustment', 'top_up'] as const
export const OVERAGES = ['available', 'cap', 'debt'] as const
export const ON_EXPIRY = ['release', 'settle_accrued'] as const
/** What a new reserve brings as its quote; how long a new one is good, `lasts` says. */
export const QUOTES = [null, 'new', 'one sent before', 'forged', 'of another account'] as const
export const DEDUPE_KEYS = [null, 'a', 'b'] as const

/** Of ids this many of the newest are used again; the older ones would hardly still collide with anything. */
export const NEWEST = 6

export interface Step extends PaymentStep {
  readonly act: (typeof ACTS)[number]
  readonly jump: (typeof JUMPS)[number]
  /** 0 names a new id, 1 the newest one, 2 the one before it. */
  readonly slot: number
  /** Whether the slot counts only the reservations that are held. */
  readonly open: boolean
  /** The same for what is superseded; -1 is none, 0 an unknown id. */
  readonly other: number
  readonly size: (typeof SIZES)[number]
  readonly body: (typeof BODIES)[number]
  readonly cap: (typeof CAPS)[number]
  readonly ttl: (typeof TTLS)[number]
  readonly overage: Overage
  readonly onExpiry: OnExpiry
  readonly dedupeKey: string | null
  readonly quote: (typeof QUOTES)[number]
  readonly accrued: (typeof SIZES)[number] | null
  readonly kind: GrantKind
  readonly lasts: (typeof LASTS)[number]
  readonly negative: boolean
}

const REVIEWS = {
  wait: 3,
  reserve: 34,
  settle: 20,
  release: 6,
  extend: 11,
  grant: 16,
  void: 3,
  'switch byok': 2,
  'switch debt': 5,
} as const
const CHECKOUT = {
  'buy in Checkout': 6,
  'open Checkout': 2,
  'move at Stripe': 8,
  'report a payment': 8,
  'move at Stripe and report it': 24,
} as const
const TOP_UP = {
  'move at Stripe': 4,
  'report a payment': 6,
  'move at Stripe and report it': 8,
  'agree to auto top-up': 3,
  'start an attempt': 20,
  'advance an attempt': 32,
  'keep a card': 1,
  'change a price': 1,
} as const

/** What an account is mostly about: so each kind of command meets enough of its own to get anywhere. */
export const MOODS = {
  reviews: weighted<Step['act']>({ ...REVIEWS, 'read byok': 3 }),
  payments: weighted<Step['act']>({ ...REVIEWS, ...CHECKOUT, void: 8, extend: 4 }),
  'top-ups': weighted<Step['act']>({ ...TOP_UP, reserve: 8, settle: 6, grant: 3, void: 1, 'buy in Checkout': 3 }),
  everything: weighted<Step['act']>({ ...REVIEWS, ...CHECKOUT, ...TOP_UP }),
} as const
export type Mood = keyof typeof MOODS

/** Mostly short ones: an account in which everything has expired shows little. */
const WEIGHTED_JUMPS: readonly Step['jump'][] = [
  ...repeated<Step['jump']>(150, [0]),
  ...repeated<Step['jump']>(12, [1, SECOND]),
  ...repeated<Step['jump']>(2, JUMPS.slice(JUMPS.indexOf('just before the next due time'), -PAYMENT_JUMPS.length)),
  ...JUMPS.slice(0, -PAYMENT_JUMPS.length),
]

const WEIGHTED_LASTS: readonly Step['lasts'][] = [...repeated<Step['lasts']>(4, [null, HOUR, 14 * DAY]), ...LASTS]

/** The largest amount fills an account for good, so it comes rarely. */
const COMMON_SIZES: readonly Step['size'][] = [...SIZES.slice(0, -1), 'half the free', 'half the free']

const COMMON_QUOTES: readonly Step['quote'][] = [...repeated<Step['quote']>(3, ['new', 'one sent before']), ...QUOTES]

export function randomMood(chance: Random): Mood {
  return chance.pick(Object.keys(MOODS) as Mood[])
}

export function randomStep(chance: Random, mood: Mood = 'reviews'): Step {
  const act = chance.pick(MOODS[mood])
  const isNew =
    act === 'reserve' || act === 'grant' || act === 'buy in Checkout' ? chance.below(100) < 75 : chance.below(100) < 2
  return {
    act,
    jump: chance.pick(jumpsBefore(act)),
    slot: isNew ? 0 : 1 + Math.min(chance.below(NEWEST), chance.below(NEWEST)),
    open: chance.below(2) === 0,
    other: chance.below(5) === 0 ? chance.below(NEWEST) : -1,
    size: chance.below(2_000) === 0 ? 'the most there is' : chance.pick(COMMON_SIZES),
    body: chance.pick(BODIES),
    cap: chance.pick(CAPS),
    ttl: chance.pick(TTLS),
    overage: chance.pick(OVERAGES),
    onExpiry: chance.pick(ON_EXPIRY),
    dedupeKey: chance.below(2) === 0 ? null : chance.pick(DEDUPE_KEYS),
    quote: chance.below(6) === 0 ? chance.pick(COMMON_QUOTES) : null,
    accrued: chance.below(3) === 0 ? null : chance.pick(COMMON_SIZES),
    kind: chance.pick(KINDS),
    lasts: chance.pick(WEIGHTED_LASTS),
    negative: chance.below(4) === 0,
    ...randomPaymentStep(chance),
  }
}

function jumpsBefore(act: Step['act']): readonly Step['jump'][] {
  if (act === 'start an attempt') return WEIGHTED_START_JUMPS
  const acts: readonly Step['act'][] = PAYMENT_ACTS
  return acts.includes(act) ? WEIGHTED_PAYMENT_JUMPS : WEIGHTED_JUMPS
}

function weighted<T extends string>(weights: Readonly<Partial<Record<T, number>>>): readonly T[] {
  const entries = Object.entries(weights) as [T, number][]
  return entries.flatMap(([name, weight]) => repeated(weight, [name]))
}

function repeated<T>(times: number, of: readonly T[]): readonly T[] {
  return Array.from({ length: times }, () => of).flat()
}
