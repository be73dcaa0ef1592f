/** Entries: the immutable lines of the ledger. State is what they sum up to (R19). */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { Metadata, Mode } from './reservation.ts'

export const ENTRY_KINDS = [
  'grant',
  'reserve',
  'extend',
  'settle',
  'release',
  'expire_reservation',
  'expire_grant',
  'void_grant',
  'refund',
  'refund_reversal',
  'dispute',
  'dispute_reversal',
  'debt_repaid',
  'auto_top_up_changed',
  'byok_changed',
  'byok_read',
] as const

export type EntryKind = (typeof ENTRY_KINDS)[number]

/** How one entry changed one grant: all that is left of it, and of that what is held. */
export interface GrantDelta {
  readonly id: string
  readonly credits: Millicredits
  readonly held: Millicredits
}

/** Sums over the account's whole life. Conservation (I1) is stated in them. */
export interface Totals {
  readonly granted: Millicredits
  readonly charged: Millicredits
  readonly absorbed: Millicredits
  readonly expired: Millicredits
  readonly voided: Millicredits
  readonly takenBack: Millicredits
}

export interface Entry {
  readonly seq: number
  readonly at: EpochMs
  readonly kind: EntryKind
  readonly availableDelta: Millicredits
  readonly reservedDelta: Millicredits
  readonly debtDelta: Millicredits
  readonly available: Millicredits
  readonly reserved: Millicredits
  readonly debt: Millicredits
  /** Changes of what was charged and absorbed; a late settle below what expiry charged has a negative `charged`. */
  readonly charged: Millicredits
  readonly absorbed: Millicredits
  /** The cost stated by a settle, in millicredits rounded up, and as the decimal USD that the runner sent. */
  readonly actual: Millicredits | null
  readonly costUsd: string | null
  readonly mode: Mode
  readonly late: boolean
  readonly reservation: string | null
  readonly grants: readonly GrantDelta[]
  readonly purchase: string | null
  readonly tier: string | null
  readonly metadata: Metadata
  readonly detail: Readonly<Record<string, string | number | boolean | null>> | null
  readonly totals: Totals
  /** How many reservations are held after this entry. */
  readonly open: number
}
