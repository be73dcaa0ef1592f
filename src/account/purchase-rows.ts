/** Rows of purchases, to and from the ledger's values. */
import { monthOf } from '../ledger/auto-top-up.ts'
import type { FailureKind, Purchase, PurchaseKind, PurchaseState, Stage, Taken } from '../ledger/purchase.ts'
import type { RequestFields } from '../ledger/reservation.ts'
import { integer, optionalInteger, optionalText, type Row, text } from './rows.ts'

/**
 * Two columns were named before `settle` was kept for reviews, and released migrations stay as they are: `settles` is
 * `paysFor`, and `settled` is `paidByCustomer`.
 */
const COLUMNS = [
  'number',
  'id',
  'kind',
  'pack',
  'credits',
  'price_cents',
  'state',
  'stage',
  'failure',
  'failure_code',
  'customer',
  'session',
  'payment_intent',
  'card',
  'url',
  'success_url',
  'cancel_url',
  'settles',
  'settled',
  'charged_cents',
  'refunded_cents',
  'kept_cents',
  'disputed_cents',
  'refund_taken',
  'dispute_taken',
  'taken',
  'receipt_url',
  'request',
  'idempotency_key',
  'created_at',
  'expires_at',
  'charged_at',
  'charged_month',
  'paid_at',
  'closed_at',
] as const

/** Inserts or replaces one, by its number. */
export const PUT_PURCHASE = `INSERT INTO purchases (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (number) DO UPDATE SET ${COLUMNS.slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`

export function purchaseValues(purchase: Purchase): SqlStorageValue[] {
  const { kind, chargedAt } = purchase
  const row: Record<(typeof COLUMNS)[number], SqlStorageValue> = {
    number: purchase.number,
    id: purchase.id,
    kind,
    pack: purchase.pack,
    credits: purchase.credits,
    price_cents: purchase.priceCents,
    state: purchase.state,
    stage: purchase.stage,
    failure: purchase.failure?.kind ?? null,
    failure_code: purchase.failure?.code ?? null,
    customer: purchase.customer,
    session: purchase.session,
    payment_intent: purchase.paymentIntent,
    card: purchase.card,
    url: purchase.url,
    success_url: purchase.successUrl,
    cancel_url: purchase.cancelUrl,
    settles: purchase.paysFor,
    settled: Number(purchase.paidByCustomer),
    charged_cents: purchase.chargedCents,
    refunded_cents: purchase.refundedCents,
    kept_cents: purchase.keptCents,
    disputed_cents: purchase.disputedCents,
    refund_taken: purchase.refundTaken,
    dispute_taken: purchase.disputeTaken,
    taken: JSON.stringify(purchase.taken),
    receipt_url: purchase.receiptUrl,
    request: JSON.stringify(purchase.request),
    idempotency_key: purchase.idempotencyKey,
    created_at: purchase.createdAt,
    expires_at: purchase.expiresAt,
    charged_at: chargedAt,
    charged_month: kind === 'auto_top_up' && chargedAt !== null ? monthOf(chargedAt) : null,
    paid_at: purchase.paidAt,
    closed_at: purchase.closedAt,
  }
  return COLUMNS.map((column) => row[column])
}

export function purchaseFromRow(row: Row): Purchase {
  const failure = optionalText(row, 'failure') as FailureKind | null
  return {
    number: integer(row, 'number'),
    id: text(row, 'id'),
    kind: text(row, 'kind') as PurchaseKind,
    pack: text(row, 'pack'),
    credits: integer(row, 'credits'),
    priceCents: integer(row, 'price_cents'),
    state: text(row, 'state') as PurchaseState,
    stage: optionalText(row, 'stage') as Stage | null,
    failure: failure === null ? null : { kind: failure, code: optionalText(row, 'failure_code') },
    customer: optionalText(row, 'customer'),
    session: optionalText(row, 'session'),
    paymentIntent: optionalText(row, 'payment_intent'),
    card: optionalText(row, 'card'),
    url: optionalText(row, 'url'),
    successUrl: optionalText(row, 'success_url'),
    cancelUrl: optionalText(row, 'cancel_url'),
    paysFor: optionalText(row, 'settles'),
    paidByCustomer: integer(row, 'settled') === 1,
    chargedCents: optionalInteger(row, 'charged_cents'),
    refundedCents: integer(row, 'refunded_cents'),
    keptCents: integer(row, 'kept_cents'),
    disputedCents: integer(row, 'disputed_cents'),
    refundTaken: integer(row, 'refund_taken'),
    disputeTaken: integer(row, 'dispute_taken'),
    taken: JSON.parse(text(row, 'taken')) as Taken[],
    receiptUrl: optionalText(row, 'receipt_url'),
    request: JSON.parse(text(row, 'request')) as RequestFields,
    idempotencyKey: optionalText(row, 'idempotency_key'),
    createdAt: integer(row, 'created_at'),
    expiresAt: optionalInteger(row, 'expires_at'),
    chargedAt: optionalInteger(row, 'charged_at'),
    paidAt: optionalInteger(row, 'paid_at'),
    closedAt: optionalInteger(row, 'closed_at'),
  }
}
