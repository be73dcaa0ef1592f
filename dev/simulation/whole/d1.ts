/**
 * D1 for one seed after the other: SQLite with the real migrations, behind the few methods of the binding that the
 * Worker uses. It fails before and after its commit, is slow or silent, and is set back in time.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Random } from '../../../test/core/ledger/random.ts'
import type { Count } from './sometimes.ts'

const MIGRATIONS = new URL('../../../migrations/history/', import.meta.url)

/** Of 1,000 batches so many come to harm. */
export type HistoryWeather = 'works' | 'trembles' | 'is away'
const HARMED: Readonly<Record<HistoryWeather, number>> = { works: 0, trembles: 300, 'is away': 1_000 }
const FAULTS = ['fails before', 'fails after', 'is slow', 'is silent'] as const

/** Shorter and longer than the 10 s that the outbox waits. */
const SLOW_MS = [200, 9_000] as const
const SILENT_MS = 30_000
const MAX_TRAVEL_MS = 20

/** Asked before a batch goes out and before its answer is heard: whether the object lives on. */
export type MayGoOn = (place: 'before a batch' | 'after a batch') => boolean

interface Row {
  readonly [column: string]: unknown
}

class Statement {
  readonly #d1: D1
  readonly query: string
  readonly values: readonly SQLInputValue[]

  constructor(d1: D1, query: string, values: readonly SQLInputValue[] = []) {
    this.#d1 = d1
    this.query = query
    this.values = values
  }

  bind(...values: SQLInputValue[]): Statement {
    return new Statement(this.#d1, this.query, values)
  }

  async all() {
    await this.#d1.travel()
    return { success: true, results: this.#d1.rows(this), meta: {} }
  }

  async raw(): Promise<unknown[][]> {
    await this.#d1.travel()
    return this.#d1.rows(this).map((row) => Object.values(row))
  }

  async first(): Promise<Row | null> {
    await this.#d1.travel()
    return this.#d1.rows(this)[0] ?? null
  }

  run() {
    return this.all()
  }
}

export class D1 {
  weather: HistoryWeather = 'works'
  wasSetBack = false
  readonly #db = new DatabaseSync(':memory:')
  readonly #statements = new Map<string, StatementSync>()
  readonly #tables: readonly string[]
  #chance: Random
  #counters: Count

  constructor(chance: Random, counters: Count) {
    this.#chance = chance
    this.#counters = counters
    for (const name of readdirSync(MIGRATIONS).sort()) this.#db.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'))
    const tables = this.#db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    this.#tables = tables.map(({ name }) => String(name))
    for (const table of this.#tables) this.#db.exec(`CREATE TABLE backup_${table} AS SELECT * FROM ${table}`)
  }

  startAgain(chance: Random, counters: Count): void {
    this.#chance = chance
    this.#counters = counters
    this.weather = 'works'
    this.wasSetBack = false
    for (const table of this.#tables) this.#db.exec(`DELETE FROM ${table}; DELETE FROM backup_${table}`)
  }

  /** As the binding that the Worker, or one life of an object, is given. */
  database(mayGoOn: MayGoOn = () => true): D1Database {
    const database = {
      prepare: (query: string) => new Statement(this, query),
      batch: (statements: readonly Statement[]) => this.#batch(statements, mayGoOn),
    }
    // Of D1, the Worker uses these.
    return database as unknown as D1Database
  }

  keepBackup(): void {
    for (const table of this.#tables) {
      this.#db.exec(`DELETE FROM backup_${table}; INSERT INTO backup_${table} SELECT * FROM ${table}`)
    }
  }

  /** To when the backup was made; without one, everything is lost. */
  setBack(): void {
    this.wasSetBack = true
    for (const table of this.#tables) {
      this.#db.exec(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM backup_${table}`)
    }
  }

  /** For judges, at any time. */
  read(query: string, ...values: SQLInputValue[]): Row[] {
    return this.rows({ query, values })
  }

  rows({ query, values }: Pick<Statement, 'query' | 'values'>): Row[] {
    let statement = this.#statements.get(query)
    if (statement === undefined) {
      statement = this.#db.prepare(query)
      this.#statements.set(query, statement)
    }
    return statement.all(...values)
  }

  travel(ms = this.#chance.below(MAX_TRAVEL_MS)): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  async #batch(statements: readonly Statement[], mayGoOn: MayGoOn) {
    const fault = this.#chance.below(1_000) < HARMED[this.weather] ? this.#chance.pick(FAULTS) : null
    if (fault !== null) this.#counters.count(`history: ${fault}`)
    // The output gate: what was written before it is on disk by then, or the object is dead.
    await null
    if (!mayGoOn('before a batch')) return new Promise<never>(() => {})
    const [least, most] = SLOW_MS
    await this.travel(fault === 'is slow' ? least + this.#chance.below(most - least) : undefined)
    if (fault === 'is silent') await this.travel(SILENT_MS)
    if (fault === 'fails before') throw new Error('D1 is away, as ordered')
    const results = this.#commit(statements)
    await this.travel()
    if (!mayGoOn('after a batch')) return new Promise<never>(() => {})
    if (fault === 'fails after') throw new Error('D1 has done it and does not say so, as ordered')
    return results
  }

  #commit(statements: readonly Statement[]) {
    this.#db.exec('BEGIN')
    try {
      const results = statements.map((statement) => ({ success: true, results: this.rows(statement), meta: {} }))
      this.#db.exec('COMMIT')
      return results
    } catch (error) {
      this.#db.exec('ROLLBACK')
      throw error
    }
  }
}
