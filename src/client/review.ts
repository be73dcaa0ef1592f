/**
 * A review from its reservation to its settlement. Whatever the work does, the hold ends: settled with what it cost, or
 * released if it throws; and a settlement, once there is one, is delivered.
 */
import type { Account } from './account.ts'
import type { CallOptions } from './connection.ts'
import type { Balance, ExtendBody, ReservationAnswer, ReserveBody } from './contract.ts'
import { type Cost, roundUp, toSettleBody } from './cost.ts'
import type { Deliveries, Delivered } from './delivery.ts'
import { AssayNotHeld } from './errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { linkedController, newController, type Runtime, type Signal } from './runtime.ts'
import type { OnTrouble } from './trouble.ts'

/** After this the caller gets the result, and the settlement is delivered in the background. */
const SETTLE_WITHIN_MS = 30_000
/** The work's own error should not wait long for a courtesy: an unreturned hold expires by itself. */
const RELEASE_WITHIN_MS = 5_000

export interface ReviewOptions {
  /**
   * By default a new one. With one of your own, a review that is handed out twice is billed once: while it is held it is
   * taken up again, and afterwards it is refused.
   */
  readonly id?: string
  /** Handed on to `review.signal`. Whether the work stops is the work's affair; a settlement is delivered all the same. */
  readonly signal?: Signal
  /** How long to wait for the settlement before it goes on in the background; by default 30 s. */
  readonly settleWithinMs?: number
  /** For the reservation; by default 30 s. */
  readonly timeoutMs?: number
}

export interface Review {
  readonly id: string
  /** The reservation as it was when it was made, or last extended. */
  readonly reservation: ReservationAnswer['reservation']
  readonly balance: Balance
  /** Aborts when the hold is gone by another hand or by time, with the `AssayError` that says so; or with the caller's. */
  readonly signal: Signal
  /** Credits spent so far. Sent soon, and in the background; never falls. */
  report(progress: { readonly accrued: number }): void
  extend(body: ExtendBody, options?: CallOptions): Promise<ReservationAnswer>
  /** The account's own key, where `reservation.mode` is `byok`. */
  byokKey(options?: CallOptions): Promise<string>
}

export interface Reviewed<Result> {
  /** What the work returned. */
  readonly result: Result
  readonly settlement: Delivered
}

export interface Surroundings {
  readonly account: Account
  readonly deliveries: Deliveries
  /** The reviews that this client is at, by account and id. */
  readonly atWork: Set<string>
  readonly runtime: Runtime
  readonly onTrouble: OnTrouble
}

export async function runReview<Result extends Cost>(
  surroundings: Surroundings,
  body: ReserveBody,
  work: (review: Review) => Promise<Result>,
  options: ReviewOptions,
): Promise<Reviewed<Result>> {
  const { account, deliveries, atWork, runtime } = surroundings
  const id = options.id ?? `review_${runtime.uuid()}`
  const name = `${account.id}/${id}`
  // Both are asked before the reservation is: its answer may be older than what ended meanwhile.
  const isTaken = atWork.has(name)
  const wasSettling = deliveries.isUnderWay(account.id, id)
  if (!isTaken) atWork.add(name)
  try {
    const sentAtMs = runtime.monotonicMs()
    const { replayed: _, ...held } = await account.reserve(id, body, pick(options))
    const { reservation } = held
    if (reservation.id !== id) throw new AssayNotHeld('duplicate', reservation)
    // Resumed from the journal, while the queue hands the same review out again.
    if (deliveries.isUnderWay(account.id, id)) throw new AssayNotHeld('settling', reservation)
    if (reservation.state !== 'held') throw new AssayNotHeld('over', reservation)
    if (wasSettling) throw new AssayNotHeld('settling', reservation)
    if (isTaken) throw new AssayNotHeld('working', reservation)
    const result = await workOn(surroundings, held, sentAtMs, work, options.signal)
    // Without a cost the hold is left to itself, not released: whoever knows the cost can settle it for days yet.
    const settlement = { account: account.id, reservation: id, cost: toSettleBody(result) }
    const delivery = deliveries.deliver(settlement, false)
    return { result, settlement: await within(runtime, delivery, options.settleWithinMs ?? SETTLE_WITHIN_MS) }
  } finally {
    if (!isTaken) atWork.delete(name)
  }
}

async function workOn<Result>(
  { account, runtime, onTrouble }: Surroundings,
  made: ReservationAnswer,
  sentAtMs: number,
  work: (review: Review) => Promise<Result>,
  signal: Signal | undefined,
): Promise<Result> {
  let held = made
  const { id } = made.reservation
  const working = linkedController(signal)
  const extend = async (body: ExtendBody, options?: CallOptions) => {
    const { replayed: _, ...answer } = await account.extend(id, body, options)
    held = answer
    return answer
  }
  const heartbeat = new Heartbeat(runtime, made, sentAtMs, {
    // One that fails is followed by the next anyway.
    beat: (accrued, stop) => extend(accrued === undefined ? {} : { accrued }, { signal: stop, tries: 1 }),
    gone: (error) => working.abort(error),
    refused: (error) => onTrouble({ kind: 'heartbeat', account: account.id, reservation: id, error }),
  })
  const review: Review = {
    id,
    get reservation() {
      return held.reservation
    },
    get balance() {
      return held.balance
    },
    signal: working.signal,
    report: ({ accrued }) => heartbeat.report(toAccrued(accrued)),
    extend,
    byokKey: (options) => account.byokKey(id, options),
  }
  heartbeat.start()
  try {
    return await work(review)
  } catch (error) {
    await release(account, id, onTrouble)
    throw error
  } finally {
    heartbeat.stop()
    working.unlink()
  }
}

/** The work's own error is what counts, so this one's is only told. */
async function release(account: Account, id: string, onTrouble: OnTrouble): Promise<void> {
  try {
    await account.release(id, { reason: 'The work failed.' }, { timeoutMs: RELEASE_WITHIN_MS })
  } catch (error) {
    onTrouble({ kind: 'release', account: account.id, reservation: id, error })
  }
}

async function within(runtime: Runtime, delivery: Promise<Delivered>, ms: number): Promise<Delivered> {
  const waiting = newController()
  const late = runtime.sleep(ms, waiting.signal).then((): Delivered => ({ state: 'pending' }))
  try {
    return await Promise.race([delivery, late])
  } finally {
    waiting.abort()
  }
}

function toAccrued(accrued: number): number {
  if (!(accrued >= 0 && accrued < Number.POSITIVE_INFINITY)) throw new TypeError('accrued is no number of credits')
  return roundUp(accrued)
}

/** Only what is there, as exact optional properties want it. */
function pick({ signal, timeoutMs }: ReviewOptions): CallOptions {
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) }
}
