/**
 * A customer under load: buys packs from Stripe's double one after the other, each under a key of its own. Whether a
 * payment was made is not asked of answers that may be lost, but of the double's own books.
 */
import { ask, type Json, type Keys } from './api.ts'
import type { Effect } from './command.ts'

const PACK = { id: 'starter', credits: 500 }
const ASK_WITHIN_MS = 20_000

interface Buying {
  readonly key: string
  purchase: string | null
  isOver: boolean
}

export interface StripeKeys extends Keys {
  readonly stripeUrl: string
}

/** Whoever pays for an account while it is under load. */
export interface Payer {
  readonly count: number
  open?(keys: StripeKeys): Promise<void>
  /** Until it is over, or something was not answered. */
  run(keys: StripeKeys, isOver: () => boolean): Promise<void>
  /** Ends what was begun. Returns what is wrong. */
  resolve(keys: StripeKeys): Promise<string[]>
  /** What must stand in the ledger because of it, each once. */
  paid(keys: StripeKeys): Promise<Effect[]>
}

export class Buyer implements Payer {
  readonly #account: string
  readonly #buyings: Buying[] = []

  constructor(account: string) {
    this.#account = account
  }

  get count(): number {
    return this.#buyings.length
  }

  async run(keys: StripeKeys, isOver: () => boolean): Promise<void> {
    let goesOn = true
    while (goesOn && !isOver()) {
      const buying: Buying = { key: `buying-${this.#buyings.length + 1}`, purchase: null, isOver: false }
      this.#buyings.push(buying)
      goesOn = await this.#buy(keys, buying)
    }
  }

  /** Ends what was begun: asked for again under its key, paid if it is not, and read from Stripe. */
  async resolve(keys: StripeKeys): Promise<string[]> {
    const violations: string[] = []
    for (const buying of this.#buyings.filter((each) => !each.isOver)) {
      if (!(await this.#buy(keys, buying))) violations.push(`the purchase under ${buying.key} cannot be ended`)
    }
    return violations
  }

  paid(keys: StripeKeys): Promise<Effect[]> {
    return paidByBooks(keys, this.#account)
  }

  async #buy(keys: StripeKeys, buying: Buying): Promise<boolean> {
    const path = `/v1/accounts/${this.#account}`
    const headers = { 'Idempotency-Key': buying.key }
    const urls = { success_url: 'https://shop.test/paid', cancel_url: 'https://shop.test/cancelled' }
    const begun = await ask(keys, 'operator', 'POST', `${path}/checkout`, { pack: PACK.id, ...urls }, headers)
    if (begun === null || begun.status >= 300) return false
    const { purchase, url } = begun.body
    buying.purchase = purchase.id
    // Without a page to pay on it is paid already.
    if (url !== null && !(await payOn(keys, url))) return false
    const synced = await ask(keys, 'operator', 'POST', `${path}/purchases/${purchase.id}/sync`, {})
    buying.isOver = synced?.body.purchase?.state === 'paid'
    return buying.isOver
  }
}

/** By the double's books: what was charged twice would have to be granted twice, and is then missed. */
export async function paidByBooks({ stripeUrl }: StripeKeys, account: string): Promise<Effect[]> {
  const response = await fetch(`${stripeUrl}/_control/books/payment_intents`)
  const intents: Json[] = (await response.json()) as Json[]
  return intents
    .filter(({ metadata }) => metadata.account === account)
    .flatMap(({ metadata, charges }) =>
      Array.from({ length: charges }, () => grantOf(grantIdOf(metadata.purchase), PACK.credits)),
    )
}

function grantIdOf(purchase: string): string {
  return `${purchase.startsWith('top_') ? 'top_up' : 'purchase'}:${purchase}`
}

function grantOf(id: string, credits: number): Effect {
  return { kind: 'grant', id, available: credits, reserved: 0 }
}

/** What the customer does on Stripe's page. That it was done already is as good. */
export async function payOn({ stripeUrl }: StripeKeys, url: string): Promise<boolean> {
  try {
    const session = new URL(url).pathname.split('/').at(-1)
    const response = await fetch(`${stripeUrl}/_control/checkout/${session}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ card: 'pm_card_visa' }),
      signal: AbortSignal.timeout(ASK_WITHIN_MS),
    })
    await response.body?.cancel()
    return response.ok || response.status === 400
  } catch {
    return false
  }
}
