/**
 * The way of entries to D1. The entries themselves are the outbox: what history lacks is what comes after its
 * watermark, which is taken from D1's own answer. A failure is retried with growing pauses of its own, and no command
 * ever waits for it.
 */
import { type AccountLine, sendHistory } from '../history/write.ts'
import type { EpochMs } from '../ledger/amounts.ts'
import type { Entry } from '../ledger/entry.ts'
import { letOthersIn } from './let-others-in.ts'
import { integer, optionalInteger, type Row } from './rows.ts'
import type { Store } from './store.ts'

/** D1 takes 2 MB in one parameter; an entry may carry 9 kB of metadata. */
const MAX_BATCH_BYTES = 512 * 1024
const MAX_BATCH_ENTRIES = 500
/** An alarm that is under way keeps the next from coming, and expiries with it: it begins no batch after this. */
const DRAIN_MS = 5_000
/** A D1 that says nothing for so long is treated as one that failed; what it may have done is sent again, harmlessly. */
const BATCH_MS = 10_000

const FIRST_PAUSE_MS = 1_000
export const LONGEST_PAUSE_MS = 60_000

interface Progress {
  readonly drainedTo: number
  readonly described: boolean
  readonly failures: number
  readonly retryAt: EpochMs
  readonly differsAt: number | null
}

export class Outbox {
  readonly #sql: SqlStorage
  readonly #store: Store
  #progress: Progress
  /** Counts what makes an answer that is still on its way out of date. */
  #generation = 0

  constructor(sql: SqlStorage, store: Store) {
    this.#sql = sql
    this.#store = store
    this.#progress = this.#read()
  }

  /** After a write that failed: what stands in the database is what holds. */
  reload(): void {
    this.#progress = this.#read()
  }

  #read(): Progress {
    const row = this.#sql.exec<Row>('SELECT drained_to, described, failures, retry_at, differs_at FROM outbox').one()
    return {
      drainedTo: integer(row, 'drained_to'),
      described: integer(row, 'described') === 1,
      failures: integer(row, 'failures'),
      retryAt: integer(row, 'retry_at'),
      differsAt: optionalInteger(row, 'differs_at'),
    }
  }

  /** The last entry that D1 is known to have. */
  get drainedTo(): number {
    return this.#progress.drainedTo
  }

  /** Whether D1 is known to have the account's line as it was last described. */
  get described(): boolean {
    return this.#progress.described
  }

  /** The first entry that D1 has otherwise, or beyond our last; `null` as long as it has a beginning of ours. */
  get differsAt(): number | null {
    return this.#progress.differsAt
  }

  /** When there is something to send, up to the account's last entry; `null` if D1 has it all. */
  wakeAt(lastSeq: number): EpochMs | null {
    const { drainedTo, described, retryAt, differsAt } = this.#progress
    return drainedTo >= lastSeq && described && differsAt === null ? null : retryAt
  }

  /** The account's line in the directory has changed. */
  describeAgain(): void {
    this.#generation += 1
    this.#save({ ...this.#progress, described: false })
  }

  /** Sends everything once more; what D1 has stays as it is. */
  startAgain(): void {
    this.#generation += 1
    this.#save({ ...this.#progress, drainedTo: 0, described: false, failures: 0, retryAt: 0 })
  }

  /** Sends what D1 lacks, until it has all, fails or has taken long enough. `account` is asked anew for each batch. */
  async drain(db: D1Database, account: () => AccountLine): Promise<void> {
    const until = Date.now() + DRAIN_MS
    while (Date.now() < until) {
      const { drainedTo, described, differsAt: differed } = this.#progress
      const generation = this.#generation
      try {
        const batch = this.#nextBatch(drainedTo)
        if (batch.length === 0 && described && differed === null) return
        const { watermark, differsAt } = await withinTime(sendHistory(db, account(), batch, !described))
        // What was asked for meanwhile starts over; sending twice does no harm.
        if (generation !== this.#generation) continue
        const differs = differsAt ?? this.#firstUnknown(watermark)
        if (differs !== null) return this.#differ(differs, account().id)
        const sentTo = Math.min(watermark, batch.at(-1)?.seq ?? drainedTo)
        if (batch.length > 0 && sentTo === drainedTo) throw new Error(`D1 stays at entry ${watermark}`)
        // Sending everything once more begins with the past that both share: until D1 agrees up to where it differed, the
        // account stays as it is, or it would take commands and charge in between.
        const stillDiffers = differed !== null && sentTo < Math.min(differed, this.#store.lastSeq()) ? differed : null
        // A D1 that was set back in time answers with less than it had: then the next batch starts there.
        this.#save({ drainedTo: sentTo, described: true, failures: 0, retryAt: 0, differsAt: stillDiffers })
        await letOthersIn()
      } catch (error) {
        this.#fail(error, account().id)
        return
      }
    }
  }

  #nextBatch(after: number): Entry[] {
    const batch: Entry[] = []
    let bytes = 0
    for (const entry of this.#store.entriesAfter(after, MAX_BATCH_ENTRIES)) {
      bytes += JSON.stringify(entry).length
      if (batch.length > 0 && bytes > MAX_BATCH_BYTES) break
      batch.push(entry)
    }
    return batch
  }

  /** The first entry that D1 has and we do not, if there is one: only our own entries ever went there. */
  #firstUnknown(watermark: number): number | null {
    if (watermark === 0 || this.#store.entriesAfter(watermark - 1, 1).length > 0) return null
    return 1 + this.#store.lastSeq()
  }

  #differ(differsAt: number, account: string): void {
    this.#save({ ...this.#progress, ...this.#paused(), differsAt })
    console.error({
      message: 'history has another past, so the account was set back: it writes no more',
      account,
      differsAt,
    })
  }

  #fail(error: unknown, account: string): void {
    const paused = this.#paused()
    this.#save({ ...this.#progress, ...paused })
    console.warn({ message: 'history is behind', account, failures: paused.failures, error: String(error) })
  }

  #paused(): { failures: number; retryAt: EpochMs } {
    const failures = this.#progress.failures + 1
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10))
    // Jitter, because thousands of objects fail at the same moment and must not come back at the same moment.
    return { failures, retryAt: Date.now() + Math.round(pause * (0.5 + Math.random() / 2)) }
  }

  #save(progress: Progress): void {
    this.#sql.exec(
      'UPDATE outbox SET drained_to = ?, described = ?, failures = ?, retry_at = ?, differs_at = ?',
      progress.drainedTo,
      Number(progress.described),
      progress.failures,
      progress.retryAt,
      progress.differsAt,
    )
    this.#progress = progress
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`D1 said nothing for ${BATCH_MS} ms`)), BATCH_MS)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    if (timer !== null) clearTimeout(timer)
  }
}
