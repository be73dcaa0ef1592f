/** An account with a card, for examples of auto top-up: 500 credits for 500 cents, below a threshold of 100 credits. */
import { type AutoTopUpState, autoTopUpState, type Card, nextAttemptAt } from '../../../src/ledger/auto-top-up.ts'
import type { AttemptEvent, ChangeAutoTopUp, Decision } from '../../../src/ledger/commands.ts'
import type { FailureKind, PaymentFacts, Stage } from '../../../src/ledger/purchase.ts'
import { Example } from './example.ts'

export const CARD: Card = {
  id: 'pm_1',
  fingerprint: 'f1',
  brand: 'visa',
  last4: '4242',
  expMonth: 12,
  expYear: 2030,
}

export class TopUpExample extends Example {
  #attempts = 0

  constructor(now: string = '2026-01-15T12:00:00.000Z') {
    super()
    this.at(now)
    this.store.card = CARD
    this.store.offers = { starter: { credits: 500, priceCents: 500 } }
  }

  at(now: string): void {
    this.now = Date.parse(now)
  }

  agree(terms: Partial<ChangeAutoTopUp['settings']> = {}): Decision {
    const pack = { pack: 'starter', credits: 500, priceCents: 500 }
    const settings = { enabled: true, threshold: 100_000, ...pack, monthlyLimitCents: 2_000, card: CARD, ...terms }
    return this.do({ op: 'change_auto_top_up', settings, by: 'the customer' })
  }

  /** The id of the attempt that was written down; `null` if none was. */
  start(): string | null {
    this.#attempts += 1
    const id = `a${this.#attempts}`
    const decision = this.do({ op: 'start_attempt', id, customer: 'cus_1' })
    return decision.ok ? (decision.purchase?.id ?? null) : null
  }

  advance(id: string, event: AttemptEvent): Stage | null {
    const decision = this.do({ op: 'advance_attempt', id, event })
    if (!decision.ok || decision.purchase === null) throw new Error(`there is no attempt ${id}`)
    return decision.purchase.stage
  }

  /** One that has been created, and not yet confirmed. */
  created(): string {
    const id = this.start()
    if (id === null) throw new Error('no attempt may start')
    this.advance(id, { type: 'created', paymentIntent: `pi_${id}` })
    return id
  }

  /** One that is paid, and whose credits are gone again. */
  charge(chargedAt: number = this.now): string {
    const id = this.confirmed()
    this.report(id, { chargedAt })
    return id
  }

  confirmed(): string {
    const id = this.created()
    this.advance(id, { type: 'confirm' })
    return id
  }

  /** One that failed for this reason, and is cancelled. */
  fail(kind: FailureKind): string {
    const id = this.confirmed()
    this.advance(id, { type: 'refused', failure: { kind, code: null } })
    this.cancel(id)
    return id
  }

  /** Stripe says that it is cancelled. */
  cancel(id: string): void {
    const nothing = { chargedCents: null, chargedAt: null } satisfies Partial<PaymentFacts>
    this.report(id, { state: 'failed', failure: { kind: 'not_allowed', code: null }, ...nothing })
  }

  state(): AutoTopUpState {
    return autoTopUpState(this.store.book, this.store.topUpFacts(), this.now)
  }

  /** When the next attempt may start, as people write it. */
  next(): string | null {
    const at = nextAttemptAt(this.store.book, this.store.topUpFacts(), this.now)
    return at === null ? null : new Date(at).toISOString()
  }
}
