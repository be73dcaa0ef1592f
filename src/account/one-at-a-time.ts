/**
 * Work that reads elsewhere and then writes here, one at a time for each key: else an older reading could be written after
 * a newer one.
 */

export class OneAtATime<T> {
  readonly #running = new Map<string, Promise<unknown>>()
  readonly #waiting = new Map<string, Promise<T>>()

  /** Whoever comes while one is waiting to begin joins it: it reads after they came. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const joined = this.#waiting.get(key)
    if (joined !== undefined) return joined
    const before = this.#running.get(key)
    if (before === undefined) return this.#begin(key, work)
    const next = before.then(() => {
      this.#waiting.delete(key)
      return this.#begin(key, work)
    })
    this.#waiting.set(key, next)
    return next
  }

  /** Until what is under way for this key has ended, however. */
  async ended(key: string): Promise<void> {
    await this.#running.get(key)
  }

  #begin(key: string, work: () => Promise<T>): Promise<T> {
    const result = work()
    const ended = result
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        if (this.#running.get(key) === ended) this.#running.delete(key)
      })
    this.#running.set(key, ended)
    return result
  }
}
