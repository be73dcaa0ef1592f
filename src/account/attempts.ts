/**
 * One attempt of auto top-up at Stripe (R15), step by step. Each step is written down before the next call goes out, so
 * whatever kills us in between, what comes after reads before it does anything again.
 */
import { findPack } from '../catalog/packs.ts'
import type { EpochMs } from '../ledger/amounts.ts'
import type { AttemptEvent } from '../ledger/commands.ts'
import type { Failure, Purchase } from '../ledger/purchase.ts'
import { cancelIntent, confirmIntent, createIntent } from '../stripe/attempts.ts'
import { type PaymentReading, readPayment } from '../stripe/payments.ts'
import { type Cashier, commit, type Synced, warn } from './cashier.ts'
import { reportReading } from './report.ts'

/** Created, confirmed, read, cancelled and once over again; more is a loop. */
const MAX_STEPS = 10
/** Stripe forgets a key after 24 h: until then the same key makes the same PaymentIntent. */
const KEY_LIVES_MS = 23 * 60 * 60_000
/** The turn of a month, or a payment that takes its time: looked at again so much later. */
const WAIT_MS = 60_000

/** What a step led to: another step, a pause, or an answer that did not come. */
type Step = 'next' | 'wait' | Exclude<Synced, { ok: true }>

export async function advance(cashier: Cashier, found: Purchase): Promise<Synced> {
  // A confirmation that was on its way when we last knew of it: nobody knows its outcome, so it is read.
  let isKnown = found.stage !== 'confirming'
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const attempt = cashier.ledger.store.purchases.get(found.id)
    if (attempt === null || attempt.stage === null) return { ok: true, lookAgainAt: null }
    const led = isKnown ? await take(cashier, attempt) : await read(cashier, attempt)
    isKnown = true
    if (led === 'wait') return { ok: true, lookAgainAt: later(cashier) }
    if (led !== 'next') return led
  }
  return { ok: true, lookAgainAt: later(cashier) }
}

async function take(cashier: Cashier, attempt: Purchase): Promise<Step> {
  switch (attempt.stage) {
    case 'written':
      return create(cashier, attempt)
    case 'created':
      return confirm(cashier, attempt)
    case 'confirming':
      return read(cashier, attempt)
    case 'canceling':
      return cancel(cashier, attempt)
    case null:
      return 'next'
  }
}

async function create(cashier: Cashier, attempt: Purchase): Promise<Step> {
  const { id } = cashier.details.value
  const isTooOld = cashier.ledger.now() - attempt.createdAt >= KEY_LIVES_MS
  if (isTooOld) return abandon(cashier, attempt, { kind: 'not_created', code: null })
  const name = findPack(attempt.pack)?.name ?? attempt.pack
  const told = await createIntent(cashier.stripe(), id, attempt, `Auto top-up: ${name}`)
  if (told.ok) return happened(cashier, attempt, { type: 'created', paymentIntent: told.value })
  // Without an id nothing can ever be confirmed: whatever stands at Stripe, it charges nobody.
  if (told.why === 'unavailable' && told.stored) return abandon(cashier, attempt, { kind: 'not_created', code: null })
  if (told.why === 'unavailable') return told
  const code = told.why === 'declined' ? told.failure.code : told.code
  warn(cashier, 'an attempt was refused', told, attempt.id)
  return abandon(cashier, attempt, { kind: 'declined', code })
}

/** R14 is checked in the same turn that writes down that it will be confirmed. */
async function confirm(cashier: Cashier, attempt: Purchase): Promise<Step> {
  const checked = await commit(cashier, { op: 'advance_attempt', id: attempt.id, event: { type: 'confirm' } })
  if (checked.stage === 'created') return 'wait'
  if (checked.stage !== 'confirming' || checked.paymentIntent === null) return 'next'
  const told = await confirmIntent(cashier.stripe(), checked.paymentIntent)
  if (told.ok) return 'next'
  switch (told.why) {
    case 'unavailable':
      return told
    case 'declined':
      return happened(cashier, attempt, { type: 'refused', failure: told.failure })
    case 'refused':
      warn(cashier, 'a confirmation was refused', told, attempt.id)
      return read(cashier, attempt, { kind: 'declined', code: told.code })
  }
}

/** `refused`: why Stripe would not confirm it, if it just said so. */
async function read(cashier: Cashier, attempt: Purchase, refused?: Failure): Promise<Step> {
  const { paymentIntent } = attempt
  if (paymentIntent === null) return 'next'
  const told = await readPayment(cashier.stripe(), paymentIntent)
  return told.ok ? learn(cashier, attempt, told.value, refused) : told
}

async function learn(
  cashier: Cashier,
  attempt: Purchase,
  reading: PaymentReading,
  refused: Failure | undefined,
): Promise<Step> {
  switch (reading.status) {
    case 'paid':
    case 'canceled':
      await reportReading(cashier, attempt, reading)
      return 'next'
    case 'processing':
      await reportReading(cashier, attempt, reading)
      return 'wait'
    case 'unconfirmed':
      if (attempt.stage === 'canceling') return 'wait'
      return happened(
        cashier,
        attempt,
        refused === undefined ? { type: 'unconfirmed' } : { type: 'refused', failure: refused },
      )
    case 'needs_customer':
      if (attempt.stage === 'canceling') return 'wait'
      return happened(cashier, attempt, {
        type: 'refused',
        failure: { kind: 'authentication_required', code: 'authentication_required' },
      })
    case 'unpaid':
      if (attempt.stage === 'canceling') return 'wait'
      return happened(cashier, attempt, {
        type: 'refused',
        failure: reading.failure ?? refused ?? { kind: 'declined', code: null },
      })
  }
}

async function cancel(cashier: Cashier, attempt: Purchase): Promise<Step> {
  if (attempt.paymentIntent === null) return abandon(cashier, attempt, { kind: 'not_created', code: null })
  const told = await cancelIntent(cashier.stripe(), attempt.paymentIntent)
  // Read in either case: what ends an attempt is what the payment says of itself.
  if (told.ok || told.why === 'refused') return read(cashier, attempt)
  return told.why === 'unavailable' ? told : 'wait'
}

async function abandon(cashier: Cashier, attempt: Purchase, failure: Failure): Promise<Step> {
  // Perhaps because the card or the customer is gone.
  await cashier.write((now) => cashier.inbox.ask('cards', now))
  return happened(cashier, attempt, { type: 'abandoned', failure })
}

async function happened(cashier: Cashier, attempt: Purchase, event: AttemptEvent): Promise<Step> {
  await commit(cashier, { op: 'advance_attempt', id: attempt.id, event })
  return 'next'
}

function later(cashier: Cashier): EpochMs {
  return cashier.ledger.now() + WAIT_MS
}
