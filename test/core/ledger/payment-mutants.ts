/** Ledgers that break R12 to R16 in one place each, as consistent otherwise as such a ledger would be. */
import type { AutoTopUp, TopUpFacts } from '../../../src/ledger/auto-top-up.ts'
import type { Command, ReportPayment, View } from '../../../src/ledger/commands.ts'
import { decide } from '../../../src/ledger/decide.ts'
import type { Grant } from '../../../src/ledger/grants.ts'
import type { Purchase } from '../../../src/ledger/purchase.ts'
import { withGrants, withPurchase } from './patches.ts'
import type { Ledger } from './store.ts'
import { topUpFacts } from './top-up-facts.ts'

const MINUTE = 60_000

export const PAYMENT_MUTANTS: Readonly<Record<string, Partial<Ledger>>> = {
  'a payment that is reported twice grants twice': {
    decide(view, command, now) {
      const paid = paidPurchaseOf(view, command)
      if (paid === null || paid.refundedCents + paid.disputedCents > 0) return decide(view, command, now)
      const { grants, seq } = view.book
      // The grant is given again beside the first, as a ledger would that had not written the first one down.
      const again = { ...paid, id: `${paid.id}-${seq}`, state: 'open' } as const
      const decision = decide({ ...view, book: { ...view.book, grants }, purchase: again }, command, now)
      return withPurchase(decision, (made) => ({ ...made, id: paid.id }))
    },
  },
  'a payment is granted while it is still processing': {
    decide(view, command, now) {
      if (command.op !== 'report_payment' || command.facts.state !== 'processing') return decide(view, command, now)
      const facts = { ...command.facts, state: 'paid', chargedCents: 500, chargedAt: now } as const
      return withPurchase(decide(view, { ...command, facts }, now), (made) => ({ ...made, state: 'processing' }))
    },
  },
  'a payment grants what Stripe says was charged for': {
    decide(view, command, now) {
      if (!isReport(command) || view.purchase === null || view.purchase.state === 'paid') {
        return decide(view, command, now)
      }
      const { credits, priceCents } = view.purchase
      const { chargedCents } = command.facts
      if (chargedCents === null || chargedCents === priceCents) return decide(view, command, now)
      return decide({ ...view, purchase: { ...view.purchase, credits: credits + 1 } }, command, now)
    },
  },
  'each refund is rounded for itself, and all are added up': {
    decide(view, command, now) {
      const paid = paidPurchaseOf(view, command)
      if (paid === null || !isReport(command)) return decide(view, command, now)
      const more = command.facts.refundedCents - paid.refundedCents
      if (more <= 0 || command.facts.disputedCents > 0) return decide(view, command, now)
      const untouched = { ...paid, refundTaken: 0, disputeTaken: 0, taken: [] }
      const facts = { ...command.facts, refundedCents: more }
      return withPurchase(decide({ ...view, purchase: untouched }, { ...command, facts }, now), (made) => ({
        ...made,
        refundedCents: command.facts.refundedCents,
        refundTaken: made.refundTaken + paid.refundTaken,
        disputeTaken: made.disputeTaken + paid.disputeTaken,
        taken: [...paid.taken, ...made.taken],
      }))
    },
  },
  'held credits are taken back': {
    decide(view, command, now) {
      if (paidPurchaseOf(view, command) === null) return decide(view, command, now)
      const freed = view.book.grants.map((grant) => ({ ...grant, free: grant.free + grant.held, held: 0 }))
      const { available, reserved } = view.book
      return decide({ ...view, book: { ...view.book, available: available + reserved, grants: freed } }, command, now)
    },
  },
  'other credits are taken in burn order, bought or not': {
    decide(view, command, now) {
      const paid = paidPurchaseOf(view, command)
      if (paid === null) return decide(view, command, now)
      const before = new Map([...view.book.grants, ...view.retired].map((grant) => [grant.id, grant]))
      const asBought = (grant: Grant) => ({ ...grant, kind: 'purchase' }) as const
      const asBefore = (grant: Grant) => {
        const old = before.get(grant.id)
        return old === undefined || old.free === grant.free ? (old ?? grant) : { ...grant, kind: old.kind }
      }
      const retired = view.retired.map(asBought)
      const book = { ...view.book, grants: view.book.grants.map(asBought) }
      return withGrants(decide({ ...view, book, retired }, command, now), asBefore)
    },
  },
  'a dispute that is won gives nothing back': {
    decide(view, command, now) {
      const paid = paidPurchaseOf(view, command)
      if (paid === null || !isReport(command)) return decide(view, command, now)
      const disputedCents = Math.max(command.facts.disputedCents, paid.disputedCents)
      return decide(view, { ...command, facts: { ...command.facts, disputedCents } }, now)
    },
  },
  'what was taken first is given back first': {
    decide(view, command, now) {
      const paid = paidPurchaseOf(view, command)
      if (paid === null) return decide(view, command, now)
      return decide({ ...view, purchase: { ...paid, taken: [...paid.taken].reverse() } }, command, now)
    },
  },
  'a refund leaves auto top-up on': {
    decide(view, command, now) {
      if (!isReport(command)) return decide(view, command, now)
      const { refundedCents } = command.facts
      return withPurchase(
        decide(view, { ...command, facts: { ...command.facts, keptCents: refundedCents } }, now),
        (made) => (made.state === 'paid' ? { ...made, keptCents: command.facts.keptCents } : made),
      )
    },
  },
  'a purchase switches auto top-up on': {
    decide(view, command, now) {
      const isNew = isReport(command) && view.purchase?.state !== 'paid' && command.facts.state === 'paid'
      const decision = decide(view, command, now)
      const agreed = view.book.autoTopUp
      if (!isNew || agreed === null || !decision.ok || decision.change === null) return decision
      const book = { ...decision.change.book, autoTopUp: { ...agreed, enabled: true } satisfies AutoTopUp }
      return { ...decision, change: { ...decision.change, book } }
    },
  },
  'a second attempt starts while one is open': lookingAt((facts) => ({ ...facts, open: null })),
  'the limit does not count an attempt that is in flight': lookingAt((facts) =>
    facts.open?.stage === 'confirming' ? { ...facts, open: null } : facts,
  ),
  'a refund lowers what was spent': {
    topUpFacts: (attempts, ...rest) =>
      topUpFacts(
        attempts.map((each) => ({
          ...each,
          priceCents: each.priceCents - Math.min(each.priceCents, each.refundedCents),
        })),
        ...rest,
      ),
  },
  'the limit may be passed by a cent': lookingAt((facts) => {
    const spent = Object.entries(facts.spentCents).map(([month, cents]) => [month, cents - 1] as const)
    return { ...facts, spentCents: Object.fromEntries(spent) }
  }),
  'what was spent counts in the month in which it was seen': {
    topUpFacts: (attempts, ...rest) => {
      const facts = topUpFacts(
        attempts.map((each) => ({ ...each, chargedAt: each.paidAt })),
        ...rest,
      )
      return { ...facts, open: topUpFacts(attempts, ...rest).open }
    },
  },
  'the first five minutes of a month are as good as any': {
    decide(view, command, now) {
      const minute = (now - Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth())) / MINUTE
      const isOfTopUp = command.op === 'start_attempt' || command.op === 'advance_attempt'
      if (minute >= 5 || !isOfTopUp) return decide(view, command, now)
      const decision = decide(view, command, now + 5 * MINUTE)
      return withPurchase(decision, (made) => (command.op === 'start_attempt' ? { ...made, createdAt: now } : made))
    },
  },
  'the last minutes of a month do not look at the next': {
    decide(view, command, now) {
      if (view.topUp === null) return decide(view, command, now)
      const month = new Date(now).toISOString().slice(0, 7)
      const spentCents = { [month]: view.topUp.spentCents[month] ?? 0 }
      return decide({ ...view, topUp: { ...view.topUp, spentCents } }, command, now)
    },
  },
  'R14 is not checked again before an attempt is confirmed': {
    decide(view, command, now) {
      const decision = decide(view, command, now)
      if (command.op !== 'advance_attempt' || command.event.type !== 'confirm') return decision
      const isRefused = decision.ok && decision.purchase?.failure?.kind === 'not_allowed' && !decision.replayed
      if (!isRefused) return decision
      return withPurchase(decision, (made) => ({ ...made, stage: 'confirming', failure: null }))
    },
  },
  'a third attempt starts a millisecond before 10 minutes are over': lookingAt((facts) => ({
    ...facts,
    starts: facts.starts.map((at) => at - 1),
  })),
  'an attempt starts a millisecond before the hour after a decline': lookingAt((facts) => ({
    ...facts,
    outcomes: facts.outcomes.map((each) => ({ ...each, closedAt: each.closedAt && each.closedAt - 1 })),
  })),
  'three declines in a row suspend nothing': lookingAt((facts) => ({ ...facts, outcomes: facts.outcomes.slice(0, 2) })),
  'a link that was paid lifts nothing': {
    decide: (view, command, now) => decide({ ...view, paysFor: null }, command, now),
  },
  'an attempt whose payment is cancelled stays open': {
    decide(view, command, now) {
      const stage = view.purchase?.stage ?? null
      const decision = decide(view, command, now)
      if (!isReport(command) || stage === null || command.facts.state !== 'failed') return decision
      return withPurchase(decision, (made) => ({ ...made, stage }))
    },
  },
}

/** A ledger to which the facts of auto top-up look otherwise. */
function lookingAt(change: (facts: TopUpFacts) => TopUpFacts): Partial<Ledger> {
  return { topUpFacts: (...all) => change(topUpFacts(...all)) }
}

function isReport(command: Command): command is ReportPayment {
  return command.op === 'report_payment'
}

function paidPurchaseOf(view: View, command: Command): Purchase | null {
  return isReport(command) && view.purchase?.state === 'paid' ? view.purchase : null
}
