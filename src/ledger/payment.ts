/**
 * Payments: the account is brought to what Stripe says of one (R12, R13). Whatever told us to look, how often and in
 * which order: the same facts lead to the same end.
 */
import { type EpochMs, MAX_MILLICREDITS, type Millicredits } from './amounts.ts'
import type { Decision, OpenCheckout, ReportPayment, StartCheckout, View } from './commands.ts'
import { accept, unchanged } from './decision.ts'
import { Draft } from './draft.ts'
import { type Failure, grantIdOf, newPurchase, type PaymentFacts, type Purchase, type Taken } from './purchase.ts'
import { refuse } from './refusals.ts'
import { firstDifference } from './reservation.ts'

/** R3: a repetition of a purchase that is known answers with that one; another request is a conflict. */
export function startCheckout(view: View, command: StartCheckout, now: EpochMs): Decision {
  const known = view.purchase
  if (known !== null) {
    const field = firstDifference(known.request, command.purchase.request)
    return field === null ? unchanged(known) : refuse({ code: 'conflict', field, purchase: known })
  }
  if (view.book.totals.granted + command.purchase.credits > MAX_MILLICREDITS) {
    return refuse({ code: 'limit_exceeded', limit: 'lifetime_credits', maximum: MAX_MILLICREDITS })
  }
  const purchase = newPurchase({ ...command.purchase, number: view.nextPurchase, kind: 'checkout' }, now)
  return accept(new Draft(view.book, now), { purchase })
}

export function openCheckout(view: View, command: OpenCheckout, now: EpochMs): Decision {
  const before = view.purchase
  if (before === null) return refuse({ code: 'not_found', what: 'purchase' })
  if (before.session !== null) return unchanged(before)
  const { customer, session, url } = command
  return accept(new Draft(view.book, now), { purchase: { ...before, customer, session, url } })
}

export function reportPayment(view: View, command: ReportPayment, now: EpochMs): Decision {
  const before = view.purchase
  if (before === null) return refuse({ code: 'not_found', what: 'purchase' })
  const { facts } = command
  // Paid is for good: a reading that says less than we know is an older one.
  if (before.state === 'paid' && facts.state !== 'paid') return unchanged(before)
  const isNew = facts.state === 'paid' && before.state !== 'paid'
  if (isNew && view.book.totals.granted + before.credits > MAX_MILLICREDITS) {
    return refuse({ code: 'limit_exceeded', limit: 'lifetime_credits', maximum: MAX_MILLICREDITS })
  }
  const draft = new Draft(view.book, now, view.retired)
  const known = isNew
    ? grantPurchase(draft, before, facts)
    : before.state === 'paid'
      ? before
      : follow(before, facts, now)
  const after = known.state === 'paid' ? takeBackToTarget(draft, known, facts) : known
  if (draft.entries.length === 0 && isSame(before, after)) return unchanged(before)
  // The attempt that the bank wanted the customer for is paid for: it stands in the way of the next no longer.
  const paidFor = isNew && view.paysFor !== null ? [{ ...view.paysFor, paidByCustomer: true }] : []
  return accept(draft, { purchase: after, purchases: paidFor })
}

function grantPurchase(draft: Draft, before: Purchase, facts: PaymentFacts): Purchase {
  const id = grantIdOf(before)
  draft.addGrant({
    id,
    kind: before.kind === 'checkout' ? 'purchase' : 'top_up',
    credits: before.credits,
    free: before.credits,
    held: 0,
    expiresAt: null,
    voided: false,
    reason: null,
    createdAt: draft.now,
    ordinal: draft.nextSeq,
  })
  draft.write('grant', { purchase: before.id, detail: { grant: id, kind: draft.grant(id).kind, pack: before.pack } })
  draft.repayDebt()
  const { paymentIntent, chargedCents, chargedAt, receiptUrl } = facts
  const closing = { stage: null, failure: null, url: null, paidAt: draft.now, closedAt: draft.now } as const
  return { ...before, ...closing, state: 'paid', paymentIntent, chargedCents, chargedAt, receiptUrl }
}

/** A payment that is not paid is what Stripe says it is. */
function follow(before: Purchase, facts: PaymentFacts, now: EpochMs): Purchase {
  const { state, paymentIntent, url } = facts
  const isOver = state === 'failed' || state === 'expired'
  return {
    ...before,
    state,
    paymentIntent: paymentIntent ?? before.paymentIntent,
    url,
    failure: failureAfter(before.failure, facts.failure),
    stage: isOver ? null : before.stage,
    closedAt: isOver ? (before.closedAt ?? now) : null,
  }
}

/** Why an attempt was cancelled, we knew; but R15 counts a bank's no, also one that came after we had gone to cancel. */
function failureAfter(known: Failure | null, read: Failure | null): Failure | null {
  return known?.kind === 'not_allowed' ? (read ?? known) : (known ?? read)
}

/** R13: what should be taken back follows from the payment's state alone; only the difference moves. */
function takeBackToTarget(draft: Draft, purchase: Purchase, facts: PaymentFacts): Purchase {
  const { refundedCents, keptCents, disputedCents, receiptUrl } = facts
  const moves = movesToTarget(purchase, facts)
  const taken = moveBack(draft, purchase, moves)
  if (disputedCents > purchase.disputedCents) switchOff(draft, purchase, 'dispute')
  else if (refundedCents - keptCents > purchase.refundedCents - purchase.keptCents) switchOff(draft, purchase, 'refund')
  return {
    ...purchase,
    ...{ refundedCents, keptCents, disputedCents, receiptUrl, taken },
    refundTaken: purchase.refundTaken + moves.refund,
    disputeTaken: purchase.disputeTaken + moves.dispute,
  }
}

/**
 * What is to be taken for each, or given back if negative; never one of each. Where a refund takes the place of a
 * dispute the target stands, and so does what was taken, under its old name: given back and taken anew it could meet
 * grants that have expired since.
 */
function movesToTarget(purchase: Purchase, facts: PaymentFacts): { refund: Millicredits; dispute: Millicredits } {
  const { credits, chargedCents, refundTaken, disputeTaken } = purchase
  const refundTarget = shareOf(credits, facts.refundedCents, chargedCents)
  const target = shareOf(credits, facts.refundedCents + facts.disputedCents, chargedCents)
  const difference = target - refundTaken - disputeTaken
  if (difference >= 0) {
    const refund = Math.min(difference, Math.max(0, refundTarget - refundTaken))
    return { refund, dispute: difference - refund }
  }
  const dispute = -Math.min(-difference, Math.max(0, disputeTaken - (target - refundTarget)))
  return { refund: difference - dispute, dispute }
}

function moveBack(draft: Draft, purchase: Purchase, moves: ReturnType<typeof movesToTarget>): readonly Taken[] {
  const { refund, dispute } = moves
  const returnedTo = new Set<string>()
  let { taken } = purchase
  if (refund < 0) taken = giveBack(draft, purchase, taken, -refund, 'refund_reversal', returnedTo)
  if (dispute < 0) taken = giveBack(draft, purchase, taken, -dispute, 'dispute_reversal', returnedTo)
  // R10, once for all that came back.
  if (returnedTo.size > 0) draft.sweep(returnedTo)
  if (refund > 0) taken = [...taken, ...takeBack(draft, purchase, refund, 'refund')]
  if (dispute > 0) taken = [...taken, ...takeBack(draft, purchase, dispute, 'dispute')]
  return taken
}

/** R13: `floor(credits × min(1, cents / charged))`. The product is beyond what a number keeps exact. */
export function shareOf(credits: Millicredits, cents: number, chargedCents: number | null): Millicredits {
  if (chargedCents === null || cents <= 0) return 0
  if (cents >= chargedCents) return credits
  return Number((BigInt(credits) * BigInt(cents)) / BigInt(chargedCents))
}

function takeBack(draft: Draft, purchase: Purchase, amount: Millicredits, kind: 'refund' | 'dispute'): Taken[] {
  const taken = draft.takeBackPayment(grantIdOf(purchase), amount)
  draft.write(kind, { purchase: purchase.id })
  return taken
}

/** Last taken, first given back. What was taken as debt returns to the payment's own grant, and pays debt first. */
function giveBack(
  draft: Draft,
  purchase: Purchase,
  taken: readonly Taken[],
  amount: Millicredits,
  kind: 'refund_reversal' | 'dispute_reversal',
  returnedTo: Set<string>,
): Taken[] {
  const kept = [...taken]
  // Ends: every round takes one away, and what was taken is at least what comes back.
  for (let left = amount; left > 0; ) {
    const last = kept.pop()
    if (last === undefined) throw new Error(`${left} more come back of purchase ${purchase.id} than were taken`)
    const back = Math.min(left, last.credits)
    const grant = last.grant ?? grantIdOf(purchase)
    draft.giveBack(grant, back)
    returnedTo.add(grant)
    if (back < last.credits) kept.push({ ...last, credits: last.credits - back })
    left -= back
  }
  draft.write(kind, { purchase: purchase.id })
  return kept
}

/** R13: whoever wants their money back does not want to be charged again. */
function switchOff(draft: Draft, purchase: Purchase, by: 'refund' | 'dispute'): void {
  const { autoTopUp } = draft
  if (autoTopUp === null || !autoTopUp.enabled) return
  draft.setAutoTopUp({ ...autoTopUp, enabled: false })
  draft.write('auto_top_up_changed', { purchase: purchase.id, detail: { enabled: false, by } })
}

function isSame(before: Purchase, after: Purchase): boolean {
  return JSON.stringify(before) === JSON.stringify(after)
}
