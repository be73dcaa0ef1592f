/**
 * Refunds that the operator starts: written down, made at Stripe when the purchase is next brought to what Stripe says,
 * and then followed like one made in Stripe's dashboard. So one whose answer was lost is looked for before it is made.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { Purchase } from '../ledger/purchase.ts'
import type { RequestFields } from '../ledger/reservation.ts'
import { createRefund } from '../stripe/refunds.ts'
import type { Untold } from '../stripe/told.ts'
import { type Cashier, newId, STRIPE_IS_AWAY, warn } from './cashier.ts'
import type { Payments } from './payments.ts'
import { changedField, type RefundOrder } from './refund-orders.ts'
import { type Answer, refused } from './requests.ts'

export interface RefundRequest {
  readonly purchase: string
  /** `null` for all that is left. */
  readonly amountCents: number | null
  readonly keepsAutoTopUp: boolean
  readonly request: RequestFields
  readonly idempotencyKey: string | null
}

type Refunded = Answer<{ purchase: Purchase; replayed: boolean }>

export async function refund(cashier: Cashier, payments: Payments, asked: RefundRequest): Promise<Refunded> {
  const written = await cashier.write((now) => write(cashier, asked, now))
  if (!written.ok) return written
  const { order, replayed } = written
  const synced = order.state === 'asked' ? await payments.sync.run(order.purchase) : null
  const purchase = cashier.ledger.store.purchases.get(order.purchase)
  const known = cashier.refunds.get(order.id)
  if (purchase === null || known === null) throw new Error(`refund ${order.id} is gone`)
  switch (known.state) {
    case 'made':
      return { ok: true, purchase, replayed }
    case 'refused':
      return refused({ code: 'forbidden', why: `Stripe refused this refund (${known.refusal}).` })
    case 'asked':
      // Written down, it is made as soon as Stripe can be reached.
      if (synced?.ok === true) throw new Error(`refund ${order.id} was passed over`)
      return STRIPE_IS_AWAY
  }
}

type Written = Answer<{ order: RefundOrder; replayed: boolean }>

function write(cashier: Cashier, asked: RefundRequest, now: EpochMs): Written {
  const { request, idempotencyKey, keepsAutoTopUp } = asked
  const known = cashier.refunds.repeated(asked.purchase, idempotencyKey, request, now)
  const purchase = cashier.ledger.store.purchases.get(asked.purchase)
  if (purchase === null) return refused({ code: 'not_found', what: 'purchase' })
  if (known !== null) {
    const field = changedField(known, purchase.id, request)
    if (field !== null) return refused({ code: 'conflict', field, purchase })
    return { ok: true, order: known, replayed: true }
  }
  if (purchase.state !== 'paid') return refused({ code: 'conflict', field: 'state', purchase })
  const maximum = refundable(cashier, purchase)
  const amountCents = asked.amountCents ?? maximum
  if (amountCents > maximum || amountCents === 0) {
    return refused({ code: 'too_many', limit: 'refundable_cents', maximum })
  }
  const order = { id: newId('ref'), purchase: purchase.id, amountCents, keepsAutoTopUp, request, idempotencyKey }
  cashier.refunds.add(order, now)
  cashier.inbox.ask(`purchase:${purchase.id}`, now)
  return { ok: true, order: { ...order, state: 'asked', madeAs: null, refusal: null }, replayed: false }
}

function refundable({ refunds }: Cashier, { id, chargedCents, refundedCents }: Purchase): number {
  const asked = refunds.asked(id).reduce((sum, { amountCents }) => sum + amountCents, 0)
  return Math.max(0, (chargedCents ?? 0) - refundedCents - asked)
}

/**
 * Makes what was asked for and does not stand in the payment that was just read. Stripe forgets the key of a refund after
 * a day, so only that reading keeps one from being made twice. Returns whether any was made; or why Stripe did not say.
 */
export async function makeAskedRefunds(cashier: Cashier, purchase: Purchase): Promise<boolean | Untold> {
  const { paymentIntent, state, id } = purchase
  if (state !== 'paid' || paymentIntent === null) return false
  let isMade = false
  for (const order of cashier.refunds.asked(id)) {
    const account = cashier.details.value.id
    const told = await createRefund(cashier.stripe(), account, { ...order, paymentIntent })
    if (!told.ok && told.why === 'unavailable') return told
    if (!told.ok) warn(cashier, 'a refund was refused', told, id)
    const refusal = told.ok ? null : told.why === 'refused' ? told.code : told.failure.code
    await cashier.write(() =>
      told.ok ? cashier.refunds.made(order.id, told.value) : cashier.refunds.refused(order.id, refusal),
    )
    isMade ||= told.ok
  }
  return isMade
}
