/**
 * Grants: where credits came from. A grant's credits are free, held by reservations, or gone; the burn order (R5) says
 * which grant is used first.
 */
import type { EpochMs, Millicredits } from './amounts.ts'

export type GrantKind = 'trial' | 'purchase' | 'top_up' | 'promotional' | 'adjustment'

export interface Grant {
  readonly id: string
  readonly kind: GrantKind
  /** As granted; negative only for an adjustment that took credits away. */
  readonly credits: Millicredits
  readonly free: Millicredits
  readonly held: Millicredits
  readonly expiresAt: EpochMs | null
  readonly voided: boolean
  readonly reason: string | null
  readonly createdAt: EpochMs
  /** The number of the entry that granted it: the older of two grants has the smaller one. */
  readonly ordinal: number
}

/** What one reservation has of one grant, and after its end what became of that. `held = charged + lost + returned`. */
export interface Part {
  readonly grant: string
  readonly held: Millicredits
  readonly charged: Millicredits
  /** Came back after its grant had expired or been voided. */
  readonly lost: Millicredits
}

/** The id of the one trial grant of an account (R11). */
export const TRIAL_GRANT = 'trial'

export function isBought(kind: GrantKind): boolean {
  return kind === 'purchase' || kind === 'top_up'
}

/** Only live grants are kept at hand; the others are read again in the rare case that they are needed. */
export function isLive(grant: Grant): boolean {
  return grant.free > 0 || grant.held > 0
}

/** Expiry is at the first instant `now >= expiresAt` (R7). */
export function isExpired(grant: Grant, now: EpochMs): boolean {
  return grant.expiresAt !== null && now >= grant.expiresAt
}

/** R5: trial, then the soonest to expire, then promotional and adjustment before bought, then the oldest. */
export function compareBurnOrder(a: Grant, b: Grant): number {
  return (
    rank(a.kind === 'trial', b.kind === 'trial') ||
    compareExpiry(a.expiresAt, b.expiresAt) ||
    rank(!isBought(a.kind), !isBought(b.kind)) ||
    a.ordinal - b.ordinal
  )
}

function rank(a: boolean, b: boolean): number {
  return Number(b) - Number(a)
}

/** Never is later than every instant; `Infinity - Infinity` would be NaN, hence not a subtraction. */
function compareExpiry(a: EpochMs | null, b: EpochMs | null): number {
  if (a === b) return 0
  if (a === null) return 1
  if (b === null) return -1
  return a - b
}
