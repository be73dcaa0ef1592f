/** What a review runner does: estimate, reserve, heartbeat, settle or release; or it is killed on the way. */
import type { Api, Estimate, Reservation, Written } from './api.ts'
import type { Purse } from './purse.ts'
import { isKilled, type Review } from './review.ts'

/** The shortest life of a reservation that the API knows, so that nobody waits longer than needed. */
const KILLED_TTL_SECONDS = 60
/** So often one review may find the account empty before something else is wrong. */
const MAX_GRANTS_PER_REVIEW = 10

export interface Reviewed {
  readonly review: Review
  readonly estimate: Estimate
  readonly reservation: Reservation
}

export class Runner {
  readonly #api: Api
  readonly #path: string
  readonly #repository: string
  readonly #purse: Purse
  callsRepeated = 0

  constructor(api: Api, path: string, repository: string, purse: Purse) {
    this.#api = api
    this.#path = path
    this.#repository = repository
    this.#purse = purse
  }

  /** From the estimate to the end, unless it is killed on the way. */
  async review(review: Review): Promise<Reviewed> {
    const estimate = await this.#api.asRunner<Estimate>('POST', `${this.#path}/estimates`, review.facts)
    const reservation = await this.#work(review, await this.#reserve(review))
    return { review, estimate, reservation }
  }

  /** After its hold has expired: one that comes back still gets paid for its work. */
  async comeBack(review: Review): Promise<Reservation> {
    if (review.fate === 'comes_back') return this.#settle(review)
    return this.#api.asRunner('GET', this.#pathOf(review))
  }

  async #reserve(review: Review): Promise<Reservation> {
    const body = {
      ...review.facts,
      metadata: { repository: this.#repository, pull_request: review.commit.hash.slice(0, 7) },
      ...(isKilled(review) ? { ttl_seconds: KILLED_TTL_SECONDS } : {}),
    }
    for (let grants = 0; grants < MAX_GRANTS_PER_REVIEW; grants += 1) {
      const answer = await this.#api.reserve(this.#pathOf(review), body)
      if (!('refused' in answer)) return answer.reservation
      await this.#purse.refill(answer.refused)
    }
    throw new Error(`${review.id} found no credits, however often they were granted.`)
  }

  async #work(review: Review, held: Reservation): Promise<Reservation> {
    if (isKilled(review)) return held
    if (review.facts.tier !== 'quick_scan') await this.#heartbeat(review)
    if (review.fate !== 'fails') return this.#settle(review)
    const reason = { reason: 'The review failed' }
    return (await this.#api.write(`${this.#pathOf(review)}/release`, reason)).reservation
  }

  async #heartbeat(review: Review): Promise<void> {
    // Half of the work is done, in whole credits.
    const accrued = Math.floor((Number(review.costUsd) * 100) / 2)
    await this.#api.write(`${this.#pathOf(review)}/extend`, { accrued })
  }

  async #settle(review: Review): Promise<Reservation> {
    const settle = () => this.#api.write(`${this.#pathOf(review)}/settle`, { cost_usd: review.costUsd })
    const first = await settle()
    if (review.fate === 'repeats') this.#compare(first, await settle())
    return first.reservation
  }

  #compare(first: Written, second: Written): void {
    this.callsRepeated += 1
    if (second.replayed && second.reservation.charged === first.reservation.charged) return
    throw new Error('A settle that was sent twice was not recognised as one.')
  }

  #pathOf({ id }: Review): string {
    return `${this.#path}/reservations/${id}`
  }
}
