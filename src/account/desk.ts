/**
 * The desk: everything that can be asked of an account about payments, one function each. The object admits the caller
 * and passes the request on; Stripe is asked from here while other commands go on.
 */
import type { Balance } from '../ledger/balance.ts'
import type { Purchase } from '../ledger/purchase.ts'
import type { Concern } from '../stripe/webhook.ts'
import type { CheckoutAnswer, CheckoutRequest } from './buying.ts'
import { STRIPE_IS_AWAY } from './cashier.ts'
import type { OpenedAccount } from './opened.ts'
import { type RefundRequest, refund } from './refunding.ts'
import { type Answer, type Caller, type Page, refused } from './requests.ts'
import type { AutoTopUpRequest, AutoTopUpView, Changed } from './topping-up.ts'

type PurchaseAnswer = Answer<{ purchase: Purchase; balance: Balance }>

export const DESK = {
  checkout(account: OpenedAccount, _caller: Caller, asked: CheckoutRequest) {
    return account.buying.checkout(asked)
  },

  async portal(
    account: OpenedAccount,
    _caller: Caller,
    asked: { returnUrl: string },
  ): Promise<Answer<{ url: string }>> {
    return account.customers.portal(asked.returnUrl)
  },

  async purchase(account: OpenedAccount, _caller: Caller, asked: { id: string }): Promise<PurchaseAnswer> {
    return present(account, asked.id)
  },

  async purchases(account: OpenedAccount, _caller: Caller, page: Page): Promise<Answer<{ purchases: Purchase[] }>> {
    return { ok: true, purchases: account.ledger.store.purchases.page(page.before, page.limit) }
  },

  /** Reads Stripe, brings the account to what it says, and answers with that. */
  async sync(account: OpenedAccount, _caller: Caller, asked: { id: string }): Promise<PurchaseAnswer> {
    const { purchases } = account.ledger.store
    const purchase = purchases.get(asked.id)
    if (purchase === null) return UNKNOWN_PURCHASE
    // What an attempt is waiting for may be the payment of another: the Checkout that pays for it.
    const paying = purchase.kind === 'auto_top_up' ? purchases.openCheckoutFor(purchase) : null
    for (const id of paying === null ? [asked.id] : [paying.id, asked.id]) {
      const synced = await account.payments.sync.run(id)
      if (!synced.ok) return STRIPE_IS_AWAY
    }
    return present(account, asked.id)
  },

  async refund(
    account: OpenedAccount,
    _caller: Caller,
    asked: RefundRequest,
  ): Promise<Answer<{ purchase: Purchase; balance: Balance; replayed: boolean }>> {
    const answer = await refund(account.cashier, account.payments, asked)
    if (!answer.ok) return answer
    return { ...answer, balance: account.ledger.balance(account.ledger.now()) }
  },

  async autoTopUp(account: OpenedAccount, _caller: Caller, _asked: null): Promise<Answer<{ view: AutoTopUpView }>> {
    return { ok: true, view: account.toppingUp.view(account.ledger.now()) }
  },

  changeAutoTopUp(account: OpenedAccount, caller: Caller, asked: AutoTopUpRequest): Promise<Changed> {
    return account.toppingUp.change(caller, asked)
  },

  /** Where the customer pays: the page of an open Checkout, or one for an attempt which the bank wanted them for. */
  async pay(account: OpenedAccount, _caller: Caller, asked: { id: string; links: string }): Promise<CheckoutAnswer> {
    const purchase = account.ledger.store.purchases.get(asked.id)
    if (purchase === null) return UNKNOWN_PURCHASE
    if (purchase.kind === 'checkout') return { ok: true, purchase, replayed: true }
    return account.buying.payFor(purchase.id, asked.links)
  },

  /** An event of Stripe's, taken in for good before it is answered; `isOurs` says whether it will be acted on. */
  receive(
    account: OpenedAccount,
    _caller: Caller,
    asked: { concern: Concern; event: string },
  ): Promise<Answer<{ isOurs: boolean }>> {
    return account.cashier.write((now) => ({
      ok: true,
      isOurs: account.payments.receive(asked.concern, asked.event, now),
    }))
  },
}

export type Desk = typeof DESK

/** What neither writes nor asks Stripe for anything. */
export const DESK_READS: ReadonlySet<keyof Desk> = new Set(['purchase', 'purchases', 'autoTopUp'])

const UNKNOWN_PURCHASE = refused({ code: 'not_found', what: 'purchase' })

function present(account: OpenedAccount, id: string): PurchaseAnswer {
  const purchase = account.ledger.store.purchases.get(id)
  if (purchase === null) return UNKNOWN_PURCHASE
  return { ok: true, purchase, balance: account.ledger.balance(account.ledger.now()) }
}
