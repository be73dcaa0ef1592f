/**
 * Where settlements outlive the process. A settlement is recorded before it is first sent, and is done, or undeliverable,
 * only once the API has said so; in between, whoever starts next delivers it with `resume()`. Sending one twice charges
 * once, so a journal may forget that one was done, but never that one was recorded.
 */
import type { Problem, SettleBody } from './contract.ts'

/** What a review cost. Plain data, and without any key. */
export interface Settlement {
  readonly account: string
  readonly reservation: string
  readonly cost: SettleBody
}

export interface Journal {
  /** Resolves once the settlement would survive a crash. */
  record(settlement: Settlement): Promise<void> | void
  done(settlement: Settlement): Promise<void> | void
  /** The API refuses it for good, and says why. It is for people now. */
  undeliverable(settlement: Settlement, problem: Problem): Promise<void> | void
  /** Those recorded that are neither done nor undeliverable. */
  pending(): Promise<readonly Settlement[]> | readonly Settlement[]
}

/** One word for each settlement; the same review at another cost is another. */
export function nameOf({ account, reservation, cost }: Settlement): string {
  // A journal is a store of the runner's own, and a row in it may be broken: what is no cost, the API refuses.
  return JSON.stringify([account, reservation, cost?.cost_usd ?? null, cost?.credits ?? null])
}
