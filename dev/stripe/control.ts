/** What tests and developers do to the double that no customer of Stripe can: time, faults, banks, and the post. */
import type { Stripe } from 'stripe'
import { authenticate } from './authentication.ts'
import type { Books } from './books.ts'
import { cardById, cardByNumber } from './cards.ts'
import type { Clock } from './clock.ts'
import type { DeliveryMode, SignedEvent } from './deliveries.ts'
import { type Desk, existing, idOf } from './desk.ts'
import { changes } from './events.ts'
import { type DisputeOptions, moveDispute, openDispute } from './disputes.ts'
import { type Fault, orderFault } from './faults.ts'
import { type ChargedIntent, type ChargedMonth, chargedByIntent, chargedByMonth } from './judge.ts'
import { cardDetails, cardMethod, debitMethod, noteOf } from './methods.ts'
import type { DeliveryOrder, Postman } from './postman.ts'
import { moveRefund } from './refunds.ts'
import { Declined, invalid } from './refusal.ts'
import { paySession, settlePayment } from './session-payment.ts'
import { newEndpoint } from './webhook-endpoints.ts'

export interface ControlOptions {
  readonly books: Books
  readonly clock: Clock
  readonly postman: Postman
  readonly newDesk: () => Desk
}

export interface CardUpdate {
  /** Of a test card. */
  readonly number?: string | undefined
  readonly expMonth?: number | undefined
  readonly expYear?: number | undefined
}

const TEST_IBAN = 'AT611904300234573201'

export class Control {
  readonly #options: ControlOptions

  constructor(options: ControlOptions) {
    this.#options = options
  }

  nowMs(): number {
    return this.#options.clock.nowMs()
  }

  /** Retries and expiries that become due by it happen now. */
  async advance(byMs: number): Promise<void> {
    if (byMs < 0) throw invalid('The clock does not go back.')
    this.#options.clock.advance(byMs)
    this.hurry()
    await this.settled()
  }

  fault(order: Partial<Fault> & Pick<Fault, 'route'>): string {
    return orderFault(this.#options.books, order)
  }

  faults(): readonly Fault[] {
    return this.#options.books.notes('fault').map(({ note }) => note)
  }

  clearFaults(): void {
    for (const { id } of this.#options.books.notes('fault')) this.#options.books.removeNote('fault', id)
  }

  dispute(payment: string, options: DisputeOptions = {}): Stripe.Dispute {
    return this.#write((desk) => {
      const intent = payment.startsWith('pi_') ? existing(desk, 'payment_intent', payment) : undefined
      const charge = intent === undefined ? payment : (idOf(intent.latest_charge) ?? '')
      return openDispute(desk, existing(desk, 'charge', charge), options)
    })
  }

  moveDispute(id: string, status: string): Stripe.Dispute {
    return this.#write((desk) => moveDispute(desk, existing(desk, 'dispute', id), status))
  }

  moveRefund(id: string, status: 'succeeded' | 'failed'): Stripe.Refund {
    return this.#write((desk) => moveRefund(desk, existing(desk, 'refund', id), status))
  }

  /** A customer at the Checkout page. `debit` pays, or does not, when `settle` says so. */
  pay(session: string, card: string): Stripe.Checkout.Session | Declined {
    return this.#write((desk) => {
      const found = cardById(card) ?? cardByNumber(card)
      if (found === undefined && card !== 'debit') throw invalid(`There is no test card ${card}.`)
      const method = found === undefined ? debitMethod(desk, TEST_IBAN) : cardMethod(desk, found)
      const outcome = paySession(desk, existing(desk, 'checkout.session', session), { method, offSession: false })
      return outcome instanceof Declined ? outcome : existing(desk, 'checkout.session', session)
    })
  }

  /** What a card network tells Stripe of its own accord: another number, or another date, under the same id. */
  updateCard(method: string, { number, expMonth, expYear }: CardUpdate): Stripe.PaymentMethod {
    return this.#write((desk) => {
      const before = existing(desk, 'payment_method', method)
      if (before.card === undefined) throw invalid(`${method} is no card.`)
      const other = number === undefined ? undefined : cardByNumber(number)
      if (number !== undefined && other === undefined) throw invalid(`There is no test card ${number}.`)
      const replaced = other === undefined ? {} : { ...cardDetails(desk, other) }
      const dates = {
        ...(expMonth === undefined ? {} : { exp_month: expMonth }),
        ...(expYear === undefined ? {} : { exp_year: expYear }),
      }
      const after: Stripe.PaymentMethod = { ...before, card: { ...before.card, ...replaced, ...dates } }
      desk.books.put(after)
      if (other !== undefined) {
        desk.books.putNote('method', method, { ...noteOf(desk, method), cardNumber: other.number })
      }
      desk.emit('payment_method.automatically_updated', after, changes(before, after))
      return after
    })
  }

  settle(paymentIntent: string, paid: boolean): Stripe.PaymentIntent {
    return this.#write((desk) => settlePayment(desk, paymentIntent, paid))
  }

  authenticate(intent: string, passes: boolean): Stripe.PaymentIntent | Stripe.SetupIntent | Declined {
    return this.#write((desk) => authenticate(desk, intent, passes))
  }

  /** The endpoint at this URL, with a secret of the caller's choice. Asked for again, it keeps what it waits for. */
  listen(url: string, secret: string, events: readonly string[] = ['*']): Stripe.WebhookEndpoint {
    if (secret === '') throw invalid('An empty secret signs nothing.')
    const wanted = [...events] as Stripe.WebhookEndpointCreateParams['enabled_events']
    return this.#write((desk) => {
      for (const before of desk.books.newestFirst('webhook_endpoint')) {
        if (before.url !== url) continue
        const endpoint: Stripe.WebhookEndpoint = { ...before, enabled_events: wanted, status: 'enabled' }
        desk.books.put(endpoint)
        desk.books.putNote('secret', endpoint.id, { secret })
        return endpoint
      }
      return newEndpoint(desk, { url, enabled_events: wanted }, secret)
    })
  }

  setDeliveries(mode: DeliveryMode): void {
    this.#options.postman.mode = mode
    this.hurry()
  }

  deliver(order: DeliveryOrder = {}): Promise<number> {
    return this.#options.postman.deliver(order)
  }

  collect(order: DeliveryOrder = {}): Promise<SignedEvent[]> {
    return this.#options.postman.collect(order)
  }

  drop(): number {
    return this.#options.postman.drop()
  }

  hurry(): void {
    this.#options.postman.hurry()
  }

  settled(): Promise<void> {
    return this.#options.postman.settled()
  }

  chargedByMonth(): ChargedMonth[] {
    return chargedByMonth(this.#options.books)
  }

  chargedByIntent(): ChargedIntent[] {
    return chargedByIntent(this.#options.books)
  }

  #write<T>(work: (desk: Desk) => T): T {
    const done = this.#options.books.transaction(() => work(this.#options.newDesk()))
    this.hurry()
    return done
  }
}
