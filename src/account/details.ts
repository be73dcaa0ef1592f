/** Who the account is: what the operator says of it, beside the ledger. */
import type { EpochMs } from '../ledger/amounts.ts'
import type { AccountDetails, OpenRequest } from './requests.ts'
import { integer, optionalText, type Row, text } from './rows.ts'

export class Details {
  readonly #sql: SqlStorage
  #value: AccountDetails

  constructor(sql: SqlStorage) {
    this.#sql = sql
    this.#value = this.#read()
  }

  /** After a write that failed: what stands in the database is what holds. */
  reload(): void {
    this.#value = this.#read()
  }

  #read(): AccountDetails {
    const row = this.#sql.exec<Row>('SELECT * FROM account').one()
    return {
      id: text(row, 'id'),
      name: optionalText(row, 'name'),
      email: optionalText(row, 'email'),
      region: optionalText(row, 'region'),
      allowDebt: integer(row, 'allow_debt') === 1,
      createdAt: integer(row, 'created_at'),
      updatedAt: integer(row, 'updated_at'),
    }
  }

  /** The rows that make an object an account. */
  static insert(sql: SqlStorage, request: OpenRequest, now: EpochMs): void {
    const { id, name = null, email = null, region = null, allowDebt = false } = request
    sql.exec(
      'INSERT INTO account (id, name, email, region, allow_debt, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[id, name, email, region, Number(allowDebt), now, now],
    )
    sql.exec('INSERT INTO outbox (id, drained_to, described, failures, retry_at) VALUES (1, 0, 0, 0, 0)')
  }

  get value(): AccountDetails {
    return this.#value
  }

  /** Changes what was named and may change; returns whether anything did. */
  update(request: OpenRequest, now: EpochMs): boolean {
    const old = this.#value
    const { name = old.name, email = old.email, allowDebt = old.allowDebt } = request
    if (name === old.name && email === old.email && allowDebt === old.allowDebt) return false
    // Later than before even within a millisecond: the directory keeps the latest.
    const updatedAt = Math.max(now, old.updatedAt + 1)
    this.#sql.exec(
      'UPDATE account SET name = ?, email = ?, allow_debt = ?, updated_at = ?',
      name,
      email,
      Number(allowDebt),
      updatedAt,
    )
    this.#value = { ...old, name, email, allowDebt, updatedAt }
    return true
  }
}
