/** What a runner asks of one account: a method for each route, and `withReservation` for the whole of a review. */
import { type Call, type CallOptions, type Connection, idInPath, RESERVATION_ANSWER } from './connection.ts'
import type {
  Balance,
  BatchAnswer,
  BatchCommand,
  ByokKey,
  Estimate,
  ExtendBody,
  Quote,
  ReleaseBody,
  Reservation,
  ReservationAnswer,
  ReserveBody,
  ReviewFacts,
  SettleBody,
} from './contract.ts'
import type { Cost } from './cost.ts'
import { type Review, type Reviewed, type ReviewOptions, runReview, type Surroundings } from './review.ts'

const ACCOUNT_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** `replayed`: it had been done before, and this is the reservation as it now is. */
export type Written = ReservationAnswer & { readonly replayed: boolean }

export class Account {
  readonly id: string
  readonly #connection: Connection
  readonly #surroundings: Surroundings

  constructor(id: string, connection: Connection, surroundings: Omit<Surroundings, 'account'>) {
    if (!ACCOUNT_ID.test(id)) throw new TypeError('an account is 1 to 64 of a-z, 0-9, _ and -')
    this.id = id
    this.#connection = connection
    this.#surroundings = { ...surroundings, account: this }
  }

  /** Follows the account's own history. */
  estimate(facts: ReviewFacts, options?: CallOptions): Promise<Estimate> {
    return this.#ask({ method: 'POST', path: '/estimates', body: facts, answers: ['reserve'] }, options)
  }

  quote(facts: ReviewFacts, options?: CallOptions): Promise<Quote> {
    return this.#ask({ method: 'POST', path: '/quotes', body: facts, answers: ['id', 'max_credits'] }, options)
  }

  /** The id is yours: the same again, at any time, holds nothing more. */
  reserve(id: string, body: ReserveBody, options?: CallOptions): Promise<Written> {
    const waitMs = (body.wait_seconds ?? 0) * 1000
    return this.#write({ method: 'PUT', path: `/reservations/${idInPath(id)}`, body, waitMs }, options)
  }

  /** Once, within the call's time; what `withReservation` settles is tried until it is answered, and in the journal. */
  settle(id: string, body: SettleBody, options?: CallOptions): Promise<Written> {
    return this.#write({ method: 'POST', path: `/reservations/${idInPath(id)}/settle`, body }, options)
  }

  release(id: string, body: ReleaseBody = {}, options?: CallOptions): Promise<Written> {
    return this.#write({ method: 'POST', path: `/reservations/${idInPath(id)}/release`, body }, options)
  }

  extend(id: string, body: ExtendBody = {}, options?: CallOptions): Promise<Written> {
    return this.#write({ method: 'POST', path: `/reservations/${idInPath(id)}/extend`, body }, options)
  }

  getReservation(id: string, options?: CallOptions): Promise<Reservation> {
    return this.#ask({ method: 'GET', path: `/reservations/${idInPath(id)}`, answers: ['id', 'state'] }, options)
  }

  balance(options?: CallOptions): Promise<Balance> {
    return this.#ask({ method: 'GET', path: '/balance', answers: ['available', 'version'] }, options)
  }

  /** Up to 1,000; each is decided by itself, in order. */
  batch(commands: readonly BatchCommand[], options?: CallOptions): Promise<BatchAnswer> {
    return this.#ask({ method: 'POST', path: '/reservations:batch', body: { commands }, answers: ['results'] }, options)
  }

  /** The account's own key, for a reservation that is held in mode `byok`. */
  async byokKey(reservation: string, options?: CallOptions): Promise<string> {
    const path = `/byok/key?reservation=${idInPath(reservation)}`
    return (await this.#ask<ByokKey>({ method: 'GET', path, answers: ['api_key'] }, options)).api_key
  }

  /**
   * Reserves, keeps the hold alive while the work runs, settles with the cost that it returns, releases if it throws.
   * Rejects if nothing was held, with the work's own error, or with a `TypeError` if it returned no cost; never because
   * a settlement is under way or was refused. What had been spent when it throws is not charged: to charge it, return it.
   */
  withReservation<Result extends Cost>(
    body: ReserveBody,
    work: (review: Review) => Promise<Result>,
    options: ReviewOptions = {},
  ): Promise<Reviewed<Result>> {
    return runReview(this.#surroundings, body, work, options)
  }

  async #ask<Body>(call: Call, options: CallOptions | undefined): Promise<Body> {
    return (await this.#connection.call<Body>(this.#ofAccount(call), options)).body
  }

  async #write(write: Omit<Call, 'answers'>, options: CallOptions | undefined): Promise<Written> {
    const call = this.#ofAccount({ ...write, answers: RESERVATION_ANSWER })
    const { body, replayed } = await this.#connection.call<ReservationAnswer>(call, options)
    return { ...body, replayed }
  }

  #ofAccount(call: Call): Call {
    return { ...call, path: `/v1/accounts/${this.id}${call.path}` }
  }
}
