/** The double's clock: the machine's, put forward by as much as the control plane says. It never goes back. */
import type { Books } from './books.ts'

/** The longest that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1

export class Clock {
  readonly #books: Books
  readonly #base: () => number
  readonly #waiting = new Set<() => void>()

  constructor(books: Books, base: () => number = Date.now) {
    this.#books = books
    this.#base = base
  }

  nowMs(): number {
    return this.#base() + (this.#books.note('clock', 'clock')?.aheadMs ?? 0)
  }

  advance(byMs: number): void {
    const aheadMs = (this.#books.note('clock', 'clock')?.aheadMs ?? 0) + byMs
    this.#books.putNote('clock', 'clock', { aheadMs })
    for (const look of [...this.#waiting]) look()
  }

  /** Resolves once it is so late, be it that time has passed or that the clock was put forward. */
  async until(timeMs: number): Promise<void> {
    while (this.nowMs() < timeMs) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, Math.min(timeMs - this.nowMs(), MAX_TIMER_MS))
      this.#waiting.add(resolve)
      await promise
      clearTimeout(timer)
      this.#waiting.delete(resolve)
    }
  }
}
