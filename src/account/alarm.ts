/**
 * The object's one alarm. Invariant I8: whenever something will be due, the alarm is armed at or before it. Arming is a
 * write, so it happens only where the alarm has to come sooner than it already will.
 */
import type { EpochMs } from '../ledger/amounts.ts'

/** An alarm that should have come this long ago did not come (seen in production): it is armed again. */
const OVERDUE_MS = 60_000

/** The runtime refuses alarms before 1970; what should have been done long ago is done now. */
const EARLIEST_ALARM: EpochMs = 1

/** The runtime refuses alarms after about the year 2189; one that comes early does no harm. */
const LATEST_ALARM: EpochMs = Date.UTC(2189, 0, 1)

export class Alarm {
  readonly #storage: DurableObjectStorage
  #armedAt: EpochMs | null = null

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  /** Reads what an earlier life of the object has armed. */
  async load(): Promise<void> {
    this.#armedAt = await this.#storage.getAlarm()
  }

  /**
   * Arms for `at` unless the alarm comes before; `Infinity` is never. Inside a transaction it is undone with that: call
   * `forget` then.
   */
  atOrBefore(at: EpochMs): void {
    if (at === Number.POSITIVE_INFINITY || (this.#armedAt !== null && this.#armedAt <= at)) return
    this.#set(at)
  }

  /** Any request brings back an alarm that did not come. */
  rearmIfOverdue(now: EpochMs): void {
    if (this.#armedAt !== null && this.#armedAt <= now - OVERDUE_MS) this.#set(now)
  }

  /** The alarm has come, or what was armed may have been undone. */
  forget(): void {
    this.#armedAt = null
  }

  #set(at: EpochMs): void {
    const settable = Math.max(EARLIEST_ALARM, Math.min(at, LATEST_ALARM))
    this.#armedAt = settable
    // Not awaited: the output gate holds the answer until it is on disk.
    void this.#storage.setAlarm(settable)
  }
}
