/**
 * What is sent and answered, in the API's own words. Written by hand, so that what is published stands alone; a test
 * does not compile once this and the API's schemas say different things.
 */

export type TierId = 'quick_scan' | 'code_review' | 'deep_analysis'

/** What is known of a review before it starts. */
export interface ReviewFacts {
  readonly tier: TierId
  /** Lines added plus lines removed. */
  readonly diff_lines: number
  readonly files: number
  readonly repository_complexity?: 'low' | 'medium' | 'high'
  /** Deep Analysis only; all four unless some are named. */
  readonly specialists?: readonly ('security' | 'performance' | 'quality' | 'test_coverage')[]
  readonly repository?: string
}

/** Credits have at most 3 decimals. `reserve` is what a reservation by the same facts holds. */
export interface Estimate {
  readonly tier: string
  readonly typical: number
  readonly low: number
  readonly high: number
  readonly reserve: number
  readonly usd: string
}

/** An estimate whose price is kept until it expires; it serves one reservation. */
export interface Quote {
  readonly id: string
  readonly tier: string
  readonly typical: number
  readonly low: number
  readonly high: number
  readonly reserve: number
  readonly max_credits: number
  readonly expires_at: string
}

/** What is to be held: the credits themselves, what the review's facts are estimated at, or what was quoted. */
export type ReserveBody = Wanted & ReserveTerms

type Wanted =
  | (ReviewFacts & None<'credits' | 'quote'>)
  | ({ readonly credits: number } & None<keyof ReviewFacts | 'quote'>)
  | ({ readonly quote: string } & None<keyof ReviewFacts | 'credits'>)

type None<Fields extends string> = { readonly [Field in Fields]?: never }

export interface ReserveTerms {
  /** 60 to 86,400; by default 300, 900 or 2,700 by tier. Heartbeats begin it anew. */
  readonly ttl_seconds?: number
  /** More than this is never charged. */
  readonly max_credits?: number
  /** Cost above the hold takes free credits, is absorbed, or is owed where the account may. */
  readonly overage?: 'available' | 'cap' | 'debt'
  /** A reservation that is released in the same step. */
  readonly supersedes?: string
  /** When time runs out: return all, or all but what was last reported as accrued. */
  readonly on_expiry?: 'release' | 'settle_accrued'
  /** How long, at most 30, the call waits for credits before it is refused. */
  readonly wait_seconds?: number
  /** A reservation made with the same key in the last 60 s, and not released, is the answer. */
  readonly dedupe_key?: string
  /** At most 16 pairs; `repository` and `pull_request` are the keys that usage groups by. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** Credits, or a decimal string of USD with at most 8 decimals. */
export type SettleBody =
  | { readonly credits: number; readonly cost_usd?: never }
  | { readonly cost_usd: string; readonly credits?: never }

export interface ReleaseBody {
  readonly reason?: string
}

export interface ExtendBody {
  readonly ttl_seconds?: number
  /** Raises the hold to this. */
  readonly credits?: number
  /** Credits spent so far; a lower report is ignored. */
  readonly accrued?: number
}

export type BatchCommand =
  | ({ readonly op: 'reserve'; readonly id: string; readonly wait_seconds?: never } & ReserveBody)
  | ({ readonly op: 'settle'; readonly id: string } & SettleBody)
  | ({ readonly op: 'release'; readonly id: string } & ReleaseBody)
  | ({ readonly op: 'extend'; readonly id: string } & ExtendBody)

export interface Reservation {
  readonly id: string
  readonly account: string
  readonly state: 'held' | 'settled' | 'released' | 'expired'
  readonly mode: 'credits' | 'byok'
  readonly tier: string | null
  /** What is held, or was. */
  readonly credits: number
  readonly charged: number | null
  readonly returned: number | null
  /** Cost that nobody was charged for. */
  readonly absorbed: number | null
  readonly cost_usd: string | null
  readonly accrued: number
  readonly max_credits: number
  readonly overage: 'available' | 'cap' | 'debt'
  readonly on_expiry: 'release' | 'settle_accrued'
  /** Settled after it had expired. */
  readonly late: boolean
  readonly quote: string | null
  readonly supersedes: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly created_at: string
  readonly expires_at: string
  readonly closed_at: string | null
}

/** The three parts sum to `available` and `reserved`. */
export interface Balance extends BalancePart {
  readonly total: number
  readonly debt: number
  readonly trial: (BalancePart & { readonly expires_at: string }) | null
  readonly promotional: BalancePart & { readonly next_expires_at: string | null }
  readonly purchased: BalancePart
  /** The number of the ledger's last entry. */
  readonly version: number
  readonly as_of: string
}

export interface BalancePart {
  readonly available: number
  readonly reserved: number
}

export interface ReservationAnswer {
  readonly reservation: Reservation
  readonly balance: Balance
}

export interface BatchAnswer {
  /** One for each command, in its place. */
  readonly results: readonly (
    | { readonly status: number; readonly reservation: Reservation }
    | { readonly status: number; readonly problem: Problem }
  )[]
  readonly balance: Balance
}

/** The account's own key for its provider, while the reservation is held in mode `byok`. Each reading is an entry. */
export interface ByokKey {
  readonly api_key: string
}

/** RFC 9457, from a closed list of codes; the numbers that belong to the code stand beside it. */
export type Problem =
  | ProblemOf<'invalid_request', { readonly errors: readonly { readonly path: string; readonly message: string }[] }>
  | ProblemOf<'insufficient_credits', InsufficientCredits>
  | ProblemOf<'conflict', { readonly field: string; readonly reservation?: Reservation }>
  | ProblemOf<
      'reservation_settled' | 'reservation_released' | 'reservation_expired',
      { readonly reservation: Reservation }
    >
  | ProblemOf<'quote_invalid', { readonly reason: 'expired' | 'forged' | 'used' | 'mismatch' }>
  | ProblemOf<'limit_exceeded', { readonly limit: string; readonly maximum: number }>
  | ProblemOf<'rate_limited' | 'overloaded' | 'payment_provider_unavailable', { readonly retry_after_seconds: number }>
  | ProblemOf<
      | 'unauthorized'
      | 'forbidden'
      | 'not_found'
      | 'method_not_allowed'
      | 'payload_too_large'
      | 'unsupported_media_type',
      object
    >

export type ProblemCode = Problem['code']

type ProblemOf<Code, Numbers> = {
  readonly code: Code
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
} & Numbers

export interface InsufficientCredits {
  readonly requested: number
  readonly available: number
  readonly shortfall: number
  readonly debt: number
  readonly affordable_tiers: readonly string[]
  readonly suggested_pack: {
    readonly id: string
    readonly name: string
    readonly credits: number
    readonly price_cents: number
    readonly discount_percent: number
  } | null
  readonly auto_top_up: { readonly state: string }
  readonly next_expiry: { readonly at: string; readonly credits: number } | null
  /** When it is worth asking again; null if nothing is coming. */
  readonly retry_after_seconds: number | null
}
