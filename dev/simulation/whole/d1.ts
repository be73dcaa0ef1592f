/**
 * D1 for one seed after the other: SQLite with the real migrations, behind the few methods of the binding that the
 * Worker uses. It fails before and after its commit, is slow or silent, and is set back in time.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Random } from '../../../test/core/ledger/random.ts'
import type { Count } from './sometimes.ts'

const MIGRATIONS = new URL('../../../migrations/history/', import.meta.url)

/** Of 1,000 batches and of 1,000 reads so many come to harm. */
export type HistoryWeather = 'works' | 'trembles' | 'is away'
const HARMED: Readonly<Record<HistoryWeather, number>> = { works: 0, trembles: 300, 'is away': 1_000 }
const FAULTS_OF_READS = ['fails', 'is slow'] as const
const FAULTS = ['fails before', 'fails after', 'is slow', 'is silent'] as const

/** Shorter and longer than the 10 s that the outbox waits. */
const SLOW_MS = [200, 9_000] as const
const SILENT_MS = 30_000
const MAX_TRAVEL_MS = 20

/** Asked before a batch goes out and before its answer is heard: whether the object lives on. */
export type MayGoOn = (place: 'before a batch' | 'after a batch') => boolean

/** Whoever holds a binding. */
export interface Holder {
  readonly mayGoOn?: MayGoOn
  /** A read of theirs fails. */
  readonly readFailed?: () => void
}

/** What a read that fails is answered. */
export const UNREAD = 'D1 cannot be read, as ordered'

interface Row {
  readonly [column: string]: unknown
}

class Statement {
  readonly #d1: D1
  readonly #holder: Holder
  readonly query: string
  readonly values: readonly SQLInputValue[]

  constructor(d1: D1, holder: Holder, query: string, values: readonly SQLInputValue[] = []) {
    this.#d1 = d1
    this.#holder = holder
    this.query = query
    this.values = values
  }

  bind(...values: SQLInputValue[]): Statement {
    return new Statement(this.#d1, this.#holder, this.query, values)
  }

  async all() {
    return { success: true, results: await this.#rows(), meta: {} }
  }

  async raw(): Promise<unknown[][]> {
    return (await this.#rows()).map((row) => Object.values(row))
  }

  async first(): Promise<Row | null> {
    return (await this.#rows())[0] ?? null
  }

  run() {
    return this.all()
  }

  #rows(): Promise<Row[]> {
    return this.#d1.ask(this, this.#holder)
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
  database(holder: Holder): D1Database {
    const database = {
      prepare: (query: string) => new Statement(this, holder, query),
      batch: (statements: readonly Statement[]) => this.#batch(statements, holder.mayGoOn ?? (() => true)),
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

  /** A statement alone. What would write fails before it has. */
  async ask(statement: Statement, { readFailed }: Holder): Promise<Row[]> {
    const fault = this.#chance.below(1_000) < HARMED[this.weather] ? this.#chance.pick(FAULTS_OF_READS) : null
    if (fault !== null) this.#counters.count(`history: a read ${fault}`)
    await this.travel(fault === 'is slow' ? this.#slowMs() : undefined)
    if (fault !== 'fails') return this.rows(statement)
    readFailed?.()
    throw new Error(UNREAD)
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
    await this.travel(fault === 'is slow' ? this.#slowMs() : undefined)
    if (fault === 'is silent') await this.travel(SILENT_MS)
    if (fault === 'fails before') throw new Error('D1 is away, as ordered')
    const results = this.#commit(statements)
    await this.travel()
    if (!mayGoOn('after a batch')) return new Promise<never>(() => {})
    if (fault === 'fails after') throw new Error('D1 has done it and does not say so, as ordered')
    return results
  }

  #slowMs(): number {
    const [least, most] = SLOW_MS
    return least + this.#chance.below(most - least)
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
