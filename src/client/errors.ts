/** How a call can fail. No message ever holds the key. */
import type { Problem, ProblemCode, Reservation } from './contract.ts'

/** The API answered no. `problem.code` says why, and narrows `problem` to the numbers that belong to it. */
export class AssayError extends Error {
  override readonly name = 'AssayError'
  readonly code: ProblemCode
  readonly status: number
  readonly problem: Problem
  /** What to name when asking the operator about it. */
  readonly requestId: string | null
  /** How long the API asks to be left alone, if it does. */
  readonly retryAfterMs: number | null

  constructor(problem: Problem, requestId: string | null, retryAfterMs: number | null) {
    super(`${problem.code}: ${problem.detail}`)
    this.code = problem.code
    this.status = problem.status
    this.problem = problem
    this.requestId = requestId
    this.retryAfterMs = retryAfterMs
  }
}

/** No answer of the API: not reached, cut off, too slow, or something else answered. What was asked may be done or not. */
export class AssayUnreachable extends Error {
  override readonly name = 'AssayUnreachable'
  /** Of what answered in the API's place, if something did. */
  readonly status: number | null
  readonly retryAfterMs: number | null

  constructor(reason: string, status: number | null = null, retryAfterMs: number | null = null) {
    super(reason)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * There is nothing to work on, and nothing was begun. `duplicate`: another id of the same `dedupe_key` was quicker.
 * `working`: this client is at it already. `settling`: the work was done, and its settlement is under way. `over`: it was
 * settled or released, or has expired.
 */
export class AssayNotHeld extends Error {
  override readonly name = 'AssayNotHeld'
  readonly why: 'duplicate' | 'working' | 'settling' | 'over'
  readonly reservation: Reservation

  constructor(why: AssayNotHeld['why'], reservation: Reservation) {
    super(`there is nothing to work on (${why}): ${reservation.id} is ${reservation.state}`)
    this.why = why
    this.reservation = reservation
  }
}

/** Whether the same call may be answered otherwise in a moment. A 4xx is the caller's own, whoever answered it. */
export function isPassing(error: unknown): error is AssayError | AssayUnreachable {
  if (error instanceof AssayError) return error.status === 429 || error.status >= 500
  return error instanceof AssayUnreachable && (error.status === null || error.status === 429 || error.status >= 500)
}
