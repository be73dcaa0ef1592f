/**
 * Refunds that the operator asked for, written down before Stripe is asked. Only a refund that stands here may leave
 * auto top-up on (R13): what a refund's own metadata says is not enough.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import { firstDifference, type RequestFields } from '../ledger/reservation.ts'
import type { RefundReading } from '../stripe/payments.ts'
import { integer, optionalText, type Row, text } from './rows.ts'

export interface RefundOrder {
  readonly id: string
  readonly purchase: string
  readonly amountCents: number
  readonly keepsAutoTopUp: boolean
  readonly request: RequestFields
  readonly idempotencyKey: string | null
  /** `asked` until Stripe's answer is known. */
  readonly state: 'asked' | 'made' | 'refused'
  /** Stripe's id of the refund that it became. */
  readonly madeAs: string | null
  readonly refusal: string | null
}

/** The same request without a key, again within this time, is the same refund: nobody refunds twice by a retry. */
const SAME_WITHIN_MS = 24 * 60 * 60_000

const INSERT = `INSERT INTO refunds
  (id, purchase, amount_cents, keeps_auto_top_up, request, idempotency_key, state, created_at)
  VALUES (?, ?, ?, ?, ?, ?, 'asked', ?)`

export class RefundOrders {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  add(order: Omit<RefundOrder, 'state' | 'madeAs' | 'refusal'>, now: EpochMs): void {
    const { id, purchase, amountCents, keepsAutoTopUp, request, idempotencyKey } = order
    this.#sql.exec(
      INSERT,
      ...[id, purchase, amountCents, Number(keepsAutoTopUp), JSON.stringify(request), idempotencyKey, now],
    )
  }

  get(id: string): RefundOrder | null {
    return this.#all('SELECT * FROM refunds WHERE id = ?', id)[0] ?? null
  }

  /** The order that a request repeats: by its key, or, without one, by being the same. */
  repeated(purchase: string, key: string | null, request: RequestFields, now: EpochMs): RefundOrder | null {
    if (key !== null) return this.#all('SELECT * FROM refunds WHERE idempotency_key = ?', key)[0] ?? null
    const recent = 'SELECT * FROM refunds WHERE purchase = ? AND created_at > ? AND idempotency_key IS NULL'
    const orders = this.#all(recent, purchase, now - SAME_WITHIN_MS)
    return orders.find((order) => firstDifference(order.request, request) === null) ?? null
  }

  /** Those of a purchase whose outcome is not known. */
  asked(purchase: string): RefundOrder[] {
    return this.#all("SELECT * FROM refunds WHERE purchase = ? AND state = 'asked' ORDER BY created_at", purchase)
  }

  made(id: string, madeAs: string): void {
    const made = "UPDATE refunds SET state = 'made', made_as = ? WHERE id = ? AND made_as IS NULL"
    this.#sql.exec(made, madeAs, id)
  }

  refused(id: string, refusal: string | null): void {
    this.#sql.exec("UPDATE refunds SET state = 'refused', refusal = ? WHERE id = ? AND state = 'asked'", refusal, id)
  }

  /** An order whose answer was lost is known by its name and amount; it is one refund, and another by its name is not it. */
  recognise({ id, cents, order: name }: RefundReading, purchase: string): RefundOrder | null {
    const order = name === null ? null : this.get(name)
    if (order === null || order.purchase !== purchase) return null
    if (order.madeAs === null && order.amountCents === cents) {
      this.made(order.id, id)
      return order
    }
    return order.madeAs === id ? order : null
  }

  #all(statement: string, ...values: SqlStorageValue[]): RefundOrder[] {
    return this.#sql
      .exec<Row>(statement, ...values)
      .toArray()
      .map(orderFromRow)
  }
}

/** The first field in which a repeated request differs from the order; `null` if it is the same. */
export function changedField(order: RefundOrder, purchase: string, request: RequestFields): string | null {
  return order.purchase === purchase ? firstDifference(order.request, request) : 'id'
}

function orderFromRow(row: Row): RefundOrder {
  return {
    id: text(row, 'id'),
    purchase: text(row, 'purchase'),
    amountCents: integer(row, 'amount_cents'),
    keepsAutoTopUp: integer(row, 'keeps_auto_top_up') === 1,
    request: JSON.parse(text(row, 'request')) as RequestFields,
    idempotencyKey: optionalText(row, 'idempotency_key'),
    state: text(row, 'state') as RefundOrder['state'],
    madeAs: optionalText(row, 'made_as'),
    refusal: optionalText(row, 'refusal'),
  }
}
