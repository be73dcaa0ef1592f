/**
 * Looks on while the real ledger decides: in which order, at which time, and what. Nothing is changed by it. The model
 * needs the order because several are decided in one turn; what it makes of each it says itself.
 */
import { AccountLedger } from '../../../src/account/ledger.ts'
import { Purchases } from '../../../src/account/purchases.ts'
import { Store } from '../../../src/account/store.ts'
import type { TopUpFacts } from '../../../src/ledger/auto-top-up.ts'
import type { Follower } from './follower.ts'

/** Whose object is being made right now: constructors say nothing of the account they are for. */
let current: Follower | null = null
const followers = new WeakMap<Store, Follower>()
let facts: TopUpFacts | null = null

export function building<T>(follower: Follower, make: () => T): T {
  const before = current
  current = follower
  try {
    return make()
  } finally {
    current = before
  }
}

const { loadBook } = Store.prototype
Store.prototype.loadBook = function () {
  if (current !== null) followers.set(this, current)
  return loadBook.call(this)
}

const { topUpFacts } = Purchases.prototype
Purchases.prototype.topUpFacts = function (...asked) {
  facts = topUpFacts.apply(this, asked)
  return facts
}

const { run, setAllowDebt } = AccountLedger.prototype
AccountLedger.prototype.run = function (command, now) {
  facts = null
  const decision = run.call(this, command, now)
  const follower = followers.get(this.store)
  follower?.decided({ command, now, decision, card: facts === null ? undefined : cardOf(facts) })
  return decision
}

AccountLedger.prototype.setAllowDebt = function (allowed) {
  setAllowDebt.call(this, allowed)
  followers.get(this.store)?.allowedDebt(allowed)
}

/** What is noted last is what the decision was made of. */
function cardOf({ card }: TopUpFacts) {
  return card
}
