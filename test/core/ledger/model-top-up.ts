/**
 * R14 to R16 once more, a sentence of them at a time. It remembers every attempt and walks them all, at whatever
 * instant it is asked about.
 */
import type { AutoTopUp, AutoTopUpState, Card } from '../../../src/ledger/auto-top-up.ts'
import type { ChangeAutoTopUp } from '../../../src/ledger/commands.ts'
import { type Credits, MOST, type Verdict } from './model-credits.ts'
import type { ModelPurchase } from './model-purchase.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

export interface Offer {
  readonly credits: number
  readonly priceCents: number
}

export type Hindrance =
  | Exclude<AutoTopUpState, 'armed'>
  | 'enough'
  | 'more than can be counted'
  | 'the month is young'
  | 'two in 10 minutes'
  | 'declined within the hour'

export class TopUp {
  /** In the order in which they were written down. */
  readonly attempts: ModelPurchase[] = []
  agreed: AutoTopUp | null = null
  card: Card | null = null
  offers: Readonly<Record<string, Offer | null>> = {}
  readonly #credits: Credits

  constructor(credits: Credits) {
    this.#credits = credits
  }

  agree({ settings, by }: ChangeAutoTopUp, now: number): Verdict {
    const nothing = { reservation: null, grant: null }
    const { agreed } = this
    if (agreed !== null && essence(agreed) === essence(settings)) {
      const newest = this.#outcomes().at(-1)
      const isHeldUp = newest !== undefined && newest.state !== 'paid' && (newest.closedAt ?? now) >= agreed.agreedAt
      this.#credits.saw(isHeldUp ? 'top-up: agreed again after the bank said no' : 'top-up: agreement replayed')
      if (!isHeldUp) return { outcome: 'replayed', ...nothing }
    }
    const before = agreed === null ? null : this.state(now)
    this.agreed = { ...settings, agreedAt: now, agreedBy: by }
    this.#credits.saw(settings.enabled ? 'top-up: agreed' : 'top-up: switched off')
    if (before === 'suspended' && settings.enabled) this.#credits.saw('top-up: a suspension is lifted by agreeing')
    return { outcome: 'accepted', ...nothing }
  }

  /** R13: a refund or a dispute switches it off, and nothing else but the customer. */
  switchOff(): boolean {
    if (this.agreed?.enabled !== true) return false
    this.agreed = { ...this.agreed, enabled: false }
    return true
  }

  state(now: number): AutoTopUpState {
    const { agreed } = this
    if (this.open() !== null) return 'charging'
    if (agreed === null || !agreed.enabled) return 'off'
    const since = this.#outcomes().filter((each) => (each.closedAt ?? agreed.agreedAt) >= agreed.agreedAt)
    const newest = since.at(-1)
    if (newest?.failure?.kind === 'authentication_required' && !newest.paidByCustomer) return 'action_required'
    const last = since.slice(-3)
    if (last.length === 3 && last.every((each) => each.failure?.kind === 'declined')) return 'suspended'
    if (this.card === null || isOver(this.card, now)) return 'needs_card'
    if (!this.#isAsAgreed(agreed)) return 'needs_agreement'
    return this.#fits(agreed, now) ? 'armed' : 'limit_reached'
  }

  /** What keeps an attempt from starting at this very instant; `null` if nothing does. */
  hindrance(now: number): Hindrance | null {
    const { agreed } = this
    if (agreed === null) return 'off'
    const state = this.state(now)
    if (state !== 'armed') return state
    if (this.#credits.free >= agreed.threshold) return 'enough'
    if (this.#credits.sums.granted + agreed.credits > MOST) return 'more than can be counted'
    if (isMonthYoung(now)) return 'the month is young'
    const starts = this.attempts.filter((each) => each.createdAt > now - 10 * MINUTE)
    if (starts.length >= 2) return 'two in 10 minutes'
    const declined = this.attempts.filter((each) => each.failure?.kind === 'declined')
    const isFresh = declined.some((each) => each.closedAt !== null && now < each.closedAt + HOUR)
    return isFresh ? 'declined within the hour' : null
  }

  /** R14 again before it is confirmed: yes, no longer, or later. */
  mayConfirm(attempt: ModelPurchase, now: number): 'yes' | 'no' | 'later' {
    const { agreed, card } = this
    if (agreed === null || !agreed.enabled || this.#credits.free >= agreed.threshold) return 'no'
    if (card === null || isOver(card, now) || card.id !== attempt.card || !this.#isAsAgreed(agreed)) return 'no'
    const { pack, credits, priceCents } = agreed
    if (this.#credits.sums.granted + credits > MOST) return 'no'
    if (attempt.pack !== pack || attempt.credits !== credits || attempt.priceCents !== priceCents) return 'no'
    if (!this.#fits(agreed, now)) return 'no'
    return isMonthYoung(now) ? 'later' : 'yes'
  }

  open(): ModelPurchase | null {
    return this.attempts.find((each) => each.stage !== null) ?? null
  }

  #outcomes(): ModelPurchase[] {
    return this.attempts.filter(
      ({ state, failure }) =>
        state === 'paid' || failure?.kind === 'declined' || failure?.kind === 'authentication_required',
    )
  }

  #isAsAgreed(agreed: AutoTopUp): boolean {
    const offer = this.offers[agreed.pack]
    if (offer?.credits !== agreed.credits || offer.priceCents !== agreed.priceCents) return false
    return this.card?.fingerprint === agreed.card?.fingerprint
  }

  /** By Stripe's clock it may be 5 minutes later, and then it must fit there too. */
  #fits({ priceCents, monthlyLimitCents }: AutoTopUp, now: number): boolean {
    const months = [monthOf(now), monthOf(now + 5 * MINUTE)]
    return months.every((month) => this.spent(month) + priceCents <= monthlyLimitCents)
  }

  /** Gross, by the month of Stripe's charge. */
  spent(month: string): number {
    let cents = 0
    for (const { chargedAt, priceCents } of this.attempts) {
      if (chargedAt !== null && monthOf(chargedAt) === month) cents += priceCents
    }
    return cents
  }
}

/** By day, because it is asked for the same few days again and again. */
const MONTHS = new Map<number, string>()

export function monthOf(at: number): string {
  const day = Math.floor(at / (24 * HOUR))
  const month = MONTHS.get(day) ?? new Date(at).toISOString().slice(0, 7)
  MONTHS.set(day, month)
  return month
}

function isMonthYoung(now: number): boolean {
  return monthOf(now - 5 * MINUTE) !== monthOf(now)
}

/** A card is good to the end of the month that is printed on it. */
function isOver({ expYear, expMonth }: Card, now: number): boolean {
  return `${expYear}-${String(expMonth).padStart(2, '0')}` < monthOf(now)
}

function essence({
  enabled,
  threshold,
  pack,
  credits,
  priceCents,
  monthlyLimitCents,
  card,
}: ChangeAutoTopUp['settings']) {
  return JSON.stringify([enabled, threshold, pack, credits, priceCents, monthlyLimitCents, card?.fingerprint])
}
