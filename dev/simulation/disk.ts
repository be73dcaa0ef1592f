/**
 * The storage of one object, made of `node:sqlite`: it outlives kills, and each life of the object has its own view of it,
 * which works no more once that life has ended. As in the runtime, what is written without an await in between reaches the
 * disk together or not at all, and nothing leaves the object before; that commit is a place where it may be killed.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { ENTRY_KINDS } from '../../src/ledger/entry.ts'

export const LAST_WORDS = 'this life of the object has ended'

/** What a life that has ended gets from everything it touches. */
export class Dead extends Error {
  constructor() {
    super(LAST_WORDS)
  }
}

export interface Life {
  readonly isAlive: boolean
  /** Whether the object is killed before or after this commit. */
  readonly meets: (place: 'before a commit' | 'after a commit', what: string, kind: string) => boolean
  readonly committed: (turn: Committed) => void
}

/** A turn as it reached the disk: the kind of its first entry, or else the first table, and how many rows were written. */
export interface Committed {
  readonly kind: string
  /** Statements that write, but for those of jobs. */
  readonly writes: number
}

/** What is written and not yet committed. */
interface Turn {
  readonly life: Life
  readonly alarmBefore: number | null
  /** In a word, for naming the failpoint. */
  what: string
  kind: string
  writes: number
}

interface Prepared {
  readonly statement: StatementSync
  readonly writes: boolean
  readonly columns: readonly string[]
  /** Where `stage` stands among the values, in what writes a purchase; else -1. */
  readonly stageAt: number
  readonly table: string
}

export class Disk {
  readonly #db = new DatabaseSync(':memory:')
  readonly #statements = new Map<string, Prepared>()
  #depth = 0
  #turn: Turn | null = null
  alarmAt: number | null = null
  commits = 0

  close(): void {
    this.#db.close()
  }

  /** As the runtime hands it to an object. */
  storageOf(life: Life): DurableObjectStorage {
    const sql = { exec: (query: string, ...values: SQLInputValue[]) => this.#exec(life, query, values) }
    const storage = {
      sql,
      transactionSync: <T>(work: () => T) => this.#transaction(life, work),
      setAlarm: async (at: number) => {
        this.#begin(life)
        this.alarmAt = at
      },
      getAlarm: async () => this.alarmAt,
      sync: () => Promise.resolve(),
    }
    // Of the runtime's storage, an account uses these.
    return storage as unknown as DurableObjectStorage
  }

  /** Whether something is written that has not reached the disk yet. */
  get isInTurn(): boolean {
    return this.#turn !== null
  }

  /** For judges, who may look at any time. */
  read(query: string, ...values: SQLInputValue[]): Record<string, SqlValue>[] {
    return rowsOf(this.#prepared(query), values).toArray()
  }

  #exec(life: Life, query: string, values: SQLInputValue[]): Cursor {
    if (!life.isAlive) throw new Dead()
    // Only migrations are several statements at once; and only what is new is looked at for that.
    if (values.length === 0 && !this.#statements.has(query) && /;\s*\S/.test(query)) {
      this.#begin(life)
      this.#db.exec(query)
      return new Cursor([], [])
    }
    const prepared = this.#prepared(query)
    if (prepared.writes) {
      const turn = this.#begin(life)
      if (prepared.stageAt >= 0) turn.what = String(values[prepared.stageAt] ?? 'purchase')
      note(turn, prepared.table, values)
    }
    return rowsOf(prepared, values)
  }

  #prepared(query: string): Prepared {
    const known = this.#statements.get(query)
    if (known !== undefined) return known
    const statement = this.#db.prepare(query)
    statement.setReturnArrays(true)
    const writes = !/^\s*(?:SELECT|WITH)\b/i.test(query)
    const columns = statement.columns().map(({ name }) => name)
    const table = /^\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)/.exec(query)?.[1] ?? 'schema'
    const made = { statement, writes, columns, stageAt: stageIn(query), table }
    this.#statements.set(query, made)
    return made
  }

  /** Nested in the turn, and in each other, as savepoints; the alarm is undone with its transaction. */
  #transaction<T>(life: Life, work: () => T): T {
    this.#begin(life)
    const { alarmAt } = this
    const level = `level_${this.#depth}`
    this.#depth += 1
    this.#db.exec(`SAVEPOINT ${level}`)
    try {
      const result = work()
      this.#db.exec(`RELEASE ${level}`)
      return result
    } catch (error) {
      this.#db.exec(`ROLLBACK TO ${level}`)
      this.#db.exec(`RELEASE ${level}`)
      this.alarmAt = alarmAt
      throw error
    } finally {
      this.#depth -= 1
    }
  }

  /** The turn that a write belongs to. It ends before anything that waits for a promise goes on. */
  #begin(life: Life): Turn {
    if (!life.isAlive) throw new Dead()
    if (this.#turn !== null) return this.#turn
    this.#db.exec('BEGIN')
    this.#turn = { life, alarmBefore: this.alarmAt, what: 'other', kind: 'alarm', writes: 0 }
    queueMicrotask(() => this.#endTurn())
    return this.#turn
  }

  #endTurn(): void {
    const turn = this.#turn
    if (turn === null) return
    this.#turn = null
    const { life, what, kind, alarmBefore } = turn
    if (!life.isAlive || life.meets('before a commit', what, kind)) {
      this.#db.exec('ROLLBACK')
      this.alarmAt = alarmBefore
      return
    }
    this.#db.exec('COMMIT')
    this.commits += 1
    // What became of it, whoever looks on sees also where the object does not live to tell.
    life.committed(turn)
    life.meets('after a commit', what, kind)
  }
}

const KINDS: ReadonlySet<unknown> = new Set(ENTRY_KINDS)

/** What is learned is written in a turn that commands may share; none of them wrote it. */
const OF_JOBS: ReadonlySet<string> = new Set(['learning', 'calibrations'])

/** The first entry says what a turn is about, whatever was written before it. */
function note(turn: Turn, table: string, values: readonly SQLInputValue[]): void {
  if (!OF_JOBS.has(table)) turn.writes += 1
  if (KINDS.has(turn.kind)) return
  if (table === 'entries') turn.kind = String(values.find((value) => KINDS.has(value)))
  else if (turn.kind === 'alarm' || turn.kind === 'schema') turn.kind = table
}

function stageIn(query: string): number {
  const columns = /^INSERT INTO purchases \(([^)]*)\)/.exec(query)?.[1]
  return columns === undefined ? -1 : columns.split(', ').indexOf('stage')
}

function rowsOf({ statement, columns }: Prepared, values: SQLInputValue[]): Cursor {
  return new Cursor(columns, statement.all(...values) as unknown as SqlValue[][])
}

type SqlValue = string | number | null

/** As much of SqlStorageCursor as is used. */
class Cursor {
  readonly columnNames: readonly string[]
  readonly #lists: readonly SqlValue[][]

  constructor(columnNames: readonly string[], lists: readonly SqlValue[][]) {
    this.columnNames = columnNames
    this.#lists = lists
  }

  raw(): Iterator<SqlValue[]> & Iterable<SqlValue[]> {
    return this.#lists[Symbol.iterator]()
  }

  toArray(): Record<string, SqlValue>[] {
    return this.#lists.map((list) => {
      const row: Record<string, SqlValue> = {}
      for (const [at, column] of this.columnNames.entries()) row[column] = list[at] ?? null
      return row
    })
  }

  one(): Record<string, SqlValue> {
    const [row, ...more] = this.toArray()
    if (row === undefined || more.length > 0) throw new Error('Expected exactly one result from SQL query')
    return row
  }

  [Symbol.iterator]() {
    return this.toArray()[Symbol.iterator]()
  }
}
