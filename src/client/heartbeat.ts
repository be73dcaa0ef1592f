/**
 * Keeps a hold alive while its review runs. Every time is an interval on our own steady clock: how long the hold still
 * lasts is the difference of two times of the server's, so that no clock need agree with another.
 */
import { pauseMs } from './backoff.ts'
import type { ReservationAnswer } from './contract.ts'
import { AssayError, isPassing } from './errors.ts'
import { type Controller, newController, type Runtime, type Signal } from './runtime.ts'

/** Two may be lost, and the third is still in time. */
const BEATS_PER_HOLD = 3
/** Reports may come with every token; this is often enough for what a crash leaves to be charged. */
const MIN_BETWEEN_MS = 1_000
const BACKOFF = { firstMs: 500, maxMs: 30_000 } as const

export interface HeartbeatEvents {
  beat(accrued: number | undefined, signal: Signal): Promise<ReservationAnswer>
  /** The hold has ended by another hand or by time, and no heartbeat brings it back. */
  gone(error: AssayError): void
  /** The API refused, for a reason that may yet pass. Told once. */
  refused(error: AssayError): void
}

export class Heartbeat {
  readonly #runtime: Runtime
  readonly #events: HeartbeatEvents
  readonly #stop = newController()
  #pause: Controller = newController()
  #sentAtMs: number
  #dueAtMs: number
  #intervalMs: number
  #accrued: number | undefined
  #failures = 0
  #complained = false

  /** `sentAtMs` is when the answered call was sent: the hold lasts from then on at least. */
  constructor(runtime: Runtime, held: ReservationAnswer, sentAtMs: number, events: HeartbeatEvents) {
    this.#runtime = runtime
    this.#events = events
    this.#sentAtMs = sentAtMs
    this.#intervalMs = intervalOf(held)
    this.#dueAtMs = sentAtMs + this.#intervalMs
  }

  start(): void {
    void this.#run()
  }

  /** Soon, and with all that was reported until then. */
  report(accrued: number): void {
    this.#accrued = Math.max(this.#accrued ?? 0, accrued)
    // One that failed has its own pause.
    if (this.#failures === 0) this.#dueAtMs = Math.min(this.#dueAtMs, this.#sentAtMs + MIN_BETWEEN_MS)
    this.#pause.abort()
  }

  stop(): void {
    this.#stop.abort()
    this.#pause.abort()
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#untilDue()
      if (this.#stop.signal.aborted) return
      this.#sentAtMs = this.#runtime.monotonicMs()
      try {
        this.#beaten(await this.#events.beat(this.#accrued, this.#stop.signal))
      } catch (error) {
        if (this.#stop.signal.aborted) return
        if (error instanceof AssayError && isGone(error)) {
          this.#events.gone(error)
          return
        }
        this.#missed(error)
      }
    }
  }

  async #untilDue(): Promise<void> {
    for (;;) {
      const left = this.#dueAtMs - this.#runtime.monotonicMs()
      if (left <= 0 || this.#stop.signal.aborted) return
      this.#pause = newController()
      // In the background: it is the work that keeps a process alive, not the heart.
      await this.#runtime.sleep(left, this.#pause.signal, true)
    }
  }

  #beaten(held: ReservationAnswer): void {
    this.#failures = 0
    this.#intervalMs = intervalOf(held)
    const isNews = this.#accrued !== undefined && this.#accrued > held.reservation.accrued
    this.#dueAtMs = this.#sentAtMs + (isNews ? MIN_BETWEEN_MS : this.#intervalMs)
  }

  /** The work goes on: even if the hold should expire meanwhile, its settlement is taken for days. */
  #missed(error: unknown): void {
    this.#failures += 1
    if (error instanceof AssayError && !isPassing(error) && !this.#complained) {
      this.#complained = true
      this.#events.refused(error)
    }
    const retryAfterMs = isPassing(error) ? error.retryAfterMs : null
    const pause = pauseMs(BACKOFF, this.#failures, retryAfterMs, this.#runtime.random)
    this.#dueAtMs = this.#runtime.monotonicMs() + pause
  }
}

/** Both times are the server's. Towards its last hour a hold cannot be extended any more; that is no reason to hurry. */
function intervalOf({ reservation, balance }: ReservationAnswer): number {
  const leftMs = Date.parse(reservation.expires_at) - Date.parse(balance.as_of)
  return Math.max(MIN_BETWEEN_MS, leftMs / BEATS_PER_HOLD)
}

function isGone({ code }: AssayError): boolean {
  switch (code) {
    case 'reservation_settled':
    case 'reservation_released':
    case 'reservation_expired':
    case 'not_found':
      return true
    default:
      return false
  }
}
