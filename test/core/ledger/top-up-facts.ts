/** What is looked up for a decision about auto top-up, as TopUpFacts says it: of all purchases there ever were. */
import { type Card, monthOf, type TopUpFacts } from '../../../src/ledger/auto-top-up.ts'
import type { Purchase } from '../../../src/ledger/purchase.ts'

/** `attempts` are all of them, in the order in which they were started. */
export function topUpFacts(
  attempts: readonly Purchase[],
  card: Card | null,
  offered: TopUpFacts['offered'],
): TopUpFacts {
  const newest = [...attempts].reverse()
  const spentCents: Record<string, number> = {}
  for (const { chargedAt, priceCents } of attempts) {
    if (chargedAt !== null) spentCents[monthOf(chargedAt)] = (spentCents[monthOf(chargedAt)] ?? 0) + priceCents
  }
  return {
    open: attempts.find(({ stage }) => stage !== null) ?? null,
    starts: newest.slice(0, 2).map((each) => each.createdAt),
    outcomes: newest.filter(hasOutcome).slice(0, 3),
    spentCents,
    card,
    offered,
  }
}

/** Paid, declined, or the customer was wanted. */
function hasOutcome({ state, failure }: Purchase): boolean {
  return state === 'paid' || failure?.kind === 'declined' || failure?.kind === 'authentication_required'
}
