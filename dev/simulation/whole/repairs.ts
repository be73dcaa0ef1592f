/** The scheduled repair of payments, which runs for as long as there is money: it lists what Stripe has to tell. */
import type { VirtualTime } from '../virtual-time.ts'
import { Call } from './call.ts'
import type { D1 } from './d1.ts'
import type { Door } from './door.ts'
import type { Count } from './sometimes.ts'
import { repair } from './worker-parts.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** In production it runs every five minutes, and looks at six hours at the most; here, again until it has come up. */
const EVERY_MS = 5 * HOUR_MS
const RUNS_AT_ONCE = 3

export interface RepairParts {
  readonly time: VirtualTime
  readonly d1: D1
  readonly door: Door
  readonly counters: Count
}

export class Repairs {
  /** Whether anybody buys anything, so that there is anything to repair. */
  hasStarted = false
  isRunning = false
  nextAt = Number.POSITIVE_INFINITY
  readonly #parts: RepairParts

  constructor(parts: RepairParts) {
    this.#parts = parts
  }

  start(): void {
    this.hasStarted = true
    this.#plan()
  }

  /** Whether no event is older than what was looked through. */
  get isDone(): boolean {
    return !this.hasStarted || this.#isListedUpTo(this.#parts.time.nowMs - EVERY_MS - HOUR_MS)
  }

  async run(): Promise<void> {
    const { time, door, counters } = this.#parts
    this.isRunning = true
    this.#plan()
    for (let run = 0; run < RUNS_AT_ONCE; run += 1) {
      await repair(door.envFor(new Call('repair', door.isCalm)))
      if (this.#isListedUpTo(time.nowMs - MINUTE_MS)) break
    }
    counters.count('post: the scheduled repair ran')
    this.isRunning = false
  }

  #plan(): void {
    this.nextAt = this.#parts.time.nowMs + EVERY_MS
  }

  #isListedUpTo(at: number): boolean {
    return Number(this.#parts.d1.read('SELECT listed_to FROM repairs')[0]?.['listed_to'] ?? 0) * 1_000 > at
  }
}
