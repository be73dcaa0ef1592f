/**
 * Sync: reads one payment from Stripe and brings the account to what it says (R12). The success page, a webhook, the
 * alarm and `POST …/sync` all come through here, one at a time for each purchase, so that an older reading never follows
 * a newer one.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { PaymentFacts, Purchase } from '../ledger/purchase.ts'
import { readSession } from '../stripe/checkout.ts'
import { readPayment } from '../stripe/payments.ts'
import { advance } from './attempts.ts'
import { type Cashier, commit, type Synced } from './cashier.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { makeAskedRefunds } from './refunding.ts'
import { NOTHING_PAID, reportReading } from './report.ts'

/** A session is over when its time is; its webhook needs a moment. */
const AFTER_EXPIRY_MS = 60_000
/** A bank debit takes days; its webhook tells us, and this if that is lost. */
const PROCESSING_MS = 6 * 60 * 60_000

export class Sync {
  readonly #cashier: Cashier
  readonly #queue = new OneAtATime<Synced>()

  constructor(cashier: Cashier) {
    this.#cashier = cashier
  }

  run(id: string): Promise<Synced> {
    return this.#queue.run(id, () => this.#sync(id))
  }

  /** Until what is under way for this purchase has ended, however. */
  ended(id: string): Promise<void> {
    return this.#queue.ended(id)
  }

  async #sync(id: string): Promise<Synced> {
    const cashier = this.#cashier
    const purchase = cashier.ledger.store.purchases.get(id)
    if (purchase === null) return { ok: true, lookAgainAt: null }
    if (purchase.kind === 'checkout') return syncCheckout(cashier, purchase)
    if (purchase.stage !== null) return advance(cashier, purchase)
    return purchase.paymentIntent === null
      ? { ok: true, lookAgainAt: null }
      : report(cashier, purchase, purchase.paymentIntent)
  }
}

async function syncCheckout(cashier: Cashier, purchase: Purchase): Promise<Synced> {
  if (purchase.state === 'paid' && purchase.paymentIntent !== null) {
    return report(cashier, purchase, purchase.paymentIntent)
  }
  if (purchase.session === null) return expireUnopened(cashier, purchase)
  const session = await readSession(cashier.stripe(), purchase.session)
  if (!session.ok) return session
  const { status, payment, url } = session.value
  if (status === 'complete' && payment !== null) return report(cashier, purchase, payment)
  const state = status === 'expired' ? 'expired' : 'open'
  const facts: PaymentFacts = { ...NOTHING_PAID, state, url, paymentIntent: payment }
  const after = await commit(cashier, { op: 'report_payment', id: purchase.id, facts })
  return { ok: true, lookAgainAt: lookAgain(after, cashier.ledger.now()) }
}

/** Nobody was ever shown where to pay. */
async function expireUnopened(cashier: Cashier, purchase: Purchase): Promise<Synced> {
  const now = cashier.ledger.now()
  if (purchase.state !== 'open') return { ok: true, lookAgainAt: null }
  if (purchase.expiresAt !== null && now < purchase.expiresAt) return { ok: true, lookAgainAt: purchase.expiresAt }
  await commit(cashier, { op: 'report_payment', id: purchase.id, facts: { ...NOTHING_PAID, state: 'expired' } })
  return { ok: true, lookAgainAt: null }
}

/** Reads the payment and reports it; then once more, if refunds were still to be made. */
async function report(cashier: Cashier, purchase: Purchase, paymentIntent: string): Promise<Synced> {
  for (let after = purchase; ; ) {
    const reading = await readPayment(cashier.stripe(), paymentIntent)
    if (!reading.ok) return reading
    after = await reportReading(cashier, after, reading.value)
    const made = await makeAskedRefunds(cashier, after)
    // Ends: what was made is asked for no more.
    if (made === false) return { ok: true, lookAgainAt: lookAgain(after, cashier.ledger.now()) }
    if (made !== true) return made
  }
}

function lookAgain(purchase: Purchase, now: EpochMs): EpochMs | null {
  if (purchase.state === 'processing') return now + PROCESSING_MS
  if (purchase.state !== 'open' || purchase.expiresAt === null) return null
  // Stripe may close a session a little later than it said; one that it never closes is not asked about all day.
  return now < purchase.expiresAt + AFTER_EXPIRY_MS ? purchase.expiresAt + AFTER_EXPIRY_MS : now + PROCESSING_MS
}
