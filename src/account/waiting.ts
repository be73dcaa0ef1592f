/**
 * Reservations that wait for credits (`wait_seconds`). They are tried in order of arrival whenever credits became free,
 * and the first that does not fit stops the round: so a large one is not starved by small ones behind it. They wait in
 * memory only; whoever hangs up finds the hold by its id, or not.
 */
import { firstDifference } from '../ledger/reservation.ts'
import type { Answer, Caller, LedgerAnswer, ReserveRequest } from './requests.ts'

/** Each waiter holds a request open; more than this and new ones are better off asking again later. */
const MAX_WAITERS = 100

type Try = (caller: Caller, request: ReserveRequest) => Answer<LedgerAnswer>

interface Waiter {
  readonly caller: Caller
  readonly request: ReserveRequest
  readonly answers: ((answer: Answer<LedgerAnswer>) => void)[]
  readonly timer: ReturnType<typeof setTimeout>
}

export class Waiting {
  readonly #tryNow: Try
  #waiters: Waiter[] = []
  #inRound = false

  /** `tryNow` decides a reservation at once. */
  constructor(tryNow: Try) {
    this.#tryNow = tryNow
  }

  /** Waits until the reservation fits, `waitMs` at the longest; the last refusal is then the answer. */
  join(caller: Caller, request: ReserveRequest, waitMs: number): Promise<Answer<LedgerAnswer>> {
    // Once more, because credits may have come since it was refused, and their round is over.
    const now = this.#tryNow(caller, request)
    if (!isShort(now)) return Promise.resolve(now)
    const twin = this.#waiters.find((waiter) => waiter.request.id === request.id)
    if (twin !== undefined) return joinTwin(twin, request)
    if (this.#waiters.length >= MAX_WAITERS) {
      return Promise.resolve({ ok: false, refusal: { code: 'overloaded', retryAfterSeconds: 1 } })
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(waiter), waitMs)
      const waiter: Waiter = { caller, request, answers: [resolve], timer }
      this.#waiters.push(waiter)
    })
  }

  /** Credits became free. */
  round(): void {
    // A try may itself free credits (one that supersedes another); the round under way goes on then.
    if (this.#inRound) return
    this.#inRound = true
    try {
      for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
        const answer = this.#tryNow(first.caller, first.request)
        if (isShort(answer)) return
        this.#finish(first, answer)
      }
    } finally {
      this.#inRound = false
    }
  }

  #giveUp(waiter: Waiter): void {
    this.#finish(waiter, this.#tryNow(waiter.caller, waiter.request))
    // It may have been the large one that stopped the others.
    this.round()
  }

  #finish(waiter: Waiter, answer: Answer<LedgerAnswer>): void {
    clearTimeout(waiter.timer)
    this.#waiters = this.#waiters.filter((each) => each !== waiter)
    for (const resolve of waiter.answers) resolve(answer)
  }
}

function joinTwin(twin: Waiter, request: ReserveRequest): Promise<Answer<LedgerAnswer>> {
  const field = firstDifference(twin.request.request, request.request)
  if (field !== null) return Promise.resolve({ ok: false, refusal: { code: 'conflict', field } })
  return new Promise((resolve) => twin.answers.push(resolve))
}

/** Whether credits are all that is missing. */
export function isShort(answer: Answer<LedgerAnswer>): boolean {
  return !answer.ok && answer.refusal.code === 'insufficient_credits'
}
