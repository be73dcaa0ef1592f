/**
 * Judges an account while it lives, by what Stripe was asked and what it charged: R14's limit in every month, no attempt
 * charged twice, nothing sent after a switch-off that was answered, R15's hour after a decline, R16.
 */
import type { Stripe } from 'stripe'
import type { AutoTopUp } from '../../src/ledger/auto-top-up.ts'
import { CLOCK_SKEW_MS, DECLINE_PAUSE_MS } from '../../src/ledger/limits.ts'
import type { Counters } from './sometimes.ts'
import type { Sent } from './wire.ts'

export class Violation extends Error {}

const CONFIRM = 'POST /v1/payment_intents/:id/confirm'

interface Confirmation {
  readonly payment: string
  readonly sentAt: number
  /** The highest limit that was in force at the moment at which it was decided and sent. */
  readonly limitCents: number
  /** Of which life of the object; another one hears no answer to it. */
  readonly life: object | null
  isUnheard: boolean
  isHeard: boolean
  isCharged: boolean
}

export interface Bystander {
  now(): number
  /** The object as it runs; `null` while it is dead. */
  running(): object | null
}

export class Judge {
  /** Whether the customer was told that auto top-up is off and has not asked for it since. */
  isOff = false
  /** Whether an agreement of theirs is on its way, or stands. */
  mayBeOn = false
  isAgreeing = false
  readonly #bystander: Bystander
  readonly #counters: Pick<Counters, 'count'>
  readonly #confirmations = new Map<string, Confirmation>()
  readonly #charged = new Map<string, number>()
  readonly #months = new Map<string, number>()
  #declined: { readonly payment: string; readonly at: number } | null = null
  #limit = { cents: 0, before: 0, changedAt: 0 }

  constructor(bystander: Bystander, counters: Pick<Counters, 'count'>) {
    this.#bystander = bystander
    this.#counters = counters
  }

  /** What was charged to attempts, by the month of Stripe's charge. */
  get months(): ReadonlyMap<string, number> {
    return this.#months
  }

  /** After each commit, before anything in it is answered. */
  watch(autoTopUp: AutoTopUp | null): void {
    const isEnabled = autoTopUp?.enabled ?? false
    if (!isEnabled && !this.isAgreeing) this.mayBeOn = false
    if (isEnabled && !this.mayBeOn) throw new Violation('R16: it was switched on, and not by the customer')
    const { cents } = this.#limit
    const now = autoTopUp?.monthlyLimitCents ?? 0
    if (now !== cents) this.#limit = { cents: now, before: cents, changedAt: this.#bystander.now() }
  }

  sent({ route, path, key }: Sent): void {
    if (route !== CONFIRM) return
    const payment = path.split('/')[3] ?? ''
    if (this.isOff) throw new Violation(`I12: ${payment} is confirmed after the switch-off was answered`)
    const sentAt = this.#bystander.now()
    if (key === null) throw new Violation('a confirmation has no key')
    if (this.#declined !== null && this.#declined.payment !== payment) {
      const pause = sentAt - this.#declined.at
      if (pause < DECLINE_PAUSE_MS) throw new Violation(`R15: ${payment} is confirmed ${pause} ms after a decline`)
    }
    if ([...this.#confirmations.values()].some((each) => each.payment === payment)) {
      this.#counters.count('attempt: confirmed more than once')
    }
    // What changed in this very millisecond came before or after: nobody can tell.
    const { cents, before, changedAt } = this.#limit
    const limitCents = changedAt === sentAt ? Math.max(cents, before) : cents
    const life = this.#bystander.running()
    this.#confirmations.set(key, {
      payment,
      sentAt,
      limitCents,
      life,
      isUnheard: false,
      isHeard: false,
      isCharged: false,
    })
  }

  heard({ key }: Sent): void {
    const confirmation = this.#confirmations.get(key ?? '')
    if (confirmation !== undefined) confirmation.isHeard = true
  }

  /** The customer reads that it is off: by then a charge that was on its way is over, or the object that asked for it is. */
  switchedOff(): void {
    this.isOff = true
    this.mayBeOn = false
    const life = this.#bystander.running()
    for (const confirmation of this.#confirmations.values()) {
      if (confirmation.life === life && !confirmation.isHeard && !confirmation.isUnheard) {
        throw new Violation(`I12: the switch-off is answered while ${confirmation.payment} is being confirmed`)
      }
    }
  }

  /** Its answer was lost, or came to nobody. */
  unheard({ key }: Sent): void {
    const confirmation = this.#confirmations.get(key ?? '')
    if (confirmation === undefined || confirmation.isUnheard) return
    confirmation.isUnheard = true
    if (confirmation.isCharged) this.#counters.count('attempt: charged, and the answer was never heard')
  }

  /** Stripe made an event; what it has charged or declined by then stands in its books. */
  happened(event: Stripe.Event): void {
    if (event.type !== 'charge.succeeded' && event.type !== 'charge.failed') return
    const charge = event.data.object
    const purchase = charge.metadata['purchase'] ?? ''
    if (!purchase.startsWith('top_')) return
    const payment = String(charge.payment_intent)
    // A bank that wants the customer has not declined: whoever comes back may go on at once.
    if (event.type === 'charge.failed' && charge.failure_code === 'authentication_required') return
    if (event.type === 'charge.failed') this.#declined = { payment, at: this.#bystander.now() }
    else this.#charge(charge, purchase, this.#confirmations.get(event.request?.idempotency_key ?? ''))
  }

  #charge(charge: Stripe.Charge, purchase: string, confirmation: Confirmation | undefined): void {
    const times = (this.#charged.get(purchase) ?? 0) + 1
    this.#charged.set(purchase, times)
    if (times > 1) throw new Violation(`I12: ${purchase} was charged ${times} times`)
    if (confirmation === undefined) throw new Violation(`I12: ${purchase} was charged, and nobody confirmed it`)
    const month = new Date(charge.created * 1000).toISOString().slice(0, 7)
    const cents = (this.#months.get(month) ?? 0) + charge.amount_captured
    this.#months.set(month, cents)
    const { limitCents } = confirmation
    confirmation.isCharged = true
    if (confirmation.isUnheard) this.#counters.count('attempt: charged, and the answer was never heard')
    if (cents > limitCents) throw new Violation(`I12: ${cents} cents in ${month}, with a limit of ${limitCents}`)
    this.#countCharge(charge.created * 1000, month, confirmation, cents + charge.amount_captured > limitCents)
  }

  #countCharge(chargedAt: number, month: string, { sentAt, life }: Confirmation, isLast: boolean): void {
    const counters = this.#counters
    const now = this.#bystander.now()
    if (isLast) counters.count('attempt: the last that the limit allows')
    if (new Date(now).toISOString().slice(0, 7) !== month) {
      counters.count("attempt: charged in another month than the account's clock says")
    }
    const isNearTurn = [-CLOCK_SKEW_MS, CLOCK_SKEW_MS].some(
      (ms) => new Date(chargedAt + ms).toISOString().slice(0, 7) !== month,
    )
    if (isNearTurn) counters.count('attempt: charged within 5 minutes of the turn of a month')
    if (now - sentAt > 10_000) counters.count('attempt: charged after its confirmation had been given up')
    if (life === null || this.#bystander.running() !== life)
      counters.count('attempt: charged while the object was dead')
  }
}
