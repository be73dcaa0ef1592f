/** The ledger's values as the API writes them: snake_case, credits as numbers, times in RFC 3339. */
import type { AccuracyReport } from '../account/learning.ts'
import { presentBalance, presentOptionalTime, presentTime } from '../account/present.ts'
import type { ByokView } from '../account/byok.ts'
import type { AccountDetails, AccountKey } from '../account/requests.ts'
import type { AutoTopUpView } from '../account/topping-up.ts'
import { type Figures, figuresOf } from '../catalog/accuracy.ts'
import type { Estimate } from '../catalog/estimates.ts'
import { discountPercent, type Pack } from '../catalog/packs.ts'
import type { Quote } from '../catalog/quotes.ts'
import type { Tier } from '../catalog/tiers.ts'
import type { DirectoryLine, HistoryEntry, UsageLine } from '../history/read.ts'
import { millicreditsToCredits as credits, type Millicredits, millicreditsToUsd } from '../ledger/amounts.ts'
import type { AutoTopUp, Card } from '../ledger/auto-top-up.ts'
import type { Balance } from '../ledger/balance.ts'
import type { GrantDelta } from '../ledger/entry.ts'
import type { Grant } from '../ledger/grants.ts'
import type { Purchase } from '../ledger/purchase.ts'
import type { Metadata, Reservation } from '../ledger/reservation.ts'

export function presentReservation(reservation: Reservation, account: string) {
  const { request } = reservation
  return {
    id: reservation.id,
    account,
    state: reservation.state,
    mode: reservation.mode,
    tier: reservation.tier,
    credits: credits(reservation.held),
    charged: optionalCredits(reservation.charged),
    returned: optionalCredits(reservation.returned),
    absorbed: optionalCredits(reservation.absorbed),
    cost_usd: reservation.costUsd,
    accrued: credits(reservation.accrued),
    max_credits: credits(reservation.maxCredits),
    overage: reservation.overage,
    on_expiry: reservation.onExpiry,
    late: reservation.late,
    // Under its own id as it was sent; what the ledger keeps beside it is only what it is known by.
    quote: typeof request['quote'] === 'string' ? request['quote'] : null,
    supersedes: reservation.supersedes,
    metadata: reservation.metadata,
    created_at: presentTime(reservation.createdAt),
    expires_at: presentTime(reservation.expiresAt),
    closed_at: presentOptionalTime(reservation.closedAt),
  }
}

export function presentGrant(grant: Grant) {
  return {
    id: grant.id,
    kind: grant.kind,
    credits: credits(grant.credits),
    available: credits(grant.free),
    reserved: credits(grant.held),
    expires_at: presentOptionalTime(grant.expiresAt),
    voided: grant.voided,
    reason: grant.reason,
    created_at: presentTime(grant.createdAt),
  }
}

export function presentEntry(entry: HistoryEntry) {
  return {
    seq: entry.seq,
    at: presentTime(entry.at),
    kind: entry.kind,
    available_delta: credits(entry.availableDelta),
    reserved_delta: credits(entry.reservedDelta),
    debt_delta: credits(entry.debtDelta),
    available: credits(entry.available),
    reserved: credits(entry.reserved),
    debt: credits(entry.debt),
    charged: credits(entry.charged),
    absorbed: credits(entry.absorbed),
    cost_usd: entry.costUsd,
    mode: entry.mode,
    late: entry.late === 1,
    reservation: entry.reservation,
    grants: (JSON.parse(entry.grants) as GrantDelta[]).map((delta) => ({
      id: delta.id,
      credits: credits(delta.credits),
      held: credits(delta.held),
    })),
    purchase: entry.purchase,
    tier: entry.tier,
    metadata: JSON.parse(entry.metadata) as Metadata,
    detail: entry.detail === null ? null : (JSON.parse(entry.detail) as Record<string, unknown>),
  }
}

export function presentUsage(line: UsageLine, by: string) {
  return {
    [by]: line.group,
    reviews: line.reviews,
    charged: credits(line.charged),
    absorbed: credits(line.absorbed),
    cost_usd: millicreditsToUsd(line.cost),
    byok_reviews: line.byokReviews,
    byok_cost_usd: millicreditsToUsd(line.byokCost),
  }
}

export function presentAccount(details: AccountDetails, balance: Balance) {
  return { ...presentDetails(details), balance: presentBalance(balance) }
}

/** In the directory an account stands without its balance: that one is known to its object alone. */
export function presentDirectoryLine(line: DirectoryLine) {
  return presentDetails({ ...line, allowDebt: line.allowDebt === 1 })
}

export function presentDetails(details: AccountDetails) {
  return {
    id: details.id,
    name: details.name,
    email: details.email,
    region: details.region,
    allow_debt: details.allowDebt,
    created_at: presentTime(details.createdAt),
  }
}

export function presentKey(key: AccountKey) {
  return {
    id: key.id,
    scope: key.scope,
    name: key.name,
    created_at: presentTime(key.createdAt),
    expires_at: presentOptionalTime(key.expiresAt),
    revoked_at: presentOptionalTime(key.revokedAt),
  }
}

export function presentByok({ enabled, preview, since, usable }: ByokView) {
  return { enabled, preview, since: presentOptionalTime(since), usable }
}

export function presentPack(pack: Pack) {
  const { id, name, priceCents } = pack
  return { id, name, credits: pack.credits, price_cents: priceCents, discount_percent: discountPercent(pack) }
}

export function presentTier(tier: Tier) {
  const { id, name, typical, low, high, ttlMs } = tier
  return { id, name, typical, low, high, ttl_seconds: ttlMs / 1000 }
}

export function presentEstimate(tier: string, estimate: Estimate) {
  return {
    tier,
    typical: credits(estimate.typical),
    low: credits(estimate.low),
    high: credits(estimate.high),
    reserve: credits(estimate.reserve),
    usd: millicreditsToUsd(estimate.typical),
  }
}

export function presentQuote(id: string, { facts, estimate, maxCredits, expiresAt }: Quote) {
  return {
    id,
    tier: facts.tier,
    typical: credits(estimate.typical),
    low: credits(estimate.low),
    high: credits(estimate.high),
    reserve: credits(estimate.reserve),
    max_credits: credits(maxCredits),
    expires_at: presentTime(expiresAt),
  }
}

export function presentAccuracy({ learnedTo, tiers }: AccuracyReport) {
  const data = tiers.map(({ tier, accuracy: { reviews, calibrated, plain } }) => ({
    tier,
    reviews,
    with_calibration: presentFigures(figuresOf(calibrated, reviews)),
    without_calibration: presentFigures(figuresOf(plain, reviews)),
  }))
  return { data, complete_to: learnedTo }
}

function presentFigures(figures: Figures | null) {
  return {
    in_range: figures?.inRange ?? null,
    covered_by_hold: figures?.covered ?? null,
    median_error: figures?.medianError ?? null,
  }
}

export function presentPurchase(purchase: Purchase) {
  return {
    id: purchase.id,
    kind: purchase.kind,
    pack: purchase.pack,
    credits: credits(purchase.credits),
    price_cents: purchase.priceCents,
    state: purchaseState(purchase),
    refunded_cents: purchase.refundedCents,
    disputed_cents: purchase.disputedCents,
    failure: purchase.failure === null ? null : (purchase.failure.code ?? purchase.failure.kind),
    receipt_url: purchase.receiptUrl,
    created_at: presentTime(purchase.createdAt),
    paid_at: presentOptionalTime(purchase.paidAt),
  }
}

/** What is paid and then taken back, in one word: the bank's before the operator's. */
function purchaseState({ state, chargedCents, refundedCents, disputedCents }: Purchase) {
  if (disputedCents > 0) return 'disputed'
  return chargedCents !== null && refundedCents >= chargedCents ? 'refunded' : state
}

/** `actionUrl` is where the customer pays for an attempt that their bank wanted them for. */
export function presentAutoTopUp(view: AutoTopUpView, actionUrl: string | null) {
  const { settings, state, spentCents, openCents, card, defaultCard = null, lastAttempt, nextAttemptAt } = view
  return {
    enabled: settings?.enabled ?? false,
    threshold: settings === null ? null : credits(settings.threshold),
    pack: settings?.pack ?? null,
    monthly_limit_cents: settings?.monthlyLimitCents ?? null,
    state,
    spent_this_month_cents: spentCents,
    open_cents: openCents,
    card: card === null ? null : presentCard(card),
    default_card: defaultCard === null ? null : presentCard(defaultCard),
    last_attempt: lastAttempt === null ? null : presentPurchase(lastAttempt),
    next_attempt_at: presentOptionalTime(nextAttemptAt),
    action_url: actionUrl,
    agreed: settings === null ? null : presentAgreement(settings),
  }
}

function presentAgreement({ credits: amount, priceCents, card, agreedAt, agreedBy }: AutoTopUp) {
  const known = card === null ? null : { brand: card.brand, last4: card.last4 }
  return { credits: credits(amount), price_cents: priceCents, card: known, at: presentTime(agreedAt), by: agreedBy }
}

export function presentCard({ fingerprint, brand, last4, expMonth, expYear }: Card) {
  return { fingerprint, brand, last4, exp_month: expMonth, exp_year: expYear }
}

function optionalCredits(amount: Millicredits | null): number | null {
  return amount === null ? null : credits(amount)
}
