/**
 * Stripe's side of payments, as little of it as the ledger can see: a payment moves at random, and is read as it then
 * is. What it charged stays in its books, whether or not anybody ever read it (I12).
 */
import type { Failure, PaymentFacts, Purchase, PurchaseState } from '../../../src/ledger/purchase.ts'
import { monthOf } from './model-top-up.ts'
import { same } from './same.ts'

/** The first is what most likely happens next. */
export const MOVES = [
  'goes on',
  'pay',
  'process',
  'decline',
  'ask for the customer',
  'fail',
  'expire',
  'cancel',
  'reopen',
  'refund',
  'refund and keep auto top-up',
  'let a refund fail',
  'dispute',
  'lose money to a dispute',
  'win a dispute',
] as const

/** How much of what was charged a refund or a dispute is about. */
export const SHARES = ['all', 'half', 'a third', 'a cent', 'the rest'] as const

/** How far Stripe's clock is from ours. */
export const SKEWS_MS = [0, -5 * 60_000, 5 * 60_000, -1, 1, 2_000] as const

export interface Move {
  readonly move: (typeof MOVES)[number]
  readonly share: (typeof SHARES)[number]
  readonly skewMs: number
  /** Of two ways in which it can go on, the worse one; and for a charge, that it was not exactly the price. */
  readonly isBad: boolean
}

type Named = Pick<Purchase, 'id' | 'kind' | 'priceCents'>

interface Payment {
  readonly isAttempt: boolean
  readonly priceCents: number
  /** Checkout makes its PaymentIntent when the customer pays. */
  hasIntent: boolean
  state: PurchaseState
  failure: Failure | null
  receipts: number
  chargedCents: number | null
  chargedAt: number | null
  readonly refunds: { readonly cents: number; readonly kept: boolean; failed: boolean }[]
  readonly disputes: { readonly cents: number; withdrawn: number }[]
}

export class Stripe {
  readonly #payments = new Map<string, Payment>()
  /** The monthly limit that was agreed when a charge was last allowed. */
  readonly #limits = new Map<string, number>()

  #bankSaysNo = false

  facts(purchase: Named & Pick<Purchase, 'paymentIntent' | 'url'>): PaymentFacts {
    const payment = this.#payment(purchase)
    const { state, failure, chargedCents, chargedAt, receipts } = payment
    const isPaid = state === 'paid'
    return {
      state,
      failure: isPaid ? null : failure,
      paymentIntent: payment.isAttempt ? purchase.paymentIntent : payment.hasIntent ? `pi_${purchase.id}` : null,
      url: state === 'open' ? purchase.url : null,
      chargedCents,
      chargedAt,
      receiptUrl: receipts > 0 ? `https://pay.stripe.com/receipts/${receipts}` : null,
      refundedCents: sumOf(payment.refunds.map(({ cents, failed }) => (failed ? 0 : cents))),
      keptCents: sumOf(payment.refunds.map(({ cents, failed, kept }) => (failed || !kept ? 0 : cents))),
      disputedCents: sumOf(payment.disputes.map(({ withdrawn }) => withdrawn)),
    }
  }

  /** Why an attempt that was confirmed was not paid, if that is so. */
  failureOf(purchase: Purchase): Failure | null {
    return this.#payment(purchase).failure
  }

  /** A charge has been allowed; until its outcome is known it may come. */
  allow(id: string, limitCents: number): void {
    this.#limits.set(id, limitCents)
  }

  move(purchase: Purchase, how: Move, now: number): void {
    const payment = this.#payment(purchase)
    const isAllowed = !payment.isAttempt || (purchase.stage !== null && this.#limits.has(purchase.id))
    if (payment.state === 'paid') this.#moveBack(payment, how)
    else if (payment.isAttempt && payment.state === 'failed') return
    else if (purchase.stage === 'canceling' && !(isAllowed && how.move === 'pay')) payment.state = 'failed'
    else if (isAllowed || how.move === 'cancel') this.#moveOn(purchase, payment, how, now)
  }

  #moveOn(purchase: Purchase, payment: Payment, how: Move, now: number): void {
    switch (how.move) {
      case 'pay':
      case 'goes on':
        // A bank that has said no goes on saying so, or there would hardly ever be three declines in a row.
        if (payment.isAttempt) this.#bankSaysNo = how.move === 'goes on' && (how.isBad || this.#bankSaysNo)
        if (how.move === 'goes on' && (how.isBad || (payment.isAttempt && this.#bankSaysNo)))
          payment.failure = { kind: 'declined', code: 'generic_decline' }
        else this.#charge(purchase, payment, how, now)
        return
      case 'process':
        payment.state = 'processing'
        payment.hasIntent = true
        return
      case 'decline':
        payment.failure = { kind: 'declined', code: 'insufficient_funds' }
        return
      case 'ask for the customer':
        payment.failure = { kind: 'authentication_required', code: null }
        return
      case 'fail':
      case 'cancel':
        payment.failure ??= { kind: 'not_allowed', code: null }
        payment.state = 'failed'
        return
      case 'expire':
        if (!payment.isAttempt) payment.state = 'expired'
        return
      case 'reopen':
        payment.state = 'open'
        return
    }
  }

  /** An attempt charges its price to the cent; what Checkout charges is Stripe's business. */
  #charge(purchase: Purchase, payment: Payment, { isBad, skewMs }: Move, now: number): void {
    payment.state = 'paid'
    payment.chargedCents = isBad && !payment.isAttempt ? payment.priceCents + 7 : payment.priceCents
    payment.chargedAt = now + skewMs
    payment.receipts = 1
    payment.hasIntent = true
    if (payment.isAttempt) this.#checkLimit(purchase, payment.chargedAt)
  }

  /** I12: no month in which auto top-up charged more than was agreed when the charge was allowed. */
  #checkLimit(purchase: Purchase, chargedAt: number): void {
    const limit = this.#limits.get(purchase.id)
    if (limit === undefined) throw new Error(`I12: attempt ${purchase.id} is charged without having been allowed`)
    let cents = 0
    for (const each of this.#payments.values()) {
      if (each.isAttempt && each.chargedAt !== null && monthOf(each.chargedAt) === monthOf(chargedAt)) {
        cents += each.chargedCents ?? 0
      }
    }
    same(`I12 ${monthOf(chargedAt)} is within ${limit}, charged ${cents}`, cents <= limit, true)
  }

  #moveBack(payment: Payment, { move, share, isBad }: Move): void {
    const charged = payment.chargedCents ?? 0
    const refunded = sumOf(payment.refunds.map(({ cents, failed }) => (failed ? 0 : cents)))
    const left = charged - refunded
    const cents = Math.min(left, shareOf(charged, left, share))
    switch (move) {
      case 'refund':
      case 'refund and keep auto top-up':
        if (cents > 0) payment.refunds.push({ cents, kept: move === 'refund and keep auto top-up', failed: false })
        return
      case 'let a refund fail': {
        const open = payment.refunds.filter(({ failed }) => !failed)
        const failing = isBad ? open[0] : open.at(-1)
        if (failing !== undefined) failing.failed = true
        return
      }
      case 'dispute':
      case 'lose money to a dispute':
        if (payment.disputes.every(({ withdrawn }) => withdrawn === 0)) {
          const disputed = shareOf(charged, left, share)
          payment.disputes.push({ cents: disputed, withdrawn: move === 'dispute' && isBad ? 0 : disputed })
        }
        return
      case 'win a dispute': {
        const open = payment.disputes.find(({ withdrawn }) => withdrawn > 0)
        if (open !== undefined) open.withdrawn = isBad ? Math.floor(open.withdrawn / 2) : 0
        return
      }
      case 'process':
        payment.receipts += 1
    }
  }

  #payment({ id, kind, priceCents }: Named): Payment {
    const known = this.#payments.get(id)
    if (known !== undefined) return known
    const nothing = {
      failure: null,
      chargedCents: null,
      chargedAt: null,
      receipts: 0,
      refunds: [],
      disputes: [],
      hasIntent: false,
    }
    const payment: Payment = { isAttempt: kind === 'auto_top_up', priceCents, state: 'open', ...nothing }
    this.#payments.set(id, payment)
    return payment
  }
}

function shareOf(charged: number, left: number, share: Move['share']): number {
  switch (share) {
    case 'all':
      return charged
    case 'half':
      return Math.floor(charged / 2)
    case 'a third':
      return Math.floor(charged / 3)
    case 'a cent':
      return 1
    case 'the rest':
      return left
  }
}

function sumOf(amounts: readonly number[]): number {
  return amounts.reduce((sum, each) => sum + each, 0)
}
