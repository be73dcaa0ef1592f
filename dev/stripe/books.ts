/** All that the double knows, in one SQLite file: a kill and a restart lose nothing that was answered. */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Stripe } from 'stripe'
import type { StoredAnswer } from './answers.ts'
import type { Delivery, DeliveryMode } from './deliveries.ts'
import type { Fault } from './faults.ts'
import type { PaymentIntentData } from './requests.ts'

/** Stripe's objects by their `object`. */
export interface Kinds {
  readonly charge: Stripe.Charge
  readonly 'checkout.session': Stripe.Checkout.Session
  readonly customer: Stripe.Customer | Stripe.DeletedCustomer
  readonly dispute: Stripe.Dispute
  readonly event: Stripe.Event
  readonly payment_intent: Stripe.PaymentIntent
  readonly payment_method: Stripe.PaymentMethod
  readonly price: Stripe.Price
  readonly product: Stripe.Product
  readonly refund: Stripe.Refund
  readonly setup_intent: Stripe.SetupIntent
  readonly webhook_endpoint: Stripe.WebhookEndpoint
  readonly 'billing_portal.session': Stripe.BillingPortal.Session
}
export type Kind = keyof Kinds

/** What the double must remember that Stripe shows to nobody. */
export interface Notes {
  readonly answer: StoredAnswer
  readonly clock: { readonly aheadMs: number }
  readonly delivery: Delivery
  readonly deliveries: { readonly mode: DeliveryMode }
  readonly fault: Fault
  readonly method: MethodNote
  readonly secret: { readonly secret: string }
  readonly session: { readonly items: readonly Stripe.LineItem[]; readonly data: PaymentIntentData }
}

export interface MethodNote {
  readonly cardNumber: string | null
  /** Authenticated once for use without the customer. */
  readonly setUp: boolean
  /** Detached, or paid with once without a customer: good for nothing any more. */
  readonly spent: boolean
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
  CREATE TABLE IF NOT EXISTS notes (
    shelf TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (shelf, id)
  ) STRICT;
`
/** Large enough to rarely ask twice, small enough to stop early. */
const ROWS_AT_ONCE = 100

export class Books {
  readonly #db: DatabaseSync
  /** By their text: to prepare one takes longer than to run it. */
  readonly #statements = new Map<string, StatementSync>()
  #depth = 0

  /** Without a file the books live as long as the process. */
  constructor(file = ':memory:') {
    this.#db = new DatabaseSync(file)
    this.#db.exec(SCHEMA)
  }

  close(): void {
    this.#db.close()
  }

  /** All or nothing; within another transaction, a part of it that can be undone alone. */
  transaction<T>(work: () => T): T {
    const name = `level_${this.#depth}`
    this.#db.exec(this.#depth === 0 ? 'BEGIN IMMEDIATE' : `SAVEPOINT ${name}`)
    this.#depth += 1
    try {
      const result = work()
      this.#depth -= 1
      this.#db.exec(this.#depth === 0 ? 'COMMIT' : `RELEASE ${name}`)
      return result
    } catch (error) {
      this.#depth -= 1
      this.#db.exec(this.#depth === 0 ? 'ROLLBACK' : `ROLLBACK TO ${name}`)
      throw error
    }
  }

  put(object: Kinds[Kind]): void {
    const sql = `INSERT INTO objects (id, kind, json) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET json = excluded.json`
    this.#prepared(sql).run(object.id, object.object, JSON.stringify(object))
  }

  get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined {
    const row = this.#prepared('SELECT json FROM objects WHERE id = ? AND kind = ?').get(id, kind)
    return row === undefined ? undefined : parse(row)
  }

  /** Whatever has this id. */
  find(id: string): Kinds[Kind] | undefined {
    const row = this.#prepared('SELECT json FROM objects WHERE id = ?').get(id)
    return row === undefined ? undefined : parse(row)
  }

  remove(id: string): void {
    this.#prepared('DELETE FROM objects WHERE id = ?').run(id)
  }

  *newestFirst<K extends Kind>(kind: K): Generator<Kinds[K]> {
    const page = this.#prepared('SELECT seq, json FROM objects WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?')
    let before = Number.MAX_SAFE_INTEGER
    for (;;) {
      const rows = page.all(kind, before, ROWS_AT_ONCE)
      for (const row of rows) yield parse<Kinds[K]>(row)
      if (rows.length < ROWS_AT_ONCE) return
      before = Number(rows.at(-1)?.['seq'])
    }
  }

  note<S extends keyof Notes>(shelf: S, id: string): Notes[S] | undefined {
    const row = this.#prepared('SELECT json FROM notes WHERE shelf = ? AND id = ?').get(shelf, id)
    return row === undefined ? undefined : parse(row)
  }

  putNote<S extends keyof Notes>(shelf: S, id: string, note: Notes[S]): void {
    const sql = `INSERT INTO notes (shelf, id, json) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json`
    this.#prepared(sql).run(shelf, id, JSON.stringify(note))
  }

  removeNote(shelf: keyof Notes, id: string): void {
    this.#prepared('DELETE FROM notes WHERE shelf = ? AND id = ?').run(shelf, id)
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  /** In the order in which they were first put. */
  notes<S extends keyof Notes>(shelf: S): { readonly id: string; readonly note: Notes[S] }[] {
    const rows = this.#prepared('SELECT id, json FROM notes WHERE shelf = ? ORDER BY rowid').all(shelf)
    return rows.map((row) => ({ id: String(row['id']), note: parse(row) }))
  }
}

function parse<T>(row: Record<string, unknown>): T {
  return JSON.parse(String(row['json'])) as T
}
