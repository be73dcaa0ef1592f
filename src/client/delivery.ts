/**
 * Delivers settlements, each until the API has answered it: there is no last try. The API takes a settlement for 7 days
 * after its hold has expired and then refuses it, so its own no is the only end.
 */
import { pauseMs } from './backoff.ts'
import { type Connection, idInPath, RESERVATION_ANSWER, TRY_WITHIN_MS } from './connection.ts'
import type { ReservationAnswer } from './contract.ts'
import { AssayError, isPassing } from './errors.ts'
import { type Journal, nameOf, type Settlement } from './journal.ts'
import { linkedController, newController, type Runtime, type Signal } from './runtime.ts'
import type { OnTrouble } from './trouble.ts'

/** Forever, but ever more seldom, so that an API that comes back is not met by a crowd. */
const BACKOFF = { firstMs: 200, maxMs: 60_000 } as const
/** After an outage thousands may wait; the API shall have other callers too. */
const MAX_AT_ONCE = 8
/** A journal that does not answer is one that fails. */
const JOURNAL_WITHIN_MS = 10_000
/** The failure after which it is worth a word: about 6 s. */
const DELAYED_AFTER = 6

export type Delivered =
  | ({ readonly state: 'settled' } & ReservationAnswer)
  /** Not yet. */
  | { readonly state: 'pending' }
  /** Refused; if for want of a valid key, it stays in the journal. */
  | { readonly state: 'undeliverable'; readonly error: AssayError }

export class Deliveries {
  readonly #connection: Connection
  readonly #runtime: Runtime
  readonly #journal: Journal | undefined
  readonly #onTrouble: OnTrouble
  readonly #underWay = new Map<string, { readonly settlement: Settlement; readonly end: Promise<Delivered> }>()
  readonly #queue: (() => void)[] = []
  #busy = 0
  #stop = newController()

  constructor(connection: Connection, runtime: Runtime, journal: Journal | undefined, onTrouble: OnTrouble) {
    this.#connection = connection
    this.#runtime = runtime
    this.#journal = journal
    this.#onTrouble = onTrouble
  }

  /** Never rejects. `recorded`: the journal has it already. */
  deliver(settlement: Settlement, recorded: boolean): Promise<Delivered> {
    const name = nameOf(settlement)
    const before = this.#underWay.get(name)
    if (before !== undefined) return before.end
    const end = this.#deliver(settlement, recorded, this.#stop.signal).finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, { settlement, end })
    return end
  }

  isUnderWay(account: string, reservation: string): boolean {
    const all = [...this.#underWay.values()]
    return all.some(({ settlement }) => settlement.account === account && settlement.reservation === reservation)
  }

  async resume(): Promise<number> {
    const pending = (await this.#journal?.pending()) ?? []
    for (const settlement of pending) void this.deliver(settlement, true)
    return pending.length
  }

  /** Waits until nothing is under way, or the time is over: then it stops, and answers with what is left. */
  async drain(timeoutMs: number | undefined): Promise<readonly Settlement[]> {
    const waiting = newController()
    const stop = this.#stop
    if (timeoutMs !== undefined) {
      void this.#runtime.sleep(timeoutMs, waiting.signal).then(() => {
        if (waiting.signal.aborted) return
        this.#stop = newController()
        stop.abort()
      })
    }
    const left: Settlement[] = []
    // What begins meanwhile is waited for too.
    while (this.#underWay.size > 0 && !stop.signal.aborted) {
      const all = [...this.#underWay.values()]
      const ends = await Promise.all(all.map(({ end }) => end))
      left.push(...all.filter((_, at) => ends[at]?.state === 'pending').map(({ settlement }) => settlement))
    }
    waiting.abort()
    return left
  }

  async #deliver(settlement: Settlement, recorded: boolean, stop: Signal): Promise<Delivered> {
    let isRecorded = recorded
    for (let failures = 1; ; failures += 1) {
      // Before the first try: from here on a crash loses nothing. A journal that failed is told again before the next.
      if (!isRecorded) isRecorded = await this.#tell(settlement, stop, (journal) => journal.record(settlement))
      const delivered = await this.#try(settlement, failures, stop)
      if (delivered.state === 'settled') await this.#tell(settlement, stop, (journal) => journal.done(settlement))
      if (delivered.state !== 'passing') return delivered
      await this.#runtime.sleep(delivered.pauseMs, stop)
      if (stop.aborted) return { state: 'pending' }
    }
  }

  async #try(
    settlement: Settlement,
    failures: number,
    stop: Signal,
  ): Promise<Delivered | { readonly state: 'passing'; readonly pauseMs: number }> {
    const { account, reservation, cost } = settlement
    await this.#enter()
    try {
      const path = `/v1/accounts/${idInPath(account)}/reservations/${idInPath(reservation)}/settle`
      const call = { method: 'POST', path, body: cost, answers: RESERVATION_ANSWER } as const
      return { state: 'settled', ...(await this.#connection.once<ReservationAnswer>(call, TRY_WITHIN_MS, stop)).body }
    } catch (error) {
      if (stop.aborted) return { state: 'pending' }
      if (error instanceof AssayError && !isPassing(error)) return await this.#refused(settlement, error, stop)
      // Whatever else stands between us and the API is not the API's no.
      if (failures === DELAYED_AFTER || error instanceof TypeError)
        this.#onTrouble({ kind: 'delayed', account, reservation, error })
      // A journal's ids that are no ids: to try them again would not help.
      if (error instanceof TypeError) return { state: 'pending' }
      const retryAfterMs = isPassing(error) ? error.retryAfterMs : null
      return { state: 'passing', pauseMs: pauseMs(BACKOFF, failures, retryAfterMs, this.#runtime.random) }
    } finally {
      this.#leave()
    }
  }

  async #refused(settlement: Settlement, error: AssayError, stop: Signal): Promise<Delivered> {
    const { account, reservation } = settlement
    // The key, not the settlement, is refused: the next start may have a valid one, so the journal keeps it as it is.
    const forWantOfKey = error.status === 401 || error.status === 403
    if (!forWantOfKey) await this.#tell(settlement, stop, (journal) => journal.undeliverable(settlement, error.problem))
    this.#onTrouble({ kind: forWantOfKey ? 'refused' : 'undeliverable', account, reservation, error })
    return { state: 'undeliverable', error }
  }

  /**
   * Whether the journal has taken it. One that fails, or hangs, must not lose a settlement that can be delivered, nor
   * hold up who stops.
   */
  async #tell(
    settlement: Settlement,
    stop: Signal,
    tell: (journal: Journal) => Promise<void> | void,
  ): Promise<boolean> {
    if (this.#journal === undefined) return true
    const { account, reservation } = settlement
    const journal = this.#journal
    let isOver = false
    const waiting = linkedController(stop)
    const tooSlow = this.#runtime.sleep(JOURNAL_WITHIN_MS, waiting.signal).then(() => {
      if (!isOver) throw new Error(`the journal did not answer within ${JOURNAL_WITHIN_MS} ms, or until it was stopped`)
    })
    try {
      await Promise.race([(async () => tell(journal))(), tooSlow])
      return true
    } catch (error) {
      this.#onTrouble({ kind: 'journal', account, reservation, error })
      return false
    } finally {
      isOver = true
      waiting.abort()
      waiting.unlink()
    }
  }

  async #enter(): Promise<void> {
    if (this.#busy < MAX_AT_ONCE) this.#busy += 1
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
  }

  /** Who waits takes the place as it is. */
  #leave(): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#busy -= 1
    else next()
  }
}
