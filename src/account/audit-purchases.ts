/**
 * The audit of purchases: each is what its grant, what was taken back, and Stripe's own books say that it is. Stripe's
 * charges are listed by customer, so that a payment is found that this account knows nothing of.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { Grant } from '../ledger/grants.ts'
import { shareOf } from '../ledger/payment.ts'
import { grantIdOf, type Purchase } from '../ledger/purchase.ts'
import { type ChargeLine, readCharges } from '../stripe/payments.ts'
import type { OpenedAccount } from './opened.ts'

/** Of one customer: decades of them. Whoever has more is told that not all were compared. */
const MAX_CHARGES = 10_000
/** What was asked for so recently is on its way. */
const FRESH_MS = 10_000
const PURCHASES_AT_ONCE = 200

type Differ = (difference: string) => void

/** Returns how many purchases were compared. */
export async function comparePurchases(account: OpenedAccount, differ: Differ): Promise<number> {
  // What is paid while Stripe is being read may be in one of the two only.
  const readAt = account.ledger.now()
  const charges = await chargesOf(account, differ)
  // From here on nothing waits.
  const unknown = new Set((charges ?? []).map(({ payment }) => payment))
  const chargeOf = finder(charges ?? [])
  let count = 0
  for (const purchase of allPurchases(account)) {
    count += 1
    compareWithLedger(account, purchase, differ)
    const charge = chargeOf(purchase)
    if (charge !== undefined) unknown.delete(charge.payment)
    if (charges !== null && !isOnItsWay(account, purchase, differ)) compareWithStripe(purchase, charge, readAt, differ)
  }
  for (const payment of unknown) differ(`Stripe has a paid payment ${payment} that the account does not know`)
  return count
}

/** By the payment that was written down; while that is not known, by what the payment says of itself: the first listed. */
function finder(charges: readonly ChargeLine[]): (purchase: Purchase) => ChargeLine | undefined {
  const byPayment = new Map<string, ChargeLine>()
  const byPurchase = new Map<string, ChargeLine>()
  for (const charge of charges) {
    if (!byPayment.has(charge.payment)) byPayment.set(charge.payment, charge)
    if (charge.purchase !== null && !byPurchase.has(charge.purchase)) byPurchase.set(charge.purchase, charge)
  }
  return ({ id, paymentIntent }) => (paymentIntent === null ? byPurchase.get(id) : byPayment.get(paymentIntent))
}

/** Asked about a moment ago; what was asked about in vain is a difference of its own. */
function isOnItsWay({ cashier, ledger }: OpenedAccount, { id }: Purchase, differ: Differ): boolean {
  const waiting = cashier.inbox.get(`purchase:${id}`)
  if (waiting === null) return false
  const { failures, dueAt, event } = waiting
  if (failures > 0)
    differ(`purchase ${id} was asked about ${failures} times in vain${event === null ? '' : `, last for ${event}`}`)
  const now = ledger.now()
  return failures === 0 && dueAt <= now && dueAt > now - FRESH_MS
}

/** `null` if Stripe could not be read, which is said. */
async function chargesOf(account: OpenedAccount, differ: Differ): Promise<ChargeLine[] | null> {
  const charges: ChargeLine[] = []
  for (const customer of account.ledger.store.purchases.customers()) {
    const told = await readCharges(account.cashier.stripe(), customer, MAX_CHARGES)
    if (!told.ok) {
      differ(`Stripe could not be read (${told.why}), so purchases were not compared with it`)
      return null
    }
    if (told.value.length === MAX_CHARGES) differ(`customer ${customer} has more charges than were compared`)
    charges.push(...told.value)
  }
  return charges
}

function* allPurchases(account: OpenedAccount): Generator<Purchase> {
  let before: number | null = null
  for (;;) {
    const page: Purchase[] = account.ledger.store.purchases.page(before, PURCHASES_AT_ONCE)
    yield* page
    if (page.length < PURCHASES_AT_ONCE) return
    before = page.at(-1)?.number ?? null
  }
}

/** R12, R13: granted once if it is paid, and taken back as far as its refunds and disputes say. */
function compareWithLedger({ ledger }: OpenedAccount, purchase: Purchase, differ: Differ): void {
  const { id, state, credits, chargedCents, refundedCents, disputedCents, refundTaken, disputeTaken } = purchase
  const grant: Grant | null = ledger.store.grant(grantIdOf(purchase))
  if (state !== 'paid') {
    if (grant !== null) differ(`purchase ${id} is ${state}, but was granted`)
    return
  }
  if (grant === null) {
    differ(`purchase ${id} is paid, but was not granted`)
    return
  }
  if (grant.credits !== credits) differ(`purchase ${id} is of ${credits}, but ${grant.credits} were granted`)
  const target = shareOf(credits, refundedCents + disputedCents, chargedCents)
  const taken = purchase.taken.reduce((sum, each) => sum + each.credits, 0)
  if (taken !== target || refundTaken + disputeTaken !== target) {
    differ(`of purchase ${id}, ${taken} were taken back, but its refunds and disputes come to ${target}`)
  }
}

function compareWithStripe(purchase: Purchase, charge: ChargeLine | undefined, readAt: EpochMs, differ: Differ): void {
  const { id, state, paidAt, chargedCents, refundedCents, disputedCents } = purchase
  if (charge === undefined) {
    if (state === 'paid' && (paidAt ?? 0) <= readAt) differ(`purchase ${id} is paid, but Stripe has no charge for it`)
    return
  }
  if (state !== 'paid') {
    differ(`purchase ${id} is ${state}, but Stripe says that it is paid`)
    return
  }
  if (charge.cents !== chargedCents)
    differ(`purchase ${id} has ${chargedCents} cents, but Stripe charged ${charge.cents}`)
  if (charge.refundedCents !== refundedCents) {
    differ(`purchase ${id} has ${refundedCents} cents refunded, but Stripe says ${charge.refundedCents}`)
  }
  if (disputedCents > 0 && !charge.disputed) differ(`purchase ${id} is disputed, but Stripe does not say so`)
}
