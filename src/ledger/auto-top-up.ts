/**
 * Auto top-up (R14-R16): when it may charge, and how its state is put in one word. Pure: what it looks at is the book
 * and a few facts about earlier attempts.
 */
import { type EpochMs, MAX_MILLICREDITS, type Millicredits } from './amounts.ts'
import type { Book } from './book.ts'
import { CLOCK_SKEW_MS, DECLINE_PAUSE_MS, DECLINES_IN_A_ROW, STARTS_WINDOW_MS } from './limits.ts'
import type { Purchase } from './purchase.ts'

/** A saved card. The number's fingerprint says whether it is the same card, under whichever id. */
export interface Card {
  readonly id: string
  readonly fingerprint: string
  readonly brand: string
  readonly last4: string
  readonly expMonth: number
  readonly expYear: number
}

/** What the customer agreed to (R16). */
export interface AutoTopUp {
  readonly enabled: boolean
  readonly threshold: Millicredits
  readonly pack: string
  readonly credits: Millicredits
  readonly priceCents: number
  readonly monthlyLimitCents: number
  readonly card: Pick<Card, 'fingerprint' | 'brand' | 'last4'> | null
  readonly agreedAt: EpochMs
  readonly agreedBy: string
}

export type AutoTopUpState =
  | 'off'
  | 'armed'
  | 'charging'
  | 'limit_reached'
  | 'suspended'
  | 'needs_card'
  | 'needs_agreement'
  | 'action_required'

/** What a decision about an attempt looks at beside the book. */
export interface TopUpFacts {
  readonly open: Purchase | null
  /** When the two newest attempts were written down, the newest first. */
  readonly starts: readonly EpochMs[]
  /** The newest attempts that were paid, declined or wanted the customer, the newest first; three are enough. */
  readonly outcomes: readonly Purchase[]
  /** Cents by month of Stripe's charge (`2026-11`), gross, attempts only. */
  readonly spentCents: Readonly<Record<string, number>>
  /** The card that would be charged. */
  readonly card: Card | null
  /** The agreed pack as it is sold now; `null` if it no longer is. */
  readonly offered: { readonly credits: Millicredits; readonly priceCents: number } | null
}

/**
 * The card to charge of those that are kept, the customer's default first, then the newest: the agreed one as long as it
 * is good, so that another one kept beside it changes nothing; else the first good one; else the first.
 */
export function chooseCard(cards: readonly Card[], agreed: string | null, now: EpochMs): Card | null {
  const good = cards.filter((card) => !isExpired(card, now))
  return good.find(({ fingerprint }) => fingerprint === agreed) ?? good[0] ?? cards[0] ?? null
}

/** The UTC month of an instant, as `2026-11`. */
export function monthOf(at: EpochMs): string {
  const { year, month } = civil(at)
  return `${year}-${String(month).padStart(2, '0')}`
}

/** The months in which a charge made now may fall by Stripe's clock: at a month's end, the next one too. */
export function monthsOfCharge(now: EpochMs): readonly string[] {
  return [...new Set([monthOf(now), monthOf(now + CLOCK_SKEW_MS)])]
}

export function autoTopUpState(book: Book, facts: TopUpFacts, now: EpochMs): AutoTopUpState {
  const { autoTopUp } = book
  // One under way is said first: it may still charge, whatever the settings are now.
  if (facts.open !== null) return 'charging'
  if (autoTopUp === null || !autoTopUp.enabled) return 'off'
  return blockedBy(autoTopUp, facts, now) ?? (fitsLimit(autoTopUp, facts, now) ? 'armed' : 'limit_reached')
}

/** When the next attempt may start at the soonest, if nothing changes; `null` if none may. */
export function nextAttemptAt(book: Book, facts: TopUpFacts, now: EpochMs): EpochMs | null {
  const { autoTopUp } = book
  if (autoTopUp === null || book.available >= autoTopUp.threshold) return null
  // R20: what could not be granted is not charged.
  if (book.totals.granted + autoTopUp.credits > MAX_MILLICREDITS) return null
  const state = autoTopUpState(book, facts, now)
  if (state === 'limit_reached') return endOfMonth(now) + CLOCK_SKEW_MS
  if (state !== 'armed') return null
  const [, last] = facts.starts
  const declines = facts.outcomes.filter((each) => each.failure?.kind === 'declined')
  const soonest = Math.max(
    now,
    (last ?? Number.NEGATIVE_INFINITY) + STARTS_WINDOW_MS,
    ...declines.map((each) => (each.closedAt ?? each.createdAt) + DECLINE_PAUSE_MS),
  )
  return afterMonthBegan(soonest)
}

/** R14 once more, for an attempt that is created and not confirmed: yes, no longer, or not before a certain time. */
export function mayConfirm(book: Book, attempt: Purchase, facts: TopUpFacts, now: EpochMs): boolean | EpochMs {
  const { autoTopUp } = book
  if (autoTopUp === null || !autoTopUp.enabled || book.available >= autoTopUp.threshold) return false
  const { pack, credits, priceCents } = autoTopUp
  const { card, offered } = facts
  if (book.totals.granted + credits > MAX_MILLICREDITS) return false
  if (attempt.pack !== pack || attempt.credits !== credits || attempt.priceCents !== priceCents) return false
  // A card that was replaced by itself under another id is charged by the next attempt, not by this one.
  if (card === null || attempt.card !== card.id || isExpired(card, now)) return false
  if (!isAgreed(autoTopUp, card, offered)) return false
  if (!fitsLimit(autoTopUp, facts, now)) return false
  const at = afterMonthBegan(now)
  return at > now ? at : true
}

function blockedBy(autoTopUp: AutoTopUp, facts: TopUpFacts, now: EpochMs): AutoTopUpState | null {
  const [newest] = facts.outcomes
  const counted = facts.outcomes.filter((each) => isSinceAgreement(each, autoTopUp))
  if (newest !== undefined && newest === counted[0]) {
    if (newest.failure?.kind === 'authentication_required' && !newest.paidByCustomer) return 'action_required'
    const declined = counted.slice(0, DECLINES_IN_A_ROW).filter((each) => each.failure?.kind === 'declined')
    if (declined.length === DECLINES_IN_A_ROW) return 'suspended'
  }
  const { card, offered } = facts
  if (card === null || isExpired(card, now)) return 'needs_card'
  return isAgreed(autoTopUp, card, offered) ? null : 'needs_agreement'
}

/** Whether what became of an attempt was known only after the customer last agreed: then they do not know it yet. */
export function isSinceAgreement(attempt: Purchase, autoTopUp: Pick<AutoTopUp, 'agreedAt'>): boolean {
  return attempt.closedAt === null || attempt.closedAt >= autoTopUp.agreedAt
}

/** R16: another price or another card needs a new agreement. */
function isAgreed(autoTopUp: AutoTopUp, card: Card, offered: TopUpFacts['offered']): boolean {
  return (
    autoTopUp.card?.fingerprint === card.fingerprint &&
    offered !== null &&
    offered.priceCents === autoTopUp.priceCents &&
    offered.credits === autoTopUp.credits
  )
}

/** One attempt is open at a time, so what is open is the price of the one that is asked about. */
function fitsLimit(autoTopUp: AutoTopUp, facts: TopUpFacts, now: EpochMs): boolean {
  return monthsOfCharge(now).every(
    (month) => (facts.spentCents[month] ?? 0) + autoTopUp.priceCents <= autoTopUp.monthlyLimitCents,
  )
}

/** A card is good to the end of its month. */
export function isExpired(card: Card, now: EpochMs): boolean {
  const { year, month } = civil(now)
  return card.expYear < year || (card.expYear === year && card.expMonth < month)
}

/** None starts in the first minutes of a month: Stripe's clock may not be there yet, and count it in the old one. */
function afterMonthBegan(at: EpochMs): EpochMs {
  return monthOf(at - CLOCK_SKEW_MS) === monthOf(at) ? at : startOfMonth(at) + CLOCK_SKEW_MS
}

const DAY_MS = 24 * 60 * 60 * 1000
const LONGER_THAN_ANY_MONTH_MS = 32 * DAY_MS

function startOfMonth(at: EpochMs): EpochMs {
  return (Math.floor(at / DAY_MS) - civil(at).day + 1) * DAY_MS
}

function endOfMonth(at: EpochMs): EpochMs {
  return startOfMonth(startOfMonth(at) + LONGER_THAN_ANY_MONTH_MS)
}

/** Year, month and day in UTC. */
function civil(at: EpochMs): { year: number; month: number; day: number } {
  const date = new Date(at)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}
