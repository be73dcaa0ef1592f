/** The purchases of an account in its own database, and what decisions about payments look up of them. */
import { findPack } from '../catalog/packs.ts'
import { MILLICREDITS_PER_CREDIT, type EpochMs } from '../ledger/amounts.ts'
import { type Card, chooseCard, monthsOfCharge, type TopUpFacts } from '../ledger/auto-top-up.ts'
import type { Book } from '../ledger/book.ts'
import type { PaymentCommand, View } from '../ledger/commands.ts'
import type { Purchase } from '../ledger/purchase.ts'
import { PUT_PURCHASE, purchaseFromRow, purchaseValues } from './purchase-rows.ts'
import { integer, type Row, text } from './rows.ts'

export type PaymentView = Pick<View, 'purchase' | 'paysFor' | 'topUp' | 'nextPurchase'>

/** As the partial index says it, to the letter: else SQLite would not use it. */
const HAS_OUTCOME = "kind = 'auto_top_up' AND (state = 'paid' OR failure IN ('declined', 'authentication_required'))"
const OUTCOMES = `SELECT * FROM purchases WHERE ${HAS_OUTCOME} ORDER BY number DESC LIMIT 3`
const STARTS = "SELECT created_at FROM purchases WHERE kind = 'auto_top_up' ORDER BY number DESC LIMIT 2"
const SPENT = 'SELECT ifnull(sum(price_cents), 0) AS cents FROM purchases WHERE charged_month = ?'

export class Purchases {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  view(book: Book, command: PaymentCommand, now: EpochMs): PaymentView {
    const none = { purchase: null, paysFor: null, topUp: null, nextPurchase: this.#last() + 1 }
    switch (command.op) {
      case 'start_checkout': {
        const { idempotencyKey } = command.purchase
        return { ...none, purchase: idempotencyKey === null ? null : this.#by('idempotency_key', idempotencyKey) }
      }
      case 'open_checkout':
      case 'report_payment': {
        const purchase = this.get(command.id)
        return { ...none, purchase, paysFor: purchase?.paysFor == null ? null : this.get(purchase.paysFor) }
      }
      case 'advance_attempt':
        return { ...none, purchase: this.get(command.id), topUp: this.topUpFacts(book, now) }
      case 'start_attempt':
      case 'change_auto_top_up':
        return { ...none, topUp: this.topUpFacts(book, now) }
    }
  }

  /** What R14 and R15 look at: a few rows, whatever the history. */
  topUpFacts(book: Book, now: EpochMs): TopUpFacts {
    const pack = book.autoTopUp === null ? null : findPack(book.autoTopUp.pack)
    return {
      open: this.#one('SELECT * FROM purchases WHERE stage IS NOT NULL'),
      starts: this.#sql
        .exec<Row>(STARTS)
        .toArray()
        .map((row) => integer(row, 'created_at')),
      outcomes: this.#all(OUTCOMES),
      spentCents: Object.fromEntries(monthsOfCharge(now).map((month) => [month, this.spentCents(month)])),
      card: chooseCard(this.cards, book.autoTopUp?.card?.fingerprint ?? null, now),
      offered: pack === null ? null : { credits: pack.credits * MILLICREDITS_PER_CREDIT, priceCents: pack.priceCents },
    }
  }

  spentCents(month: string): number {
    return integer(this.#sql.exec<Row>(SPENT, month).one(), 'cents')
  }

  /** The cards that Stripe was last seen to keep for this account: the default first, then the newest. */
  get cards(): readonly Card[] {
    const cards = this.#sql.exec<Row>('SELECT cards FROM payer').toArray()[0]?.['cards']
    return typeof cards === 'string' ? (JSON.parse(cards) as Card[]) : []
  }

  get(id: string): Purchase | null {
    return this.#by('id', id)
  }

  byIdempotencyKey(key: string): Purchase | null {
    return this.#by('idempotency_key', key)
  }

  byPayment(paymentIntent: string): Purchase | null {
    return this.#by('payment_intent', paymentIntent)
  }

  bySession(session: string): Purchase | null {
    return this.#by('session', session)
  }

  lastAttempt(): Purchase | null {
    return this.#one("SELECT * FROM purchases WHERE kind = 'auto_top_up' ORDER BY number DESC LIMIT 1")
  }

  /** The Checkout that is open for an attempt which the bank wanted the customer for. */
  openCheckoutFor(attempt: Purchase): Purchase | null {
    const open = "SELECT * FROM purchases WHERE settles = ? AND state IN ('open', 'processing')"
    return this.#one(open, attempt.id)
  }

  /** Every customer that ever bought for this account. */
  customers(): string[] {
    const distinct = 'SELECT DISTINCT customer FROM purchases WHERE customer IS NOT NULL'
    return this.#sql
      .exec<Row>(distinct)
      .toArray()
      .map((row) => text(row, 'customer'))
  }

  countOpenCheckouts(): number {
    const open =
      "SELECT count(*) AS count FROM purchases WHERE kind = 'checkout' AND state = 'open' AND session IS NOT NULL"
    return integer(this.#sql.exec<Row>(open).one(), 'count')
  }

  /** Newest first, before the given number. */
  page(before: number | null, limit: number): Purchase[] {
    const page = 'SELECT * FROM purchases WHERE number < ? ORDER BY number DESC LIMIT ?'
    return this.#all(page, before ?? Number.MAX_SAFE_INTEGER, limit)
  }

  put(purchase: Purchase): void {
    this.#sql.exec(PUT_PURCHASE, ...purchaseValues(purchase))
  }

  #last(): number {
    return integer(this.#sql.exec<Row>('SELECT ifnull(max(number), 0) AS last FROM purchases').one(), 'last')
  }

  #by(column: 'id' | 'session' | 'payment_intent' | 'idempotency_key', value: string): Purchase | null {
    return this.#one(`SELECT * FROM purchases WHERE ${column} = ?`, value)
  }

  #one(statement: string, ...values: SqlStorageValue[]): Purchase | null {
    return this.#all(statement, ...values)[0] ?? null
  }

  #all(statement: string, ...values: SqlStorageValue[]): Purchase[] {
    return this.#sql
      .exec<Row>(statement, ...values)
      .toArray()
      .map(purchaseFromRow)
  }
}
