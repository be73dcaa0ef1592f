/**
 * An account for examples: commands with everything filled in that a sentence would leave out. Time stands still
 * unless told otherwise.
 */
import { type Balance, balanceOf } from '../../../src/ledger/balance.ts'
import type { Command, Decision, Extend, GiveGrant, Reserve, StartCheckout } from '../../../src/ledger/commands.ts'
import type { Grant } from '../../../src/ledger/grants.ts'
import type { PaymentFacts, Purchase } from '../../../src/ledger/purchase.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'
import { Store } from './store.ts'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

type Terms = StartCheckout['purchase']

export class Example {
  readonly store = new Store()
  now = Date.UTC(2026, 0, 31)

  wait(ms: number): void {
    this.now += ms
  }

  do(command: Command): Decision {
    const done = this.store.run(command, this.now).at(-1)
    if (done === undefined) throw new Error('a command is always decided')
    return done.decision
  }

  give(id: string, credits: number, terms: Partial<GiveGrant> = {}): Decision {
    return this.do({ op: 'grant', id, kind: 'promotional', credits, expiresAt: null, reason: null, ...terms })
  }

  /** `request` is made of the terms, unless they name one. */
  reserve(id: string, amount: number, terms: Partial<Reserve> = {}): Decision {
    const { overage = 'available', onExpiry = 'release', ttlMs = 15 * MINUTE, maxCredits = 2 * amount } = terms
    const { supersedes = null, dedupeKey = null, quote = null, metadata = {}, tier = null, announced = null } = terms
    const request = { amount, overage, onExpiry, ttlMs, maxCredits, supersedes, dedupeKey, metadata }
    const filled = { tier, announced, overage, onExpiry, ttlMs, maxCredits, supersedes, dedupeKey, quote, metadata }
    return this.do({ op: 'reserve', id, amount, request, ...filled, ...terms })
  }

  settle(id: string, actual: number): Decision {
    return this.do({ op: 'settle', id, actual, costUsd: '0' })
  }

  release(id: string): Decision {
    return this.do({ op: 'release', id, reason: null })
  }

  extend(id: string, what: Partial<Extend> = {}): Decision {
    return this.do({ op: 'extend', id, ttlMs: null, credits: null, accrued: null, ...what })
  }

  voidGrant(id: string): Decision {
    return this.do({ op: 'void_grant', id })
  }

  byok(enabled: boolean): Decision {
    const preview = enabled ? 'sk-ant-…wxyz' : null
    return this.do({ op: 'change_byok', enabled, isSame: true, preview, former: null, by: 'operator' })
  }

  readByok(id: string): Decision {
    return this.do({ op: 'read_byok', id, by: 'service' })
  }

  /** A pack bought in Checkout and paid for. */
  buy(id: string, terms: Partial<Terms> = {}): Decision {
    this.checkout(id, terms)
    return this.report(id)
  }

  checkout(id: string, terms: Partial<Terms> = {}): Decision {
    const { credits = 500, priceCents = 500 } = terms
    const nothing = {
      paysFor: null,
      idempotencyKey: null,
      request: {},
      expiresAt: null,
      successUrl: null,
      cancelUrl: null,
    }
    const purchase = { id, pack: 'starter', credits, priceCents, ...nothing, ...terms }
    return this.do({ op: 'start_checkout', purchase })
  }

  /** Stripe was just seen to say that it is paid, at its price, unless the facts say otherwise. */
  report(id: string, facts: Partial<PaymentFacts> = {}): Decision {
    const chargedCents = this.store.purchases.get(id)?.priceCents ?? null
    const money = { refundedCents: 0, keptCents: 0, disputedCents: 0, chargedCents, chargedAt: this.now }
    const about = { failure: null, paymentIntent: `pi_${id}`, url: null, receiptUrl: null }
    return this.do({ op: 'report_payment', id, facts: { state: 'paid', ...about, ...money, ...facts } })
  }

  purchase(id: string): Purchase {
    const found = this.store.purchases.get(id)
    if (found === undefined) throw new Error(`no purchase ${id}`)
    return found
  }

  allowDebt(): void {
    this.store.allowDebt(true)
  }

  balance(): Balance {
    this.store.passTime(this.now)
    return balanceOf(this.store.book, this.now)
  }

  reservation(id: string): Reservation {
    const found = this.store.reservation(id)
    if (found === null) throw new Error(`no reservation ${id}`)
    return found
  }

  grant(id: string): Grant {
    const found = this.store.grants.get(id)
    if (found === undefined) throw new Error(`no grant ${id}`)
    return found
  }

  /** What the entries were about, in order. */
  kinds(): string[] {
    return this.store.entries.map((entry) => entry.kind)
  }
}

/** An account with this many free millicredits that nothing takes away. */
export function accountWith(credits: number): Example {
  const account = new Example()
  account.give('start', credits)
  return account
}

export function refused(code: string, figures: Readonly<Record<string, unknown>> = {}) {
  return { ok: false, refusal: { code, ...figures } }
}
