/** The one clock of a simulation, and its timers: nothing waits for real, and time stands still while anybody works. */

interface Timer {
  readonly at: number
  readonly run: () => void
}

const inRealTime = setImmediate

export class VirtualTime {
  nowMs = 0
  /** How far the machine's clock is from the true time, by which timers and others' clocks go. */
  wallOffsetMs = 0
  readonly #timers = new Map<number, Timer>()
  #last = 0

  /** For good: `Date.now`, `setTimeout` and `clearTimeout` of this thread. */
  install(): void {
    Date.now = () => this.nowMs + this.wallOffsetMs
    const set = (run: () => void, delayMs = 0) => {
      this.#last += 1
      this.#timers.set(this.#last, { at: this.nowMs + Math.max(0, Math.floor(delayMs)), run })
      return this.#last
    }
    Object.assign(globalThis, { setTimeout: set, clearTimeout: (id: number) => this.#timers.delete(id) })
  }

  startAgain(nowMs: number): void {
    this.nowMs = nowMs
    this.wallOffsetMs = 0
    this.#timers.clear()
  }

  /** When the next timer is due; `Infinity` if there is none. */
  nextAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { at } of this.#timers.values()) if (at < next) next = at
    return next
  }

  /** The soonest timer, and of those the one that was set first. */
  fireNext(): void {
    const next = this.nextAt()
    for (const [id, timer] of this.#timers) {
      if (timer.at !== next) continue
      this.#timers.delete(id)
      timer.run()
      return
    }
  }

  /** Until all that goes on without time passing has gone on. */
  quiet(): Promise<void> {
    return new Promise((resolve) => inRealTime(resolve))
  }
}
