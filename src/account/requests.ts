/**
 * What the Worker asks of an account's object, and what it is answered: plain data that crosses RPC. A reservation is
 * asked for by credits or by the facts of a review; only the object makes an amount of the facts.
 *
 * During a deploy an old Worker calls new objects, and a new Worker old ones. So what crosses here gains fields and never
 * loses one or gives one another meaning, and either side does without those that the other does not know yet;
 * test/workerd/versions plays the recording of each release against the present code.
 */
import { type Announced, type Estimate, estimate, factorOf, type ReviewFacts } from '../catalog/estimates.ts'
import type { Quote } from '../catalog/quotes.ts'
import { CAP_FACTOR, DEFAULT_TTL_MS, TIERS, type TierId } from '../catalog/tiers.ts'
import type { AccountLine } from '../history/write.ts'
import { type EpochMs, MAX_MILLICREDITS, MILLICREDITS_PER_CREDIT, type Millicredits } from '../ledger/amounts.ts'
import type { Balance } from '../ledger/balance.ts'
import type { Card } from '../ledger/auto-top-up.ts'
import type { AutoTopUpView } from './topping-up.ts'
import type { Extend, GiveGrant, Release, Reserve, Settle, VoidGrant } from '../ledger/commands.ts'
import type { Grant } from '../ledger/grants.ts'
import type { QuoteFound } from '../ledger/quote.ts'
import type { Refusal } from '../ledger/refusals.ts'
import type { Metadata, OnExpiry, Overage, RequestFields, Reservation } from '../ledger/reservation.ts'

/** What an account's id looks like: it names its object. */
export const ACCOUNT_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/

export type AccountScope = 'billing' | 'runner' | 'read'

/** Who asks: a service key, which the Worker has checked whole; an account key or a session, which only the object can. */
export type Caller =
  | { readonly kind: 'service' }
  | { readonly kind: 'account_key'; readonly id: string; readonly hash: string }
  | SessionCaller

export interface SessionCaller {
  readonly kind: 'session'
  readonly id: string
  readonly hash: string
}

/** What the Worker finds wrong with a quote; the ledger says so, once it has looked up the reservation's id. */
export type QuoteRefusal = 'forged' | 'mismatch'

/** What is to be reserved. A quote knows its facts; of one that is none of ours, nothing is known. */
export type Wanted =
  | { readonly credits: Millicredits }
  | { readonly facts: ReviewFacts; readonly quote?: Quote }
  | { readonly refusedQuote: QuoteRefusal }

export interface ReserveRequest {
  readonly op: 'reserve'
  readonly id: string
  readonly request: RequestFields
  readonly what: Wanted
  readonly ttlMs: number | null
  readonly maxCredits: Millicredits | null
  readonly overage: Overage
  readonly onExpiry: OnExpiry
  readonly supersedes: string | null
  readonly dedupeKey: string | null
  readonly metadata: Metadata
}

export type ReservationRequest = ReserveRequest | Settle | Release | Extend
export type LedgerRequest = ReservationRequest | GiveGrant | VoidGrant

/** Carries the authenticated caller from the Worker to the object's `fetch`; nobody else can reach an object. */
export const CALLER_HEADER = 'X-Assay-Caller'

/** When the soonest open reservation runs out and how much it holds: that comes back then, if not before. */
export interface NextExpiry {
  readonly at: EpochMs
  readonly credits: Millicredits
}

/** Reasons that are not the ledger's. */
export type ShellRefusal =
  | { readonly code: 'unauthorized' }
  | { readonly code: 'unknown_account' }
  | { readonly code: 'unknown_key' }
  | {
      readonly code: 'changed_field'
      readonly field: string
      readonly account?: AccountDetails
      readonly key?: AccountKey
    }
  /** The card that the customer saw is not the one that they would agree to by now. */
  | { readonly code: 'card_changed'; readonly card: Card | null }
  | {
      readonly code: 'overloaded' | 'payment_provider_unavailable' | 'key_unreadable'
      readonly retryAfterSeconds: number
    }
  | {
      readonly code: 'too_many'
      readonly limit: 'keys' | 'sessions' | 'live_connections' | 'open_checkouts' | 'refundable_cents'
      readonly maximum: number
    }

export type AccountRefusal =
  | Exclude<Refusal, { code: 'insufficient_credits' }>
  | (Extract<Refusal, { code: 'insufficient_credits' }> & {
      readonly nextExpiry: NextExpiry | null
      /** `null` if it was never agreed to. */
      readonly autoTopUp: AutoTopUpView | null
      /** By the account's own estimates. An object of an older release does not say. */
      readonly affordableTiers?: readonly TierId[]
      readonly asOf: EpochMs
    })
  | ShellRefusal

export type Answer<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly refusal: AccountRefusal }

export function refused(refusal: AccountRefusal): { readonly ok: false; readonly refusal: AccountRefusal } {
  return { ok: false, refusal }
}

/** A page of a list, newest first. */
export interface Page {
  /** Only what has a smaller number; `null` for the first page. */
  readonly before: number | null
  readonly limit: number
}

export interface LedgerAnswer {
  readonly replayed: boolean
  readonly reservation: Reservation | null
  readonly grant: Grant | null
  readonly balance: Balance
}

/** Who the account is; its line in the directory says the same. */
export type AccountDetails = AccountLine

/** `undefined` leaves a field as it is, or gives it its default on creation. */
export interface OpenRequest {
  readonly id: string
  readonly name: string | null | undefined
  readonly email: string | null | undefined
  readonly region: string | undefined
  readonly allowDebt: boolean | undefined
  readonly trial: { readonly credits: Millicredits; readonly lastsMs: number } | null
}

/** What the dashboard's first page shows. */
export interface Overview {
  readonly details: AccountDetails
  readonly balance: Balance
  /** The newest reservations that are held. */
  readonly held: readonly Reservation[]
  readonly autoTopUp: AutoTopUpView
  /** Whether reviews that start now run on the customer's own key. */
  readonly byok: boolean
}

export interface AccountKey {
  readonly id: string
  readonly scope: AccountScope
  readonly name: string | null
  readonly createdAt: EpochMs
  readonly expiresAt: EpochMs | null
  readonly revokedAt: EpochMs | null
}

export interface MintRequest {
  readonly id: string
  readonly scope: AccountScope
  readonly name: string | null
  readonly hash: string
  readonly expiresAt: EpochMs | null
  readonly idempotencyKey: string | null
}

/** The ledger's command for a reservation as asked for: amounts, cap and time to live follow from the catalogue. */
export function toReserve(asked: ReserveRequest, estimateOf: (facts: ReviewFacts) => Estimate): Reserve {
  const { op, id, request, overage, onExpiry, supersedes, dedupeKey, metadata } = asked
  const common = { op, id, request, overage, onExpiry, supersedes, dedupeKey, metadata, quote: null }
  if ('credits' in asked.what) {
    const { credits } = asked.what
    const maxCredits = asked.maxCredits ?? Math.min(MAX_MILLICREDITS, CAP_FACTOR * credits)
    return { ...common, amount: credits, maxCredits, tier: null, ttlMs: asked.ttlMs ?? DEFAULT_TTL_MS, announced: null }
  }
  if ('refusedQuote' in asked.what) {
    // Never held: the ledger answers with what was reserved under this id before, or refuses.
    const quote = { verdict: asked.what.refusedQuote }
    return {
      ...common,
      quote,
      amount: 0,
      maxCredits: 0,
      tier: null,
      ttlMs: asked.ttlMs ?? DEFAULT_TTL_MS,
      announced: null,
    }
  }
  const { facts, quote } = asked.what
  const maxCredits = asked.maxCredits ?? quote?.maxCredits ?? tierCap(facts.tier)
  const estimated = quote?.estimate ?? estimateOf(facts)
  return {
    ...common,
    quote: quote === undefined ? null : found(quote),
    // Holding more than may ever be charged would only keep it from other reviews.
    amount: Math.min(estimated.reserve, maxCredits),
    maxCredits,
    tier: facts.tier,
    ttlMs: asked.ttlMs ?? TIERS[facts.tier].ttlMs,
    announced: JSON.stringify(toAnnounced(facts, estimated)),
  }
}

function found({ key, maxCredits, expiresAt }: Quote): QuoteFound {
  return { verdict: 'good', key, maxCredits, expiresAt }
}

function toAnnounced(facts: ReviewFacts, estimated: Estimate): Announced {
  return { repository: facts.repository, factor: factorOf(facts), plain: estimate(facts), estimate: estimated }
}

function tierCap(tier: TierId): Millicredits {
  return CAP_FACTOR * TIERS[tier].high * MILLICREDITS_PER_CREDIT
}
