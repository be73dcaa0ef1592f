/**
 * What auto top-up would have done: the ledger's own past, replayed with other settings. The rules are R14 and R15
 * themselves (`nextAttemptAt`). What it takes for granted:
 * - It was on all the time, with a card that is never declined and never asks for its owner; each charge brings its
 *   credits at once; what was charged before the time that is replayed does not count towards its monthly limit.
 * - What auto top-up really did in that time is taken out, refunds and disputes of it included. All else happened as it
 *   did: reviews, grants, expiries, and what the customer bought by hand.
 * - A review whose credits would not have been there is refused, and leaves no trace. One that was refused in truth is
 *   not known, so it is not there in the replay either. What a review that was let in takes beyond its hold is taken,
 *   even below zero, as if it were owed.
 */
import type { EpochMs, Millicredits } from './amounts.ts'
import { type AutoTopUp, type Card, monthOf, nextAttemptAt, type TopUpFacts } from './auto-top-up.ts'
import { type Book, EMPTY_BOOK } from './book.ts'

/** Of an entry, what a replay needs. */
export interface PastLine {
  readonly at: EpochMs
  /** Whether a review begins with it. */
  readonly isReserve: boolean
  /** After it. */
  readonly available: Millicredits
  /** How it changed what is available less what is owed. */
  readonly flow: Millicredits
  readonly reservation: string | null
  readonly purchase: string | null
  /** Whether it grants what an attempt of auto top-up paid for. */
  readonly isTopUp: boolean
}

/** From one instant up to another: what there was at its beginning, and every entry since, the oldest first. */
export interface Past {
  readonly from: EpochMs
  readonly to: EpochMs
  readonly available: Millicredits
  readonly debt: Millicredits
  readonly lines: readonly PastLine[]
}

export type PreviewTerms = Pick<AutoTopUp, 'threshold' | 'pack' | 'credits' | 'priceCents' | 'monthlyLimitCents'>

export interface PreviewedCharge {
  readonly at: EpochMs
  readonly priceCents: number
  readonly credits: Millicredits
}

export interface TopUpPreview {
  readonly charges: readonly PreviewedCharge[]
  /** How long less than `enough` was available: with these terms, and as it was. */
  readonly withoutCreditsMs: number
  readonly withoutCreditsAsItWasMs: number
}

/** `enough` is what the smallest review takes: with less than that, an account is without credits. */
export function previewTopUps(past: Past, terms: PreviewTerms, enough: Millicredits): TopUpPreview {
  const replay = new Replay(past, terms, enough)
  for (const line of past.lines) {
    replay.advance(line.at)
    replay.take(line)
  }
  replay.advance(past.to)
  const { charges, withoutCreditsMs } = replay
  return { charges, withoutCreditsMs, withoutCreditsAsItWasMs: withoutCreditsAsItWas(past, enough) }
}

function withoutCreditsAsItWas({ from, to, available, lines }: Past, enough: Millicredits): number {
  let before: Pick<PastLine, 'at' | 'available'> = { at: from, available }
  let sum = 0
  for (const line of [...lines, { at: to, available: 0 }]) {
    if (before.available < enough) sum += line.at - before.at
    before = line
  }
  return sum
}

/** Always good, and always the one that was agreed to. */
const CARD: Card = { id: '', fingerprint: '', brand: '', last4: '', expMonth: 12, expYear: 9999 }

class Replay {
  readonly charges: PreviewedCharge[] = []
  withoutCreditsMs = 0
  readonly #autoTopUp: AutoTopUp
  readonly #enough: Millicredits
  readonly #spentCents: Record<string, number> = {}
  /** Reviews that would not have begun, and top-ups that were another agreement's. */
  readonly #refused = new Set<string>()
  readonly #undone = new Set<string>()
  /** When the next attempt may start; nothing but a charge changes it before that time. */
  #notBefore = Number.NEGATIVE_INFINITY
  #at: EpochMs
  /** What is available, or, below zero, what is owed. */
  #net: Millicredits

  constructor({ from, available, debt }: Past, terms: PreviewTerms, enough: Millicredits) {
    this.#autoTopUp = { ...terms, enabled: true, card: CARD, agreedAt: from, agreedBy: '' }
    this.#enough = enough
    this.#at = from
    this.#net = available - debt
  }

  /**
   * Lets time pass up to an instant, with the charges that fall before it. Each round moves the clock or charges, and
   * R15 lets it charge twice in ten minutes at the most.
   */
  advance(to: EpochMs): void {
    for (let at = this.#nextAttemptAt(); at !== null && at < to; at = this.#nextAttemptAt()) {
      if (at > this.#at) this.#pass(at)
      else this.#charge()
    }
    this.#pass(to)
  }

  take(line: PastLine): void {
    const { isReserve, reservation, purchase, flow } = line
    if (line.isTopUp && purchase !== null) this.#undone.add(purchase)
    if (purchase !== null && this.#undone.has(purchase)) return
    if (isReserve && reservation !== null && flow < 0 && this.#net + flow < 0) this.#refused.add(reservation)
    if (reservation !== null && this.#refused.has(reservation)) return
    this.#net += flow
  }

  #pass(to: EpochMs): void {
    if (this.#net < this.#enough) this.withoutCreditsMs += to - this.#at
    this.#at = to
  }

  #charge(): void {
    const { priceCents, credits } = this.#autoTopUp
    const month = monthOf(this.#at)
    this.#spentCents[month] = (this.#spentCents[month] ?? 0) + priceCents
    this.charges.push({ at: this.#at, priceCents, credits })
    this.#notBefore = Number.NEGATIVE_INFINITY
    this.#net += credits
  }

  #nextAttemptAt(): EpochMs | null {
    if (this.#net >= this.#autoTopUp.threshold) return null
    if (this.#notBefore > this.#at) return this.#notBefore
    const book: Book = { ...EMPTY_BOOK, available: Math.max(0, this.#net), autoTopUp: this.#autoTopUp }
    const at = nextAttemptAt(book, this.#facts(), this.#at)
    this.#notBefore = at ?? Number.NEGATIVE_INFINITY
    return at
  }

  #facts(): TopUpFacts {
    const starts = [this.charges.at(-1), this.charges.at(-2)].flatMap((charge) => charge?.at ?? [])
    return {
      open: null,
      starts,
      outcomes: [],
      spentCents: this.#spentCents,
      card: CARD,
      offered: this.#autoTopUp,
    }
  }
}
