/** Makes commands about payments of steps, for one account; what Stripe says in them is what its model says. */
import type { AutoTopUp, Card } from '../../../src/ledger/auto-top-up.ts'
import type { AttemptEvent, ChangeAutoTopUp, Command, StartCheckout } from '../../../src/ledger/commands.ts'
import type { Purchase } from '../../../src/ledger/purchase.ts'
import { CARD, type LIMITS, OFFERS } from './payment-steps.ts'
import type { BODIES, Step } from './steps.ts'
import type { Store } from './store.ts'
import type { Stripe } from './stripe.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

export class Payer {
  readonly #store: Store
  readonly #stripe: Stripe
  readonly #checkouts: StartCheckout[] = []
  #agreed: ChangeAutoTopUp | null = null
  #ids = 0

  constructor(store: Store, stripe: Stripe) {
    this.#store = store
    this.#stripe = stripe
  }

  /** `amount` is what the step's size comes to. */
  command(step: Step, amount: number, now: number): Command | null {
    const purchase = this.#named(step)
    switch (step.act) {
      case 'buy in Checkout':
        return this.#buy(step)
      case 'open Checkout': {
        const id = purchase?.id ?? 'unknown'
        const url = `https://checkout.stripe.com/${id}`
        return { op: 'open_checkout', id, customer: 'cus_1', session: step.negative ? 'cs_other' : `cs_${id}`, url }
      }
      case 'report a payment':
        return this.#report(purchase)
      case 'move at Stripe and report it':
        this.move(step, now)
        return this.#report(purchase)
      case 'agree to auto top-up':
        return this.#agree(step, amount)
      case 'start an attempt':
        this.#ids += 1
        return { op: 'start_attempt', id: `a${this.#ids}`, customer: 'cus_1' }
      case 'advance an attempt':
        return this.#advance(step, purchase, now)
      default:
        return null
    }
  }

  /** The purchase that a step names; of those that are meant as attempts, the one that is open if there is one. */
  #named(step: Step): Purchase | null {
    if (step.slot <= 0) return null
    const { open } = this.#store.topUpFacts()
    if (open !== null && (step.open || step.act === 'advance an attempt')) return open
    const purchases = [...this.#store.purchases.values()]
    return purchases.at(-Math.min(step.slot, purchases.length)) ?? null
  }

  /** What happens at Stripe. */
  move(step: Step, now: number): void {
    const purchase = this.#named(step)
    if (purchase === null) return
    const { move, share, skewMs } = step
    this.#stripe.move(purchase, { move, share, skewMs, isBad: step.negative }, now)
  }

  /** An attempt is read by the id of its PaymentIntent, so not before that is known. */
  #report(purchase: Purchase | null): Command | null {
    if (purchase?.kind === 'auto_top_up' && purchase.paymentIntent === null) return null
    const facts = this.#stripe.facts(purchase ?? ANY_PURCHASE)
    return { op: 'report_payment', id: purchase?.id ?? 'unknown', facts }
  }

  /** What happens to the attempt; or what comes next, as the account goes on with it. */
  #advance(step: Step, attempt: Purchase | null, now: number): Command | null {
    const { event, negative } = step
    const id = attempt?.id ?? 'unknown'
    if (event !== 'what comes next') return { op: 'advance_attempt', id, event: eventOf(event, id, negative) }
    switch (attempt?.stage) {
      case 'created':
        return { op: 'advance_attempt', id, event: { type: 'confirm' } }
      case 'confirming': {
        this.move({ ...step, move: 'goes on' }, now)
        const failure = this.#stripe.failureOf(attempt)
        return failure === null
          ? this.#report(attempt)
          : { op: 'advance_attempt', id, event: { type: 'refused', failure } }
      }
      case 'canceling':
        this.move({ ...step, move: 'cancel' }, now)
        return this.#report(attempt)
      default:
        return { op: 'advance_attempt', id, event: { type: 'created', paymentIntent: `pi_${id}` } }
    }
  }

  #buy(step: Step): StartCheckout {
    const sent = step.slot === 0 ? undefined : this.#checkouts.at(-Math.min(step.slot, this.#checkouts.length))
    this.#ids += 1
    if (sent !== undefined) return repeated(sent, step.body, `p${this.#ids}`)
    const { credits, priceCents } = OFFERS[step.pack]
    const request = { pack: step.pack, promotion: step.body === 'another' ? 'a' : null }
    const wanted = [...this.#store.purchases.values()].filter(
      ({ failure, paidByCustomer }) => failure?.kind === 'authentication_required' && !paidByCustomer,
    )
    const command: StartCheckout = {
      op: 'start_checkout',
      purchase: {
        ...{ id: `p${this.#ids}`, pack: step.pack, credits, priceCents, request },
        ...{ expiresAt: null, successUrl: null, cancelUrl: null },
        paysFor: wanted.at(-1)?.id ?? null,
        idempotencyKey: step.negative ? null : `key ${this.#ids}`,
      },
    }
    this.#checkouts.push(command)
    return command
  }

  #agree(step: Step, amount: number): ChangeAutoTopUp {
    if (step.body === 'as before' && this.#agreed !== null) return this.#agreed
    const { credits, priceCents } = this.#store.offers[step.pack] ?? OFFERS[step.pack]
    const { card } = this.#store
    const settings: Omit<AutoTopUp, 'agreedAt' | 'agreedBy'> = {
      enabled: !(step.negative && step.open),
      // Mostly more than there is or ever will be, so that something follows of it.
      threshold: step.other < 0 ? 1e12 : step.open ? this.#store.book.available + 1 : Math.max(1, amount),
      pack: step.pack,
      credits,
      priceCents,
      monthlyLimitCents: limitOf(step.limit, priceCents),
      card: card === null ? null : { fingerprint: card.fingerprint, brand: card.brand, last4: card.last4 },
    }
    this.#agreed = { op: 'change_auto_top_up', settings, by: 'key' }
    return this.#agreed
  }

  moment(jump: Step['jump'], now: number): number | null {
    const date = new Date(now)
    const ends = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
    const began = Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
    const young = (now < began + 5 * MINUTE ? began : ends) + 5 * MINUTE
    const { starts, outcomes } = this.#store.topUpFacts()
    const start = starts.at(-1) ?? null
    const decline = outcomes.find(({ failure }) => failure?.kind === 'declined')?.closedAt ?? null
    switch (jump) {
      case 'just before the last 5 minutes of the month':
        return ends - 5 * MINUTE - 1
      case 'to the last 5 minutes of the month':
        return ends - 5 * MINUTE
      case 'just before the month ends':
        return ends - 1
      case 'to when the month ends':
        return ends
      case 'just before the month is 5 minutes old':
        return young - 1
      case 'to when the month is 5 minutes old':
        return young
      case 'just before 10 minutes after the last start but one':
        return start && start + 10 * MINUTE - 1
      case 'to 10 minutes after the last start but one':
        return start && start + 10 * MINUTE
      case 'just before an hour after the last decline':
        return decline && decline + HOUR - 1
      case 'to an hour after the last decline':
        return decline && decline + HOUR
      default:
        return null
    }
  }
}

/** Facts about it are never looked at, because nothing has its id. */
const ANY_PURCHASE: Parameters<Stripe['facts']>[0] = {
  id: 'unknown',
  kind: 'checkout',
  priceCents: 1,
  paymentIntent: null,
  url: null,
}

/** Whoever asks again has made a new id for it: the key alone finds the first. */
function repeated(sent: StartCheckout, body: (typeof BODIES)[number], id: string): StartCheckout {
  const again = { ...sent.purchase, id }
  return { ...sent, purchase: body === 'another' ? { ...again, request: { pack: 'another' } } : again }
}

function limitOf(limit: (typeof LIMITS)[number], priceCents: number): number {
  switch (limit) {
    case 'two prices':
      return 2 * priceCents
    case 'a cent less':
      return 2 * priceCents - 1
    case 'one price':
      return priceCents
    case 'three prices':
      return 3 * priceCents
    case 'less than a price':
      return priceCents - 1
    case 'plenty':
      return 1_000_000
  }
}

function eventOf(event: Exclude<Step['event'], 'what comes next'>, id: string, isBad: boolean): AttemptEvent {
  switch (event) {
    case 'created':
      return { type: 'created', paymentIntent: `pi_${id}` }
    case 'confirm':
    case 'unconfirmed':
      return { type: event }
    case 'declined':
    case 'authentication_required':
      return { type: 'refused', failure: { kind: event, code: 'generic_decline' } }
    case 'abandoned':
      return { type: 'abandoned', failure: { kind: isBad ? 'declined' : 'not_created', code: null } }
  }
}

/** A card as a step has it, given the one that is kept. */
export function cardOf(step: Step, kept: Card | null, now: number): Card | null {
  const visa = kept ?? CARD
  const date = new Date(now)
  switch (step.card) {
    case 'as before':
      return visa
    case 'under another id':
      return { ...visa, id: `${visa.id}'`, expYear: 2099 }
    case 'another':
      return { ...visa, id: `pm_${now}`, fingerprint: `f${now}`, last4: '4444', expYear: 2099 }
    case 'ends with this month':
      return { ...visa, expYear: date.getUTCFullYear(), expMonth: date.getUTCMonth() + 1 }
    case 'ended': {
      const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1))
      return { ...visa, expYear: last.getUTCFullYear(), expMonth: last.getUTCMonth() + 1 }
    }
    case 'none':
      return null
  }
}

/** The packs as they are sold from now on: one dearer, gone, or as it once was. */
export function otherOffers(step: Step, offers: Store['offers']): Store['offers'] {
  const { credits, priceCents } = OFFERS[step.pack]
  if (step.open) return { ...offers, [step.pack]: OFFERS[step.pack] }
  return { ...offers, [step.pack]: step.negative ? null : { credits, priceCents: priceCents + 1 } }
}
