/** Auto top-up as its customer sees it: what they agreed to, what it is doing, and how they change it (R16). */
import { findPack } from '../catalog/packs.ts'
import { type EpochMs, MILLICREDITS_PER_CREDIT, type Millicredits } from '../ledger/amounts.ts'
import {
  type AutoTopUp,
  type AutoTopUpState,
  autoTopUpState,
  type Card,
  chooseCard,
  isExpired,
  monthOf,
  nextAttemptAt,
} from '../ledger/auto-top-up.ts'
import type { ChangeAutoTopUp } from '../ledger/commands.ts'
import type { Purchase } from '../ledger/purchase.ts'
import { firstDifference, type RequestFields } from '../ledger/reservation.ts'
import { type Cashier, STRIPE_IS_AWAY } from './cashier.ts'
import type { Payments } from './payments.ts'
import { type Answer, type Caller, refused } from './requests.ts'
import { type Row, text } from './rows.ts'

export interface AutoTopUpView {
  readonly settings: AutoTopUp | null
  readonly state: AutoTopUpState
  readonly spentCents: number
  readonly openCents: number
  /** The one that it charges. */
  readonly card: Card | null
  /** The one that agreeing now agrees to. An object of an older release does not say: nobody can agree then. */
  readonly defaultCard?: Card | null
  readonly lastAttempt: Purchase | null
  /** In `action_required`: the attempt that the customer has to pay for themselves. */
  readonly actionFor: Purchase | null
  /** When it will charge next at the soonest, if nothing changes. */
  readonly nextAttemptAt: EpochMs | null
}

export interface AutoTopUpRequest {
  readonly enabled: boolean
  /** What is not named stays as it was agreed. */
  readonly threshold: Millicredits | null
  readonly pack: string | null
  readonly monthlyLimitCents: number | null
  /** The fingerprint of the default card as the customer saw it; `null` agrees to whatever it now is. */
  readonly card?: string | null
  readonly request: RequestFields
  readonly idempotencyKey: string | null
}

/** A request that is sent again after so long is no retry. */
const KEYS_LIVE_MS = 30 * 24 * 60 * 60_000

export type Changed = Answer<{ replayed: boolean; view: AutoTopUpView }>

export class ToppingUp {
  readonly #sql: SqlStorage
  readonly #cashier: Cashier
  readonly #payments: Payments

  constructor(sql: SqlStorage, cashier: Cashier, payments: Payments) {
    this.#sql = sql
    this.#cashier = cashier
    this.#payments = payments
  }

  view(now: EpochMs): AutoTopUpView {
    const { book, store } = this.#cashier.ledger
    const facts = store.purchases.topUpFacts(book, now)
    const state = autoTopUpState(book, facts, now)
    return {
      settings: book.autoTopUp,
      state,
      actionFor: state === 'action_required' ? (facts.outcomes[0] ?? null) : null,
      spentCents: store.purchases.spentCents(monthOf(now)),
      openCents: facts.open?.priceCents ?? 0,
      card: facts.card,
      defaultCard: this.#defaultCard(now),
      lastAttempt: store.purchases.lastAttempt(),
      nextAttemptAt: book.autoTopUp?.enabled === true ? nextAttemptAt(book, facts, now) : null,
    }
  }

  async change(caller: Caller, asked: AutoTopUpRequest): Promise<Changed> {
    if (asked.enabled && caller.kind === 'service') {
      return refused({
        code: 'forbidden',
        why: 'Only the customer switches auto top-up on: in the dashboard, or with a key of scope billing.',
      })
    }
    // What they agree to is charging a card that is kept now, so those are looked up now; a repetition agrees to nothing.
    const isNew = asked.enabled && this.#repeated(asked) === null
    if (isNew && !(await this.#payments.refreshCards()).ok) return STRIPE_IS_AWAY
    const changed = await this.#cashier.write((now) => this.#change(caller, asked, now))
    if (!changed.ok || asked.enabled) return changed
    // A charge that was on its way when they switched off is over when they read that it is off.
    const attempt = changed.view.lastAttempt
    if (attempt !== null) await this.#payments.sync.ended(attempt.id)
    return { ...changed, view: this.view(this.#cashier.ledger.now()) }
  }

  #change(caller: Caller, asked: AutoTopUpRequest, now: EpochMs): Changed {
    const repeated = this.#repeated(asked)
    if (repeated !== null) {
      const field = firstDifference(repeated, asked.request)
      if (field !== null) return refused({ code: 'changed_field', field })
      return { ok: true, replayed: true, view: this.view(now) }
    }
    const settings = caller.kind === 'service' ? this.#switchedOff() : this.#settings(asked, now)
    if (settings === null) return { ok: true, replayed: true, view: this.view(now) }
    if ('field' in settings) return refused({ code: 'invalid', ...settings })
    // R16: nobody agrees to a card that they were not shown. A Worker from before the field says nothing of it.
    const { card: shown = null } = asked
    if (asked.enabled && shown !== null && shown !== settings.card?.fingerprint) {
      return refused({ code: 'card_changed', card: this.#defaultCard(now) })
    }
    const by = nameOf(caller)
    const decision = this.#cashier.decide({ op: 'change_auto_top_up', settings, by }, now)
    if (!decision.ok) throw new Error(`auto top-up was refused: ${decision.refusal.code}`)
    if (asked.idempotencyKey !== null) {
      this.#sql.exec('DELETE FROM settings_requests WHERE created_at < ?', now - KEYS_LIVE_MS)
      const keep = 'INSERT INTO settings_requests (idempotency_key, request, created_at) VALUES (?, ?, ?)'
      this.#sql.exec(keep, asked.idempotencyKey, JSON.stringify(asked.request), now)
    }
    return { ok: true, replayed: decision.replayed, view: this.view(now) }
  }

  /** R16: a request that is sent again must not switch on what was switched off since. */
  #repeated({ idempotencyKey }: AutoTopUpRequest): RequestFields | null {
    if (idempotencyKey === null) return null
    const known = 'SELECT request FROM settings_requests WHERE idempotency_key = ?'
    const row = this.#sql.exec<Row>(known, idempotencyKey).toArray()[0]
    return row === undefined ? null : (JSON.parse(text(row, 'request')) as RequestFields)
  }

  /** R16: an operator switches off and writes no figure that a customer might agree to unseen. */
  #switchedOff(): ChangeAutoTopUp['settings'] | null {
    const before = this.#cashier.ledger.book.autoTopUp
    return before === null ? null : { ...before, enabled: false }
  }

  /** What they would agree to; the field that is wrong; or `null`, where there is nothing to switch off. */
  #settings(
    asked: AutoTopUpRequest,
    now: EpochMs,
  ): ChangeAutoTopUp['settings'] | { field: string; message: string } | null {
    const before = this.#cashier.ledger.book.autoTopUp
    const threshold = asked.threshold ?? before?.threshold ?? null
    const packId = asked.pack ?? before?.pack ?? null
    const monthlyLimitCents = asked.monthlyLimitCents ?? before?.monthlyLimitCents ?? null
    if (threshold === null || packId === null || monthlyLimitCents === null) {
      if (!asked.enabled) return null
      const missing = threshold === null ? 'threshold' : packId === null ? 'pack' : 'monthly_limit_cents'
      return { field: missing, message: 'is missing' }
    }
    // Off is always possible, whatever is sold.
    if (!asked.enabled && before?.pack === packId) return { ...before, enabled: false, threshold, monthlyLimitCents }
    const pack = findPack(packId)
    if (pack === null) return { field: 'pack', message: 'is not sold' }
    if (asked.enabled && monthlyLimitCents < pack.priceCents) {
      return { field: 'monthly_limit_cents', message: `is less than the price of the pack (${pack.priceCents})` }
    }
    return {
      enabled: asked.enabled,
      threshold,
      pack: pack.id,
      credits: pack.credits * MILLICREDITS_PER_CREDIT,
      priceCents: pack.priceCents,
      monthlyLimitCents,
      card: asked.enabled ? cardOf(this.#defaultCard(now)) : (before?.card ?? null),
    }
  }

  /** Agreeing is choosing anew: the customer's default card that is good, not the one that was agreed to before. */
  #defaultCard(now: EpochMs): Card | null {
    const card = chooseCard(this.#cashier.ledger.store.purchases.cards, null, now)
    return card === null || isExpired(card, now) ? null : card
  }
}

/** Who is written down to have changed it. */
function nameOf(caller: Caller): string {
  if (caller.kind === 'service') return 'operator'
  return caller.kind === 'session' ? 'dashboard' : caller.id
}

function cardOf(card: Card | null): AutoTopUp['card'] {
  if (card === null) return null
  const { fingerprint, brand, last4 } = card
  return { fingerprint, brand, last4 }
}
