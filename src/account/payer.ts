/** Who pays for the account: its customer at Stripe, made once and kept, and the cards that Stripe keeps of theirs. */
import type { Card } from '../ledger/auto-top-up.ts'
import { integer, optionalText, type Row } from './rows.ts'

export class Payer {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  get customer(): string | null {
    const row = this.#row()
    return row === undefined ? null : optionalText(row, 'customer')
  }

  /** How many customers the account has had before one that is made now. */
  get customers(): number {
    const row = this.#row()
    return row === undefined ? 0 : integer(row, 'customers')
  }

  /** The first one that arrives is kept. */
  keepCustomer(customer: string): void {
    this.#sql.exec(
      `INSERT INTO payer (id, customer, customers, cards) VALUES (1, ?, 1, '[]')
       ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, customers = customers + 1 WHERE customer IS NULL`,
      customer,
    )
  }

  /** It was deleted at Stripe, and its cards with it. */
  forgetCustomer(customer: string): void {
    this.#sql.exec("UPDATE payer SET customer = NULL, cards = '[]' WHERE customer = ?", customer)
  }

  keepCards(cards: readonly Card[]): void {
    this.#sql.exec('UPDATE payer SET cards = ?', JSON.stringify(cards))
  }

  #row(): Row | undefined {
    return this.#sql.exec<Row>('SELECT customer, customers FROM payer').toArray()[0]
  }
}
