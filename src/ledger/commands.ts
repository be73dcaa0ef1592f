/** Everything that can be asked of the ledger. Amounts are millicredits, times epoch milliseconds. */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { AutoTopUp, TopUpFacts } from './auto-top-up.ts'
import type { Book } from './book.ts'
import type { Entry } from './entry.ts'
import type { Grant, GrantKind } from './grants.ts'
import type { Failure, PaymentFacts, Purchase } from './purchase.ts'
import type { QuoteFound } from './quote.ts'
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
  readonly quote: QuoteFound | null
  readonly metadata: Metadata
  /** As `Reservation.announced`. */
  readonly announced: string | null
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

/** The account's own key is put in place or taken away (R17). Of the key itself the ledger sees what customers do. */
export interface ChangeByok {
  readonly op: 'change_byok'
  readonly enabled: boolean
  /** Whether the key that is put is the very one that is there; only whoever has seen both can say. */
  readonly isSame: boolean
  /** The preview of the key that is put, and of the one that is there. */
  readonly preview: string | null
  readonly former: string | null
  /** Who asks: the id of a key, or who else it was. */
  readonly by: string
}

/** A runner is about to be given the account's own key, for one reservation. */
export interface ReadByok {
  readonly op: 'read_byok'
  readonly id: string
  readonly by: string
}

/** A pack is about to be bought in Checkout. */
export interface StartCheckout {
  readonly op: 'start_checkout'
  /** The id is ours; the caller's idempotency key finds the purchase again. */
  readonly purchase: Pick<
    Purchase,
    | 'id'
    | 'pack'
    | 'credits'
    | 'priceCents'
    | 'paysFor'
    | 'successUrl'
    | 'cancelUrl'
    | 'request'
    | 'idempotencyKey'
    | 'expiresAt'
  >
}

/** Where the customer pays for it. */
export interface OpenCheckout {
  readonly op: 'open_checkout'
  readonly id: string
  readonly customer: string
  readonly session: string
  readonly url: string | null
}

/** What Stripe was just seen to say of a payment (R12, R13). */
export interface ReportPayment {
  readonly op: 'report_payment'
  readonly id: string
  readonly facts: PaymentFacts
}

/** Auto top-up writes an attempt down, if R14 and R15 allow one now. */
export interface StartAttempt {
  readonly op: 'start_attempt'
  readonly id: string
  /** Whose card is charged. */
  readonly customer: string
}

/** What happened to an attempt at Stripe, short of its outcome; what follows from it is decided by R14 and R15. */
export type AttemptEvent =
  | { readonly type: 'created'; readonly paymentIntent: string }
  /** About to be confirmed: R14 is checked again. */
  | { readonly type: 'confirm' }
  /** Read to be still unconfirmed. */
  | { readonly type: 'unconfirmed' }
  | { readonly type: 'refused'; readonly failure: Failure }
  /** There is no PaymentIntent to cancel. */
  | { readonly type: 'abandoned'; readonly failure: Failure }

export interface AdvanceAttempt {
  readonly op: 'advance_attempt'
  readonly id: string
  readonly event: AttemptEvent
}

export interface ChangeAutoTopUp {
  readonly op: 'change_auto_top_up'
  readonly settings: Omit<AutoTopUp, 'agreedAt' | 'agreedBy'>
  /** Who asks: the id of a key, or who else it was. */
  readonly by: string
}

/** What time does (R7); nobody else may ask for it. */
export type DueWork =
  | { readonly op: 'expire_reservation'; readonly id: string; readonly at: EpochMs }
  | { readonly op: 'expire_grant'; readonly id: string; readonly at: EpochMs }

export type ReservationCommand = Reserve | Settle | Release | Extend
export type PaymentCommand =
  | StartCheckout
  | OpenCheckout
  | ReportPayment
  | StartAttempt
  | AdvanceAttempt
  | ChangeAutoTopUp
export type ByokCommand = ChangeByok | ReadByok
export type Command = ReservationCommand | GiveGrant | VoidGrant | ByokCommand | PaymentCommand | DueWork

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
  /** For a reserve with a quote: the id of the reservation that was made with it. */
  readonly quotedBy: string | null
  /** Grants that parts of these reservations, or the purchase, name and that are no longer live. */
  readonly retired: readonly Grant[]
  /** For a payment: the purchase that the command names, the attempt that it pays for, and what R14 looks at. */
  readonly purchase: Purchase | null
  readonly paysFor: Purchase | null
  readonly topUp: TopUpFacts | null
  /** The number that a new purchase gets. */
  readonly nextPurchase: number
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
  readonly purchases: readonly Purchase[]
}

/** `change` is null when nothing is written: a replay, or work already done. */
export interface Accepted {
  readonly ok: true
  readonly replayed: boolean
  readonly reservation: Reservation | null
  readonly grant: Grant | null
  readonly purchase: Purchase | null
  readonly change: Change | null
}

export type Decision = Accepted | Refused
