import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check'
import { expect, it } from 'vitest'
import { Example } from './example.ts'
import { sourcesOf } from './judge-payments.ts'
import { MOVES, SHARES, Stripe } from './stripe.ts'

/** What happens to one payment at Stripe, and how often the account hears of it just then. */
const HISTORY = array(
  record({
    how: record({
      move: constantFrom(...MOVES, 'pay', 'refund', 'let a refund fail', 'dispute', 'win a dispute'),
      share: constantFrom(...SHARES),
      skewMs: integer({ min: -5, max: 5 }),
      isBad: boolean(),
    }),
    reports: integer({ min: 0, max: 3 }),
  }),
  { maxLength: 20 },
)

const PAID = { move: 'pay', share: 'all', skewMs: 0, isBad: false } as const

/** A pack of 100 credits that is being bought, beside others that can be taken in its stead. */
function buying(): Example {
  const account = new Example()
  account.checkout('p', { credits: 100_000, priceCents: 300 })
  account.give('promo', 10_000)
  account.buy('other', { credits: 5_000 })
  return account
}

function spend(account: Example, amount: number): void {
  const spent = Math.min(amount, account.balance().available)
  if (spent === 0) return
  account.reserve('r', spent)
  account.settle('r', spent)
}

it('whichever part of its history was reported, and how often: a payment ends as its last report says', () => {
  return assert(
    property(HISTORY, boolean(), integer({ min: 0, max: 115_000 }), (history, isPaidFirst, spent) => {
      const [heard, deaf] = [buying(), buying()]
      const stripe = new Stripe()
      const report = (account: Example) => {
        account.do({ op: 'report_payment', id: 'p', facts: stripe.facts(account.purchase('p')) })
      }
      if (isPaidFirst) stripe.move(heard.purchase('p'), PAID, heard.now)
      for (const account of [heard, deaf]) {
        report(account)
        spend(account, spent)
      }
      for (const { how, reports } of history) {
        stripe.move(heard.purchase('p'), how, heard.now)
        for (let times = 0; times < reports; times += 1) report(heard)
      }
      report(heard)
      report(deaf)
      const [after, must] = [heard.purchase('p'), deaf.purchase('p')]
      // The first reason is kept, and so is the name under which something was first taken.
      const { failure, refundTaken, disputeTaken, taken } = after
      expect(after).toEqual({ ...must, failure, refundTaken, disputeTaken, taken })
      expect(refundTaken + disputeTaken).toBe(must.refundTaken + must.disputeTaken)
      expect(sourcesOf(taken)).toBe(sourcesOf(must.taken))
      expect(heard.balance()).toEqual({ ...deaf.balance(), version: heard.balance().version })
      for (const [id, grant] of deaf.store.grants) expect(heard.grant(id).free, id).toBe(grant.free)
      expect(heard.store.book.totals).toEqual(deaf.store.book.totals)
    }),
    { numRuns: 500 },
  )
})
