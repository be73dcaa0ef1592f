/** How far the demo is, on stderr: a bar that stays in its line on a terminal, a plain line now and then elsewhere. */

const BAR_WIDTH = 24
const FALLBACK_WIDTH = 80
const BETWEEN_DRAWINGS_MS = 80
const BETWEEN_LINES_MS = 5_000

export class Progress {
  readonly #all: number
  readonly #isTerminal = process.stderr.isTTY === true
  #done = 0
  #charged = 0
  #shownAt = 0
  #shown = ''

  constructor(all: number) {
    this.#all = all
  }

  reviewed(charged: number): void {
    this.#done += 1
    this.#charged += charged
    const { done, all } = { done: this.#done, all: this.#all }
    const filled = Math.round((BAR_WIDTH * done) / all)
    const bar = this.#isTerminal ? `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}  ` : ''
    const credits = Math.round(this.#charged).toLocaleString('en')
    this.#show(`${bar}${done} of ${all} reviews, ${credits} credits charged`, done === all)
  }

  /** What is waited for, once nothing else is to be done. */
  note(what: string): void {
    this.#show(what, false)
  }

  /** Leaves no trace on a terminal. */
  end(): void {
    if (this.#isTerminal) process.stderr.write('\r\x1b[K')
  }

  #show(text: string, isLast: boolean): void {
    const now = performance.now()
    const pause = this.#isTerminal ? BETWEEN_DRAWINGS_MS : BETWEEN_LINES_MS
    if ((!isLast && now - this.#shownAt < pause) || text === this.#shown) return
    this.#shownAt = now
    this.#shown = text
    // Cut, because a line that wraps cannot be drawn over.
    if (this.#isTerminal)
      process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || FALLBACK_WIDTH) - 1)}`)
    else console.error(text)
  }
}
