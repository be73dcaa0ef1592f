/**
 * Attempts of auto top-up (R15), one decision after the other: written down, created at Stripe, checked again,
 * confirmed, and where that did not charge, cancelled. Only what Stripe says of the payment itself ends one.
 */
import { type EpochMs, millicreditsToCredits } from './amounts.ts'
import { type AutoTopUp, isSinceAgreement, mayConfirm, nextAttemptAt, type TopUpFacts } from './auto-top-up.ts'
import type { AdvanceAttempt, ChangeAutoTopUp, Decision, StartAttempt, View } from './commands.ts'
import { accept, replay, unchanged } from './decision.ts'
import { Draft } from './draft.ts'
import { type Failure, newPurchase, type Purchase } from './purchase.ts'
import { refuse } from './refusals.ts'

/** Nothing happens, and that is no refusal, where R14 and R15 allow none now. */
export function startAttempt(view: View, command: StartAttempt, now: EpochMs): Decision {
  const { autoTopUp } = view.book
  const facts = factsOf(view)
  const at = nextAttemptAt(view.book, facts, now)
  if (autoTopUp === null || facts.card === null || at === null || at > now) return unchanged(null)
  const { pack, credits, priceCents } = autoTopUp
  const { id, customer } = command
  const agreed = { id, customer, number: view.nextPurchase, kind: 'auto_top_up', pack, credits, priceCents } as const
  const attempt = newPurchase({ ...agreed, stage: 'written', card: facts.card.id }, now)
  return accept(new Draft(view.book, now), { purchase: attempt })
}

/** What comes too late, because the outcome is known, changes nothing. */
export function advanceAttempt(view: View, command: AdvanceAttempt, now: EpochMs): Decision {
  const attempt = view.purchase
  if (attempt === null) return refuse({ code: 'not_found', what: 'purchase' })
  const next = attempt.stage === null ? attempt : step(view, attempt, command, now)
  return next === attempt ? unchanged(attempt) : accept(new Draft(view.book, now), { purchase: next })
}

function step(view: View, attempt: Purchase, { event }: AdvanceAttempt, now: EpochMs): Purchase {
  switch (event.type) {
    case 'created':
      if (attempt.stage !== 'written') return attempt
      return { ...attempt, stage: 'created', paymentIntent: event.paymentIntent }
    case 'confirm': {
      if (attempt.stage !== 'created') return attempt
      const may = mayConfirm(view.book, attempt, factsOf(view), now)
      if (may === true) return { ...attempt, stage: 'confirming' }
      return may === false ? cancel(attempt, { kind: 'not_allowed', code: null }) : attempt
    }
    case 'unconfirmed':
      // Whatever became of the request to confirm: R14 is checked again before the next.
      return attempt.stage === 'confirming' ? { ...attempt, stage: 'created' } : attempt
    case 'refused':
      return cancel(attempt, event.failure)
    case 'abandoned':
      if (attempt.paymentIntent !== null) return attempt
      return { ...attempt, stage: null, state: 'failed', failure: event.failure, closedAt: now }
  }
}

/** It is open until Stripe says that it is cancelled; why, is known already. */
function cancel(attempt: Purchase, failure: Failure): Purchase {
  return attempt.stage === 'canceling' ? attempt : { ...attempt, stage: 'canceling', failure }
}

/** R16: an entry says what was agreed, by whom. Agreeing once more lifts a suspension. */
export function changeAutoTopUp(view: View, command: ChangeAutoTopUp, now: EpochMs): Decision {
  const before = view.book.autoTopUp
  const { settings, by } = command
  if (before !== null && isSameSettings(before, settings) && !isStuck(view, before)) return replay(null)
  const draft = new Draft(view.book, now)
  draft.setAutoTopUp({ ...settings, agreedAt: now, agreedBy: by })
  const { enabled, threshold, pack, credits, priceCents, monthlyLimitCents, card } = settings
  draft.write('auto_top_up_changed', {
    detail: {
      ...{ enabled, by, pack, price_cents: priceCents, monthly_limit_cents: monthlyLimitCents },
      ...{ threshold: millicreditsToCredits(threshold), credits: millicreditsToCredits(credits) },
      card: card === null ? null : `${card.brand} ${card.last4}`,
    },
  })
  return accept(draft, {})
}

function isSameSettings(before: ChangeAutoTopUp['settings'], after: ChangeAutoTopUp['settings']): boolean {
  return (
    before.enabled === after.enabled &&
    before.threshold === after.threshold &&
    before.pack === after.pack &&
    before.credits === after.credits &&
    before.priceCents === after.priceCents &&
    before.monthlyLimitCents === after.monthlyLimitCents &&
    before.card?.fingerprint === after.card?.fingerprint
  )
}

/** Whether what the bank said of an attempt stands in the way since the last agreement. */
function isStuck(view: View, agreed: AutoTopUp): boolean {
  const newest = factsOf(view).outcomes[0]
  return newest !== undefined && newest.state !== 'paid' && isSinceAgreement(newest, agreed)
}

function factsOf(view: View): TopUpFacts {
  if (view.topUp === null) throw new Error('nothing was looked up for auto top-up')
  return view.topUp
}
