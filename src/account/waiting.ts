/**
 * Reservations that wait for credits (`wait_seconds`). They are tried in order of arrival whenever credits became free,
 * and the first that does not fit stops the round: so a large one is not starved by small ones behind it. They wait in
 * memory only; whoever hangs up finds the hold by its id, or not.
 */
import { firstDifference } from '../ledger/reservation.ts'
import { type Answer, type Caller, type LedgerAnswer, type ReserveRequest, refused } from './requests.ts'

type Waited = Answer<LedgerAnswer>

/** Decides a reservation at once, for one caller. */
type Try = (caller: Caller, request: ReserveRequest) => Waited

/** Each holds a request open, whether it waits for an id alone or with others; more are better off asking again later. */
const MAX_WAITING = 100

/** One open request. Several may wait for one id, each in its own name and for its own time. */
interface Waiter {
  readonly caller: Caller
  readonly request: ReserveRequest
  readonly answer: (answer: Waited) => void
  timer: ReturnType<typeof setTimeout> | null
}

export class Waiting {
  readonly #tryNow: Try
  readonly #inTurn: (act: () => void) => void
  /** In order of arrival. */
  #waiters: Waiter[] = []
  #inRound = false

  /** `inTurn` runs what a timer does as a turn of the object, like what a request does. */
  constructor(tryNow: Try, inTurn: (act: () => void) => void) {
    this.#tryNow = tryNow
    this.#inTurn = inTurn
  }

  /** Waits until the reservation fits, `waitMs` at the longest; the last refusal is then the answer. In a turn. */
  join(caller: Caller, request: ReserveRequest, waitMs: number): Promise<Waited> {
    const first = this.#waiters.find((waiter) => waiter.request.id === request.id)
    const field = first === undefined ? null : firstDifference(first.request.request, request.request)
    if (field !== null) return Promise.resolve(refused({ code: 'conflict', field }))
    if (this.#waiters.length >= MAX_WAITING) {
      return Promise.resolve(refused({ code: 'overloaded', retryAfterSeconds: 1 }))
    }
    return new Promise((answer) => {
      const waiter: Waiter = { caller, request, answer, timer: null }
      waiter.timer = setTimeout(() => this.#inTurn(() => this.#giveUp(waiter)), waitMs)
      this.#waiters.push(waiter)
    })
  }

  /** Credits became free: each is tried in its own name, and one that is served serves all that wait for its id. */
  round(): void {
    // A try may itself free credits (one that supersedes another); the round under way goes on then.
    if (this.#inRound) return
    this.#inRound = true
    try {
      // Ends: every step takes the first waiter away, or stops.
      for (let first = this.#waiters.shift(); first !== undefined; first = this.#waiters.shift()) {
        const answer = this.#try(first)
        if (isShort(answer)) {
          this.#waiters.unshift(first)
          return
        }
        finish(first, answer)
      }
    } finally {
      this.#inRound = false
    }
  }

  /**
   * A reservation was made or found under this id: whoever waits for it hears of it, as a replay. If it was made just
   * now, under a dedupe key, it is also the answer for whoever waits with that key under another id.
   */
  made(id: string, dedupeKey: string | null): void {
    if (this.#waiters.length === 0) return
    const isSame = ({ request }: Waiter) => request.id === id || (dedupeKey !== null && request.dedupeKey === dedupeKey)
    const same = this.#waiters.filter(isSame)
    this.#waiters = this.#waiters.filter((waiter) => !isSame(waiter))
    for (const waiter of same) finish(waiter, this.#try(waiter))
  }

  #giveUp(waiter: Waiter): void {
    if (!this.#waiters.includes(waiter)) return
    this.#waiters = this.#waiters.filter((each) => each !== waiter)
    finish(waiter, this.#try(waiter))
    // It may have been the large one that stopped the others.
    this.round()
  }

  /** A bug must not leave a request without an answer, nor stop those behind it. */
  #try(waiter: Waiter): Waited {
    try {
      return this.#tryNow(waiter.caller, waiter.request)
    } catch (error) {
      console.error({ message: 'waiting reservation failed', id: waiter.request.id, error: String(error) })
      return refused({ code: 'overloaded', retryAfterSeconds: 1 })
    }
  }
}

function finish(waiter: Waiter, answer: Waited): void {
  if (waiter.timer !== null) clearTimeout(waiter.timer)
  waiter.answer(answer)
}

/** Whether credits are all that is missing. */
export function isShort(answer: Waited): boolean {
  return !answer.ok && answer.refusal.code === 'insufficient_credits'
}
