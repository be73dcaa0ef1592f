/** How many rows of D1 something reads, whoever asks for them: the tests and the Worker share one binding. */
import { env } from 'cloudflare:workers'
import { vi } from 'vitest'

/** D1's own count, which is what it is paid by. */
export async function rowsReadBy(work: () => Promise<unknown>): Promise<number> {
  const db = env.HISTORY
  const prepare = db.prepare.bind(db)
  const batch = db.batch.bind(db)
  let rows = 0
  const counted = new WeakMap<object, D1PreparedStatement>()
  const wrap = (inner: D1PreparedStatement): D1PreparedStatement => {
    const all = async () => {
      const answer = await inner.all<Record<string, unknown>>()
      rows += answer.meta.rows_read
      return answer
    }
    const outer = {
      bind: (...values: unknown[]) => wrap(inner.bind(...values)),
      all,
      run: all,
      raw: async () => (await all()).results.map(Object.values),
      first: async () => (await all()).results[0] ?? null,
    } as unknown as D1PreparedStatement
    counted.set(outer, inner)
    return outer
  }
  const prepared = vi.spyOn(db, 'prepare').mockImplementation((text) => wrap(prepare(text)))
  const batched = vi.spyOn(db, 'batch').mockImplementation(async <T>(statements: D1PreparedStatement[]) => {
    const answers = await batch<T>(statements.map((each) => counted.get(each) ?? each))
    for (const { meta } of answers) rows += meta.rows_read
    return answers
  })
  try {
    await work()
  } finally {
    prepared.mockRestore()
    batched.mockRestore()
  }
  return rows
}
