/**
 * Builds of the account that are broken in one place each: they show that the simulation sees what it claims to see. Each
 * changes an account as it is opened, where its parts are handed to one another.
 */
import type { OpenedAccount } from '../../src/account/opened.ts'
import type { Cashier } from '../../src/account/cashier.ts'
import type { TopUpFacts } from '../../src/ledger/auto-top-up.ts'
import type { Decision, PaymentCommand } from '../../src/ledger/commands.ts'
import type { Breakage } from './host.ts'

export const BUILDS = {
  'as it is': () => {},

  'the limit does not count what was spent': lookingAt((facts) => ({ ...facts, spentCents: {} })),

  'the last minutes of a month do not look at the next': lookingAt((facts, now) => {
    const month = new Date(now).toISOString().slice(0, 7)
    return { ...facts, spentCents: { [month]: facts.spentCents[month] ?? 0 } }
  }),

  'a report grants twice': deciding((decide, command, now, { ledger }) => {
    const before = command.op === 'report_payment' ? ledger.store.purchases.get(command.id) : null
    const decision = decide(command, now)
    if (before === null || before.state === 'paid' || !decision.ok || decision.purchase?.state !== 'paid')
      return decision
    const { id, credits } = before
    ledger.run({ op: 'grant', id: `again:${id}`, kind: 'promotional', credits, expiresAt: null, reason: null }, now)
    return decision
  }),

  'nothing is checked again before a confirmation': deciding((decide, command, now, { ledger }) => {
    const decision = decide(command, now)
    if (command.op !== 'advance_attempt' || command.event.type !== 'confirm') return decision
    if (!decision.ok || decision.purchase?.failure?.kind !== 'not_allowed') return decision
    const confirmed = { ...decision.purchase, stage: 'confirming', failure: null } as const
    ledger.store.purchases.put(confirmed)
    return { ...decision, purchase: confirmed }
  }),

  'a switch-off does not wait for what is under way': (account) => {
    Object.assign(account.payments.sync, { ended: async () => {} })
  },

  'a decline changes nothing': lookingAt((facts) => ({
    ...facts,
    outcomes: facts.outcomes.filter(({ failure }) => failure?.kind !== 'declined'),
  })),
} as const satisfies Readonly<Record<string, Breakage>>

export type Build = keyof typeof BUILDS

type Decide = Cashier['decide']

function deciding(
  broken: (decide: Decide, command: PaymentCommand, now: number, account: OpenedAccount) => Decision,
): Breakage {
  return (account) => {
    const { decide } = account.cashier
    Object.assign(account.cashier, {
      decide: (command: PaymentCommand, now: number) => broken(decide, command, now, account),
    })
  }
}

/** To which the facts of auto top-up look otherwise. */
function lookingAt(change: (facts: TopUpFacts, now: number) => TopUpFacts): Breakage {
  return ({ ledger }) => {
    const { purchases } = ledger.store
    const topUpFacts = purchases.topUpFacts.bind(purchases)
    Object.assign(purchases, {
      topUpFacts: (...asked: Parameters<typeof topUpFacts>) => change(topUpFacts(...asked), asked[1]),
    })
  }
}
