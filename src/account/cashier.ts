/**
 * What everything about payments works with: the account's tables, Stripe, and the one way to write. A command is decided
 * in a turn like any other (R1); nothing of the account is held while Stripe is asked.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { Decision, PaymentCommand } from '../ledger/commands.ts'
import type { Purchase } from '../ledger/purchase.ts'
import type { Refusal } from '../ledger/refusals.ts'
import type { StripeClient } from '../stripe/client.ts'
import type { Untold } from '../stripe/told.ts'
import type { Details } from './details.ts'
import type { Inbox } from './inbox.ts'
import type { AccountLedger } from './ledger.ts'
import { type AccountRefusal, refused } from './requests.ts'
import type { Payer } from './payer.ts'
import type { RefundOrders } from './refund-orders.ts'

export interface Cashier {
  readonly ledger: AccountLedger
  readonly details: Details
  readonly inbox: Inbox
  readonly payer: Payer
  readonly refunds: RefundOrders
  /** Throws where the deployment's secrets are not right. */
  stripe(): StripeClient
  /** Writes in a turn; an exception undoes all of it. */
  write<T>(act: (now: EpochMs) => T): Promise<T>
  /** Inside of `write`: does what is due, then decides and commits. */
  decide(command: PaymentCommand, now: EpochMs): Decision
  /** A refusal of the ledger with what the account adds to it. */
  explain(refusal: Refusal, now: EpochMs): AccountRefusal
}

/** Nothing is lost: what was written down goes on from there when it is asked for again. */
export const STRIPE_IS_AWAY = refused({ code: 'payment_provider_unavailable', retryAfterSeconds: 5 })

/** Brought to what Stripe says, and when to look again by ourselves; or why not. */
export type Synced = { readonly ok: true; readonly lookAgainAt: EpochMs | null } | Untold

/** The purchase after a command that cannot be refused. */
export async function commit(cashier: Cashier, command: PaymentCommand): Promise<Purchase> {
  const decision = await cashier.write((now) => cashier.decide(command, now))
  if (!decision.ok) throw new Error(`${command.op} was refused: ${decision.refusal.code}`)
  if (decision.purchase === null) throw new Error(`${command.op} answered no purchase`)
  return decision.purchase
}

/** Ours, of a kind that the reader can tell apart. */
export function newId(prefix: 'pur' | 'top' | 'ref'): string {
  return `${prefix}_${crypto.randomUUID().replaceAll('-', '')}`
}

/** Stripe said nothing that we can use; no secret is in its messages. */
export function warn(cashier: Cashier, what: string, untold: Untold, about: string): void {
  const { id } = cashier.details.value
  console.warn({
    message: what,
    account: id,
    about,
    why: untold.why,
    detail: 'message' in untold ? untold.message : untold.failure.code,
  })
}
