/** Reservations: credits held for one review, from `held` to one terminal state (R9). */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { Part } from './grants.ts'

export type ReservationState = 'held' | 'settled' | 'released' | 'expired'

/** R6: what happens to cost above the hold. */
export type Overage = 'available' | 'cap' | 'debt'

/** R7: whether an expired reservation is charged nothing, or what its runner last reported. */
export type OnExpiry = 'release' | 'settle_accrued'

/** R17: fixed when the reservation is made; with `byok` it holds nothing and settles to nothing. */
export type Mode = 'credits' | 'byok'

export type Metadata = Readonly<Record<string, string>>

/** A write as first sent: flat, parsed, constant defaults filled in. Two requests are one if these are equal (R3). */
export type RequestFields = Readonly<
  Record<string, string | number | boolean | null | readonly string[] | Metadata | undefined>
>

export interface Reservation {
  readonly id: string
  readonly state: ReservationState
  readonly mode: Mode
  readonly tier: string | null
  /** What is held, or was when it closed. */
  readonly held: Millicredits
  readonly parts: readonly Part[]
  readonly charged: Millicredits | null
  readonly returned: Millicredits | null
  readonly absorbed: Millicredits | null
  /** The cost that the runner stated at settlement, before any cap. */
  readonly actual: Millicredits | null
  readonly costUsd: string | null
  /** What the runner reported as spent so far; never falls. */
  readonly accrued: Millicredits
  readonly maxCredits: Millicredits
  readonly overage: Overage
  readonly onExpiry: OnExpiry
  readonly late: boolean
  readonly supersedes: string | null
  readonly dedupeKey: string | null
  /** The key of the quote that it was made with; no other reservation has the same. */
  readonly quote: string | null
  readonly metadata: Metadata
  readonly ttlMs: number
  readonly request: RequestFields
  /** What was announced for it, in the catalogue's words: kept with it and never looked at by the ledger. */
  readonly announced: string | null
  readonly createdAt: EpochMs
  readonly expiresAt: EpochMs
  readonly closedAt: EpochMs | null
  /** The number of the entry that reserved it: the order in which reservations were made. */
  readonly ordinal: number
}

/** The name of the first field in which two requests differ, in the order of the first one; `null` if they are one. */
export function firstDifference(first: RequestFields, second: RequestFields): string | null {
  for (const field of new Set([...Object.keys(first), ...Object.keys(second)])) {
    if (canonical(first[field]) !== canonical(second[field])) return field
  }
  return null
}

/** Order counts in a list of specialists no more than in an object: both are sets to the one who sent them. */
function canonical(value: RequestFields[string]): string {
  if (value === undefined || value === null) return 'null'
  if (Array.isArray(value)) return JSON.stringify([...value].sort())
  if (typeof value === 'object') return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  return JSON.stringify(value)
}
