/**
 * A customer who lets the account top itself up: it charges, twice and no more, as the monthly limit says, while the
 * system is killed. What was charged is not asked of it, but of the double's own books.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ask, type Json, type Keys } from './api.ts'
import { type Payer, paidByBooks, payOn, type StripeKeys } from './buyer.ts'
import type { Effect } from './command.ts'

const PACK = { id: 'starter', cents: 500 }
const CHARGES = 2
/** Above all that the account ever has. */
const THRESHOLD = 100_000_000
const AT_REST_WITHIN_MS = 90_000
const BETWEEN_LOOKS_MS = 100
const AGREED: Effect = { kind: 'auto_top_up_changed', id: '', available: 0, reserved: 0 }

export class TopUpCustomer implements Payer {
  readonly account: string
  readonly #path: string
  readonly #agreesAfterMs: number
  #key = ''
  #hasAgreed = false

  constructor(account: string, agreesAfterMs: number) {
    this.account = account
    this.#path = `/v1/accounts/${account}`
    this.#agreesAfterMs = agreesAfterMs
  }

  /** The packs it came to: the first, bought with a card to be kept, and those that were charged to it. */
  get count(): number {
    return 1 + CHARGES
  }

  async open(keys: StripeKeys): Promise<void> {
    const minted = await ask(keys, 'operator', 'POST', `${this.#path}/keys`, { scope: 'billing' })
    this.#key = minted?.body.key
    const begun = await ask(keys, 'operator', 'POST', `${this.#path}/checkout`, { pack: PACK.id, save_card: true })
    const isPaid = begun !== null && (await payOn(keys, begun.body.url))
    const purchase = `${this.#path}/purchases/${begun?.body.purchase.id}`
    const synced = isPaid ? await ask(keys, 'operator', 'POST', `${purchase}/sync`, {}) : null
    if (synced?.body.purchase.state !== 'paid') throw new Error(`${this.account} cannot keep a card`)
  }

  async run(keys: StripeKeys): Promise<void> {
    await pause(this.#agreesAfterMs)
    await this.#agree(keys)
  }

  /** Waits until it charges no more. Returns what is wrong. */
  async resolve(keys: StripeKeys): Promise<string[]> {
    if (!this.#hasAgreed && !(await this.#agree(keys))) return ['nobody can agree to auto top-up']
    const deadline = Date.now() + AT_REST_WITHIN_MS
    for (;;) {
      const topUp = await this.#read(keys)
      if (topUp?.state === 'limit_reached' && topUp.open_cents === 0) {
        const { spent_this_month_cents: spent } = topUp
        return spent === CHARGES * PACK.cents ? [] : [`auto top-up says that it has spent ${spent} cents`]
      }
      if (Date.now() > deadline) return [`auto top-up does not come to its end: ${JSON.stringify(topUp)}`]
      await pause(BETWEEN_LOOKS_MS)
    }
  }

  /** Once at rest: whether a charge was on its way at that instant. */
  async wasCharging(keys: StripeKeys, atMs: number): Promise<boolean> {
    const answered = await ask(keys, 'operator', 'GET', `${this.#path}/purchases`)
    return answered?.body.data.some(
      ({ created_at: from, paid_at: until }: Json) => Date.parse(from) < atMs && atMs < Date.parse(until),
    )
  }

  async paid(keys: StripeKeys): Promise<Effect[]> {
    return [AGREED, ...(await paidByBooks(keys, this.account))]
  }

  async #agree(keys: Keys): Promise<boolean> {
    const settings = { threshold: THRESHOLD, pack: PACK.id, monthly_limit_cents: CHARGES * PACK.cents }
    const headers = { 'Idempotency-Key': 'agreed' }
    const customer = { ...keys, operatorKey: this.#key }
    const body = { enabled: true, ...settings }
    const answered = await ask(customer, 'operator', 'PUT', `${this.#path}/auto-top-up`, body, headers)
    this.#hasAgreed = answered?.status === 200
    return this.#hasAgreed
  }

  async #read(keys: Keys): Promise<Json> {
    return (await ask(keys, 'operator', 'GET', `${this.#path}/auto-top-up`))?.body ?? null
  }
}
