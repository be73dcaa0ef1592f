/** The account's customer at Stripe: made when it is first needed, once, and kept; and Stripe's portal for them. */
import { createCustomer } from '../stripe/customers.ts'
import { createPortal } from '../stripe/portal.ts'
import type { Told, Untold } from '../stripe/told.ts'
import { type Cashier, STRIPE_IS_AWAY, warn } from './cashier.ts'
import { OneAtATime } from './one-at-a-time.ts'
import type { Payments } from './payments.ts'
import { type AccountDetails, type Answer, refused } from './requests.ts'

/** What a caller named, and Stripe may find fault with. */
const URL_FIELDS = ['success_url', 'cancel_url', 'return_url'] as const

export class Customers {
  readonly #cashier: Cashier
  readonly #payments: Payments
  readonly #queue = new OneAtATime<Answer<{ customer: string }>>()

  constructor(cashier: Cashier, payments: Payments) {
    this.#cashier = cashier
    this.#payments = payments
  }

  get(): Promise<Answer<{ customer: string }>> {
    return this.#queue.run('customer', async () => {
      const { payer, details } = this.#cashier
      if (payer.customer !== null) return { ok: true, customer: payer.customer }
      const told = await this.#create(details.value)
      if (!told.ok) return this.refusal(told, 'the customer')
      await this.#cashier.write(() => payer.keepCustomer(told.value))
      return { ok: true, customer: told.value }
    })
  }

  async portal(returnUrl: string): Promise<Answer<{ url: string }>> {
    const found = await this.get()
    if (!found.ok) return found
    const told = await createPortal(this.#cashier.stripe(), found.customer, returnUrl)
    return told.ok ? { ok: true, url: told.value } : this.refusal(told, 'the billing portal')
  }

  /**
   * Stripe away, or Stripe unwilling. Perhaps because the customer was deleted there: then another is made at the next
   * try. What it will never do must not be promised for later.
   */
  async refusal(untold: Untold, about: string): Promise<Answer<never>> {
    warn(this.#cashier, 'Stripe would not', untold, about)
    if (untold.why !== 'refused') return STRIPE_IS_AWAY
    const field = URL_FIELDS.find((each) => each === untold.param)
    if (field !== undefined) return refused({ code: 'invalid', field, message: 'is not an address that Stripe takes' })
    const { customer } = this.#cashier.payer
    await this.#payments.refreshCards()
    if (customer !== this.#cashier.payer.customer) return STRIPE_IS_AWAY
    return refused({ code: 'forbidden', why: `Stripe refused this (${untold.code}); the operator's log says why.` })
  }

  /** An address that we took and Stripe will not have must not keep anybody from paying. */
  async #create(details: AccountDetails): Promise<Told<string>> {
    const { payer, stripe } = this.#cashier
    const told = await createCustomer(stripe(), details, payer.customers)
    if (told.ok || told.why !== 'refused' || told.param !== 'email') return told
    return createCustomer(stripe(), { ...details, email: null }, payer.customers)
  }
}
