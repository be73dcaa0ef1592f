/** Buying: a pack in Checkout, on the customer's own wish or to pay for an attempt that the bank wanted them for. */
import { findPack, type Pack } from '../catalog/packs.ts'
import { type EpochMs, MILLICREDITS_PER_CREDIT } from '../ledger/amounts.ts'
import type { StartCheckout } from '../ledger/commands.ts'
import type { Purchase } from '../ledger/purchase.ts'
import type { RequestFields } from '../ledger/reservation.ts'
import { createSession } from '../stripe/checkout.ts'
import { type Cashier, newId } from './cashier.ts'
import type { Customers } from './customers.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { NOTHING_PAID } from './report.ts'
import { type Answer, refused } from './requests.ts'

/** The longest that Stripe keeps a session open, less the time that a retry of ours may take. */
const OPEN_FOR_MS = 24 * 60 * 60_000 - 5 * 60_000
/** Pages that somebody may still pay on; more are made by a loop. */
const MAX_OPEN_CHECKOUTS = 50

export interface CheckoutRequest {
  readonly pack: string
  /** `null` for the purchase's page of ours. */
  readonly successUrl: string | null
  readonly cancelUrl: string | null
  readonly savesCard: boolean
  readonly request: RequestFields
  readonly idempotencyKey: string | null
  /** What the addresses of our own pages begin with; the purchase's id follows. */
  readonly links: string
}

export type CheckoutAnswer = Answer<{ purchase: Purchase; replayed: boolean }>

type Start = Omit<StartCheckout['purchase'], 'id' | 'expiresAt'>

export class Buying {
  readonly #cashier: Cashier
  readonly #customers: Customers
  readonly #sessions = new OneAtATime<Answer<{ purchase: Purchase }>>()

  constructor(cashier: Cashier, customers: Customers) {
    this.#cashier = cashier
    this.#customers = customers
  }

  /** Written down first, with its price; then Stripe makes the page. A repetition goes on where the first one stopped. */
  async checkout(asked: CheckoutRequest): Promise<CheckoutAnswer> {
    const started = await this.#cashier.write((now) => this.#start(asked, now))
    if (!started.ok) return started
    const opened = await this.#open(started.purchase, asked.savesCard)
    if (opened.ok) return { ...opened, replayed: started.replayed }
    // Nobody can come back for one that was started without a key.
    if (asked.idempotencyKey === null) await this.#giveUp(started.purchase)
    return opened
  }

  /**
   * The Checkout that pays for an attempt which the bank wanted the customer for (R15); the open one, if there is one.
   * The card is kept again, since this time its owner has proved themselves to the bank.
   */
  async payFor(attempt: string, links: string): Promise<CheckoutAnswer> {
    const started = await this.#cashier.write((now) => this.#startPaying(attempt, `${links}/${attempt}`, now))
    if (!started.ok) return started
    const opened = await this.#open(started.purchase, true)
    return opened.ok ? { ...opened, replayed: started.replayed } : opened
  }

  /** R3: what is known by its key is looked up before anything else, even before whether the pack is still sold. */
  #start(asked: CheckoutRequest, now: EpochMs): CheckoutAnswer {
    const { purchases } = this.#cashier.ledger.store
    const { request, idempotencyKey, links } = asked
    const known = idempotencyKey === null ? null : purchases.byIdempotencyKey(idempotencyKey)
    const pack = known === null ? findPack(asked.pack) : null
    const price = known ?? (pack === null ? null : ofPack(pack))
    if (price === null) return refused({ code: 'invalid', field: 'pack', message: 'is not sold' })
    if (known === null && purchases.countOpenCheckouts() >= MAX_OPEN_CHECKOUTS) {
      return refused({ code: 'too_many', limit: 'open_checkouts', maximum: MAX_OPEN_CHECKOUTS })
    }
    const { successUrl, cancelUrl } = asked
    return this.#write({ ...priceOf(price), request, idempotencyKey, paysFor: null, successUrl, cancelUrl }, links, now)
  }

  #startPaying(id: string, page: string, now: EpochMs): CheckoutAnswer {
    const { purchases } = this.#cashier.ledger.store
    const attempt = purchases.get(id)
    if (attempt === null) return refused({ code: 'not_found', what: 'purchase' })
    const wantsCustomer = attempt.failure?.kind === 'authentication_required' && attempt.stage === null
    if (!wantsCustomer || attempt.paidByCustomer)
      return refused({ code: 'conflict', field: 'state', purchase: attempt })
    const open = purchases.openCheckoutFor(attempt)
    if (open !== null) return { ok: true, purchase: open, replayed: true }
    const request = { pays_for: id, save_card: true }
    const pages = { successUrl: page, cancelUrl: page }
    return this.#write({ ...priceOf(attempt), request, idempotencyKey: null, paysFor: id, ...pages }, page, now)
  }

  #write(start: Start, links: string, now: EpochMs): CheckoutAnswer {
    const expiresAt = now + OPEN_FOR_MS
    const id = newId('pur')
    const successUrl = start.successUrl ?? `${links}/${id}`
    const cancelUrl = start.cancelUrl ?? `${links}/${id}`
    const purchase = { ...start, id, expiresAt, successUrl, cancelUrl }
    const decision = this.#cashier.decide({ op: 'start_checkout', purchase }, now)
    if (!decision.ok) return refused(this.#cashier.explain(decision.refusal, now))
    if (decision.purchase === null) throw new Error('a checkout was started that is no purchase')
    const { replayed } = decision
    // Whatever becomes of it and of its webhooks, it is looked at when its page has closed.
    if (!replayed) this.#cashier.inbox.lookAt(`purchase:${id}`, expiresAt)
    return { ok: true, purchase: decision.purchase, replayed }
  }

  #open(purchase: Purchase, savesCard: boolean): Promise<Answer<{ purchase: Purchase }>> {
    return this.#sessions.run(purchase.id, async () => {
      const known = this.#cashier.ledger.store.purchases.get(purchase.id) ?? purchase
      if (known.session !== null || known.state !== 'open') return { ok: true, purchase: known }
      return this.#createSession(known, savesCard)
    })
  }

  async #createSession(purchase: Purchase, savesCard: boolean): Promise<Answer<{ purchase: Purchase }>> {
    const cashier = this.#cashier
    const found = await this.#customers.get()
    if (!found.ok) return found
    const { customer } = found
    const account = cashier.details.value.id
    const order = { account, customer, purchase, savesCard, description: describe(purchase) }
    const told = await createSession(cashier.stripe(), order)
    if (!told.ok) return this.#customers.refusal(told, purchase.id)
    const { id: session, url } = told.value
    return cashier.write((now) => {
      const decision = cashier.decide({ op: 'open_checkout', id: purchase.id, customer, session, url }, now)
      if (!decision.ok || decision.purchase === null) throw new Error(`purchase ${purchase.id} could not be opened`)
      // An event may have come before this answer, when there was no session yet to look for.
      cashier.inbox.hurry(`purchase:${purchase.id}`, now)
      return { ok: true, purchase: decision.purchase }
    })
  }

  async #giveUp({ id }: Purchase): Promise<void> {
    const facts = { ...NOTHING_PAID, state: 'expired' } as const
    await this.#cashier.write((now) => this.#cashier.decide({ op: 'report_payment', id, facts }, now))
  }
}

function ofPack(pack: Pack): Pick<Purchase, 'pack' | 'credits' | 'priceCents'> {
  return { pack: pack.id, credits: pack.credits * MILLICREDITS_PER_CREDIT, priceCents: pack.priceCents }
}

function priceOf({ pack, credits, priceCents }: Pick<Purchase, 'pack' | 'credits' | 'priceCents'>) {
  return { pack, credits, priceCents }
}

/** What stands on Stripe's page and on the receipt. */
function describe({ pack, credits }: Purchase): string {
  const name = findPack(pack)?.name ?? pack
  return `Assay credits: ${name}, ${(credits / MILLICREDITS_PER_CREDIT).toLocaleString('en-US')} credits`
}
