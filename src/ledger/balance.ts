/** The balance as people read it: three parts that always sum up to available and reserved. */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { Book } from './book.ts'
import { isBought } from './grants.ts'

export interface BalancePart {
  readonly available: Millicredits
  readonly reserved: Millicredits
}

export interface Balance {
  readonly available: Millicredits
  readonly reserved: Millicredits
  readonly debt: Millicredits
  /** `null` without a trial, and once it has expired and nothing holds any of it. */
  readonly trial: (BalancePart & { readonly expiresAt: EpochMs }) | null
  /** Promotional grants and adjustments. */
  readonly promotional: BalancePart & { readonly nextExpiresAt: EpochMs | null }
  /** Purchases and top-ups. */
  readonly purchased: BalancePart
  /** The number of the last entry. */
  readonly version: number
  readonly asOf: EpochMs
}

export function balanceOf(book: Book, now: EpochMs): Balance {
  const trial = { available: 0, reserved: 0 }
  const promotional = { available: 0, reserved: 0 }
  const purchased = { available: 0, reserved: 0 }
  let nextExpiresAt: EpochMs | null = null
  for (const grant of book.grants) {
    const part = grant.kind === 'trial' ? trial : isBought(grant.kind) ? purchased : promotional
    part.available += grant.free
    part.reserved += grant.held
    // In burn order the first promotional grant with something free and an expiry is the soonest.
    if (part === promotional && grant.free > 0) nextExpiresAt ??= grant.expiresAt
  }
  const trialEnds = book.trialExpiresAt
  const showTrial = trialEnds !== null && (now < trialEnds || trial.reserved > 0)
  return {
    available: book.available,
    reserved: book.reserved,
    debt: book.debt,
    trial: showTrial ? { ...trial, expiresAt: trialEnds } : null,
    promotional: { ...promotional, nextExpiresAt },
    purchased,
    version: book.seq,
    asOf: now,
  }
}
