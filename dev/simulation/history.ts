/** D1 as an account's outbox sees it: takes entries in order, says how far it has come, and fails as it is told. */

interface Statement {
  readonly query: string
  readonly values: readonly unknown[]
}

export class History {
  /** Whether the next batch fails, and whether it was carried out then. */
  next: 'works' | 'fails before' | 'fails after' = 'works'
  #watermark = 0

  get watermark(): number {
    return this.#watermark
  }

  /** As the binding that an account is given. */
  database(): D1Database {
    const database = {
      prepare: (query: string) => ({ bind: (...values: unknown[]): Statement => ({ query, values }) }),
      batch: async (statements: readonly Statement[]) => this.#batch(statements),
    }
    // Of D1, an account uses these.
    return database as unknown as D1Database
  }

  #batch(statements: readonly Statement[]) {
    const { next } = this
    this.next = 'works'
    if (next === 'fails before') throw new Error('D1 is away, as ordered')
    for (const { query, values } of statements) if (query.includes('INTO entries')) this.#take(values)
    if (next === 'fails after') throw new Error('D1 has done it and does not say so, as ordered')
    return statements.map(() => ({ results: [{ watermark: this.#watermark }] }))
  }

  /** Without a gap, and what is there already stays. */
  #take([json, , first]: readonly unknown[]): void {
    const entries = JSON.parse(String(json)) as readonly { readonly seq: number }[]
    if (Number(first) > this.#watermark + 1) return
    this.#watermark = Math.max(this.#watermark, entries.at(-1)?.seq ?? 0)
  }
}
