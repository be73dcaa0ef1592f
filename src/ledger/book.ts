/**
 * The book: all of an account that a decision may look at, small whatever its history. It is never changed; a decision
 * writes the next one through a Draft.
 */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { AutoTopUp } from './auto-top-up.ts'
import type { Totals } from './entry.ts'
import type { Grant } from './grants.ts'

export interface Book {
  /** The number and the time of the last entry; 0 before the first. */
  readonly seq: number
  readonly lastAt: EpochMs
  readonly available: Millicredits
  readonly reserved: Millicredits
  readonly debt: Millicredits
  readonly totals: Totals
  /** How many reservations are held. */
  readonly open: number
  /** The live grants, in burn order. */
  readonly grants: readonly Grant[]
  /** When the trial expires or expired; `null` if none was granted. */
  readonly trialExpiresAt: EpochMs | null
  /** Whether the operator lets this account owe for reviews above their hold (R6). */
  readonly allowDebt: boolean
  /** Whether new reservations are made in mode `byok` (R17). */
  readonly byok: boolean
  /** What the customer last agreed to (R16); `null` if never. */
  readonly autoTopUp: AutoTopUp | null
}

export const EMPTY_BOOK: Book = {
  seq: 0,
  lastAt: 0,
  available: 0,
  reserved: 0,
  debt: 0,
  totals: { granted: 0, charged: 0, absorbed: 0, expired: 0, voided: 0, takenBack: 0 },
  open: 0,
  grants: [],
  trialExpiresAt: null,
  allowDebt: false,
  byok: false,
  autoTopUp: null,
}
