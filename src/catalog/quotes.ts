/** A quote: an estimate whose price is kept. What it promises, and for how long. */
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import type { Estimate, ReviewFacts } from './estimates.ts'

/**
 * A quote stands on a pull request until somebody starts the review, and who may start it can be asleep in another time
 * zone: a day suffices for everybody. For longer, the facts and the prices behind it would no longer be those of today.
 */
export const QUOTE_LIFETIME_MS = 24 * 60 * 60 * 1000

export interface Quote {
  readonly account: string
  readonly facts: ReviewFacts
  readonly estimate: Estimate
  /** What the review costs its customer at the most. */
  readonly maxCredits: Millicredits
  readonly expiresAt: EpochMs
  /** Random: what the quote is known by once it is used, so that two quotes of the same facts are two. */
  readonly key: string
}

/** Locks an estimate made at `now`. */
export function quoteOf(account: string, facts: ReviewFacts, estimate: Estimate, now: EpochMs, key: string): Quote {
  // The upper end is what was announced, and what was announced is kept. A cap below the hold would hold for nothing.
  const maxCredits = Math.max(estimate.high, estimate.reserve)
  return { account, facts, estimate, maxCredits, expiresAt: now + QUOTE_LIFETIME_MS, key }
}
