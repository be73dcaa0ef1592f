/** Everything that can be asked of the ledger. Amounts are millicredits, times epoch milliseconds. */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { Book } from './book.ts'
import type { Entry } from './entry.ts'
import type { Grant, GrantKind } from './grants.ts'
import type { Refused } from './refusals.ts'
import type { Metadata, OnExpiry, Overage, RequestFields, Reservation } from './reservation.ts'

export interface Reserve {
  readonly op: 'reserve'
  readonly id: string
  /** As first sent: what a repetition is compared with (R3). All below was derived from it. */
  readonly request: RequestFields
  readonly amount: Millicredits
  readonly maxCredits: Millicredits
  readonly tier: string | null
  readonly ttlMs: number
  readonly overage: Overage
  readonly onExpiry: OnExpiry
  readonly supersedes: string | null
  readonly dedupeKey: string | null
  readonly metadata: Metadata
}

export interface Settle {
  readonly op: 'settle'
  readonly id: string
  readonly actual: Millicredits
  readonly costUsd: string
}

export interface Release {
  readonly op: 'release'
  readonly id: string
  readonly reason: string | null
}

export interface Extend {
  readonly op: 'extend'
  readonly id: string
  readonly ttlMs: number | null
  readonly credits: Millicredits | null
  readonly accrued: Millicredits | null
}

export interface GiveGrant {
  readonly op: 'grant'
  readonly id: string
  readonly kind: GrantKind
  /** Negative only for an adjustment: it takes free credits away. */
  readonly credits: Millicredits
  readonly expiresAt: EpochMs | null
  readonly reason: string | null
}

export interface VoidGrant {
  readonly op: 'void_grant'
  readonly id: string
}

export interface ChangeByok {
  readonly op: 'change_byok'
  readonly enabled: boolean
}

/** What time does (R7); nobody else may ask for it. */
export type DueWork =
  | { readonly op: 'expire_reservation'; readonly id: string; readonly at: EpochMs }
  | { readonly op: 'expire_grant'; readonly id: string; readonly at: EpochMs }

export type ReservationCommand = Reserve | Settle | Release | Extend
export type Command = ReservationCommand | GiveGrant | VoidGrant | ChangeByok | DueWork

/** What was looked up for a command. */
export interface View {
  readonly book: Book
  /** The reservation or grant that the command names, under whichever of its names. */
  readonly reservation: Reservation | null
  readonly grant: Grant | null
  /** For a reserve under another name of a reservation: the request that made it another name. */
  readonly aliasRequest: RequestFields | null
  /** For a reserve: the newest reservation with its `dedupeKey`, and the one it supersedes. */
  readonly deduplicated: Reservation | null
  readonly superseded: Reservation | null
  /** Grants that parts of these reservations name and that are no longer live. */
  readonly retired: readonly Grant[]
}

/** Another name of a reservation, for ever. */
export interface Alias {
  readonly id: string
  readonly reservation: string
  readonly request: RequestFields
}

/** Everything that one command writes, in one transaction. */
export interface Change {
  readonly book: Book
  readonly entries: readonly Entry[]
  readonly reservations: readonly Reservation[]
  readonly grants: readonly Grant[]
  readonly alias: Alias | null
}

/** `change` is null when nothing is written: a replay, or work already done. */
export interface Accepted {
  readonly ok: true
  readonly replayed: boolean
  readonly reservation: Reservation | null
  readonly grant: Grant | null
  readonly change: Change | null
}

export type Decision = Accepted | Refused
