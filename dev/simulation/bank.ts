/**
 * Stripe and the banks behind it, one for all seeds of a thread: the double with a clock that is not quite the account's,
 * what its customers and its dashboard do, and what it was seen to charge.
 */
import type { Stripe } from 'stripe'
import type { Random } from '../../test/core/ledger/random.ts'
import { newClient, type StripeClient } from '../../src/stripe/client.ts'
import type { Control } from '../stripe/control.ts'
import { createDouble } from '../stripe/double.ts'
import { Declined } from '../stripe/refusal.ts'
import { BankBooks, type Written } from './bank-books.ts'
import type { Counters } from './sometimes.ts'
import { Wire, type WireListener } from './wire.ts'

/** What the bank makes of a kept card from now on, as test cards' numbers say it. The card stays the same one. */
export const MOODS = {
  good: '4242424242424242',
  declines: '4000000000000341',
  'wants the customer': '4000002760003184',
  'disputes later': '4000000000000259',
  'refunds stay pending': '4000000000007726',
} as const
export type Mood = keyof typeof MOODS

export interface BankListener extends WireListener {
  written(object: Written): void
}

export interface BankOptions {
  readonly now: () => number
  readonly chance: () => Random
  readonly counters: Pick<Counters, 'count'>
}

export class Bank {
  readonly control: Control
  readonly wire: Wire
  readonly books: BankBooks
  /** What the Worker asks Stripe with, outside of any object. */
  readonly worker: StripeClient
  /** A customer's and an operator's own way to Stripe: always open. */
  readonly direct: Stripe
  /** How far Stripe's clock is ahead of ours. */
  skewMs = 0
  listener: BankListener = { sent: () => {}, heard: () => {}, unheard: () => {}, written: () => {} }

  constructor({ now, chance, counters }: BankOptions) {
    this.books = new BankBooks((object) => this.listener.written(object))
    const double = createDouble({ books: this.books, clock: () => now() + this.skewMs, origin: 'https://stripe.test' })
    this.control = double.control
    this.wire = new Wire(double, chance, counters, {
      sent: (request) => this.listener.sent(request),
      heard: (request) => this.listener.heard(request),
      unheard: (request) => this.listener.unheard(request),
    })
    const settings = { key: 'sk_test_0123456789abcdef', apiBase: null }
    this.worker = newClient(
      settings,
      this.wire.fetchFor(() => true),
    )
    this.direct = newClient(settings, (input, init) => {
      // A fault that was ordered for another request, and that Stripe refused before it struck, must not strike here.
      this.control.clearFaults()
      return double.fetch(new Request(String(input), { ...init, signal: null }))
    })
  }

  startAgain(skewMs: number): void {
    this.books.startAgain()
    this.skewMs = skewMs
    this.wire.startAgain()
  }

  /** All cards that the customer keeps, the newest first. */
  async cards(customer: string): Promise<Stripe.PaymentMethod[]> {
    return (await this.direct.customers.listPaymentMethods(customer, { limit: 100 })).data
  }

  /** Keeps a new card, and lets go of all others or makes it the default. */
  async swapCard(customer: string, card: string, detachesOthers: boolean): Promise<void> {
    const before = await this.cards(customer)
    const { id } = await this.direct.paymentMethods.attach(card, { customer })
    if (detachesOthers) for (const each of before) await this.direct.paymentMethods.detach(each.id)
    else await this.direct.customers.update(customer, { invoice_settings: { default_payment_method: id } })
  }

  async changeMood(customer: string, mood: Mood): Promise<void> {
    for (const { id } of await this.cards(customer)) {
      const note = this.books.note('method', id)
      if (note !== undefined) this.books.putNote('method', id, { ...note, cardNumber: MOODS[mood] })
    }
  }

  /** A customer at the page of Checkout; whether they have paid. */
  pay(url: string, card: string): boolean {
    const session = /cs_test_\w+/.exec(url)?.[0]
    if (session === undefined) throw new Error(`${url} is no page of Checkout`)
    const found = this.books.get('checkout.session', session)
    if (found?.status !== 'open') return false
    return !(this.control.pay(session, card) instanceof Declined)
  }

  /** What banks make of debits after days. */
  settleDebits(chance: Random): void {
    for (const { id, status } of this.all('payment_intent')) {
      if (status === 'processing') this.control.settle(id, chance.below(2) === 0)
    }
  }

  all<K extends Parameters<BankBooks['newestFirst']>[0]>(kind: K) {
    return [...this.books.newestFirst(kind)]
  }
}
