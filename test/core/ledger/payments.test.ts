import { describe, expect, it } from 'vitest'
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import { shareOf } from '../../../src/ledger/payment.ts'
import { DAY, Example, HOUR, refused } from './example.ts'
import { TopUpExample } from './top-up-example.ts'

describe('a purchase', () => {
  it('grants its credits once it is paid, and not before', () => {
    const account = new Example()
    account.checkout('p', { credits: 500 })
    for (const state of ['open', 'processing', 'failed', 'expired'] as const) {
      account.report('p', { state })
      expect(account.balance().available).toBe(0)
    }
    expect(account.report('p')).toMatchObject({ ok: true, purchase: { state: 'paid' } })
    expect(account.balance()).toMatchObject({ available: 500, purchased: { available: 500 } })
    expect(account.grant('purchase:p')).toMatchObject({ kind: 'purchase', credits: 500, expiresAt: null })
  })

  it('grants once, however often and in whichever order it is reported', () => {
    const account = new Example()
    account.buy('p', { credits: 500 })
    for (let times = 0; times < 100; times += 1) {
      expect(account.report('p')).toMatchObject({ ok: true, replayed: true })
    }
    expect(account.kinds()).toEqual(['grant'])
    expect(account.balance().available).toBe(500)
  })

  it('grants what was written down when it was started, whatever was charged', () => {
    const account = new Example()
    account.checkout('p', { credits: 500, priceCents: 500 })
    account.report('p', { chargedCents: 1 })
    expect(account.balance().available).toBe(500)
    expect(account.purchase('p')).toMatchObject({ priceCents: 500, chargedCents: 1 })
  })

  it('that is sent again is the one that is known; with another body it is a conflict', () => {
    const account = new Example()
    const key = { idempotencyKey: 'k' }
    account.checkout('p', { ...key, request: { pack: 'team' } })
    expect(account.checkout('q', { ...key, request: { pack: 'team' } })).toMatchObject({ purchase: { id: 'p' } })
    expect(account.checkout('q', { ...key, request: { pack: 'growth' } })).toMatchObject(
      refused('conflict', { field: 'pack', purchase: { id: 'p' } }),
    )
    expect([...account.store.purchases.keys()]).toEqual(['p'])
  })

  it('is opened once: a second session for it is not remembered', () => {
    const account = new Example()
    account.checkout('p')
    const open = { op: 'open_checkout', id: 'p', customer: 'cus_1', session: 'cs_1', url: 'https://pay' } as const
    expect(account.do(open)).toMatchObject({ replayed: false, purchase: { session: 'cs_1', url: 'https://pay' } })
    expect(account.do({ ...open, session: 'cs_2' })).toMatchObject({ replayed: true, purchase: { session: 'cs_1' } })
  })

  it('that nobody knows is not found, whatever Stripe says of it', () => {
    const account = new Example()
    expect(account.report('p')).toMatchObject(refused('not_found', { what: 'purchase' }))
    expect(account.kinds()).toEqual([])
  })

  it('is not started where its credits would leave what an account may ever be granted', () => {
    const account = new Example()
    account.give('all', MAX_MILLICREDITS)
    expect(account.checkout('p', { credits: 1 })).toMatchObject(
      refused('limit_exceeded', { limit: 'lifetime_credits' }),
    )
  })

  it('may bring the last credits that an account may ever be granted', () => {
    const account = new Example()
    account.give('most', MAX_MILLICREDITS - 1)
    expect(account.checkout('p', { credits: 1 })).toMatchObject({ ok: true })
    expect(account.report('p')).toMatchObject({ ok: true, purchase: { state: 'paid' } })
    expect(account.store.book.totals.granted).toBe(MAX_MILLICREDITS)
  })

  it('that no longer fits into what an account may ever be granted is refused when it is paid, and stays open', () => {
    const account = new Example()
    account.checkout('p', { credits: 1 })
    account.give('all', MAX_MILLICREDITS)
    expect(account.report('p')).toMatchObject(
      refused('limit_exceeded', { limit: 'lifetime_credits', maximum: MAX_MILLICREDITS }),
    )
    expect(account.purchase('p').state).toBe('open')
    expect(account.kinds()).toEqual(['grant'])
  })

  it('that is paid stays as it is when an older reading of it arrives late', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.report('p', { refundedCents: 60 })
    const before = account.purchase('p')
    for (const state of ['open', 'processing', 'failed', 'expired'] as const) {
      expect(account.report('p', { state })).toMatchObject({ replayed: true, change: null })
    }
    expect(account.purchase('p')).toBe(before)
    expect(account.balance().available).toBe(40)
  })

  it('that is not paid has nothing to take back, and leaves auto top-up on', () => {
    const account = new TopUpExample()
    account.agree()
    account.checkout('p')
    account.report('p', { state: 'processing', refundedCents: 100, disputedCents: 100 })
    expect(account.purchase('p')).toMatchObject({ state: 'processing', refundedCents: 0, disputedCents: 0 })
    expect(account.state()).toBe('armed')
  })

  it('pays debt before anything of it is free', () => {
    const account = accountInDebt(40)
    account.buy('next', { credits: 100 })
    expect(account.balance()).toMatchObject({ available: 60, debt: 0 })
  })
})

describe('a refund', () => {
  it('in part takes that part of the credits, rounded down over all refunds together', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 3 })
    account.report('p', { refundedCents: 1 })
    expect(account.purchase('p').refundTaken).toBe(33)
    account.report('p', { refundedCents: 2 })
    expect(account.purchase('p').refundTaken).toBe(66)
    account.report('p', { refundedCents: 3 })
    expect(account.balance()).toMatchObject({ available: 0, debt: 0 })
    expect(account.grant('purchase:p').free).toBe(0)
  })

  it('is measured by what was charged, not by the price', () => {
    const account = new Example()
    account.checkout('p', { credits: 100, priceCents: 100 })
    account.report('p', { chargedCents: 200 })
    account.report('p', { chargedCents: 200, refundedCents: 100 })
    expect(account.balance().available).toBe(50)
  })

  it('is exact where the product of credits and cents is beyond what a number keeps', () => {
    const account = new Example()
    account.buy('p', { credits: 999_999_999_999_999, priceCents: 99_999_999 })
    account.report('p', { refundedCents: 99_999_998 })
    expect(account.purchase('p').refundTaken).toBe(999_999_989_999_998)
  })

  it('that fails gives back what it took', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.report('p', { refundedCents: 60 })
    expect(account.balance().available).toBe(40)
    account.report('p', { refundedCents: 0 })
    expect(account.balance().available).toBe(100)
    expect(account.kinds()).toEqual(['grant', 'refund', 'refund_reversal'])
  })

  it('that was made before the payment was ever seen leaves nothing of it', () => {
    const account = new Example()
    account.checkout('p')
    account.report('p', { refundedCents: 500 })
    expect(account.kinds()).toEqual(['grant', 'refund'])
    expect(account.balance()).toMatchObject({ available: 0, debt: 0 })
  })

  it('takes its own credits first, then other bought ones, then any other in burn order, then owes', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.reserve('r', 90)
    account.settle('r', 90)
    account.give('promo', 20)
    account.give('soon', 15, { expiresAt: account.now + HOUR })
    account.buy('other', { credits: 30 })
    account.report('p', { refundedCents: 100 })
    expect(account.purchase('p').taken).toEqual([
      { grant: 'purchase:p', credits: 10 },
      { grant: 'purchase:other', credits: 30 },
      { grant: 'soon', credits: 15 },
      { grant: 'promo', credits: 20 },
      { grant: null, credits: 25 },
    ])
    expect(account.balance()).toMatchObject({ available: 0, debt: 25 })
  })

  it('never takes what is held; what comes back of that pays the debt', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.reserve('r', 70)
    account.report('p', { refundedCents: 100 })
    expect(account.balance()).toMatchObject({ available: 0, reserved: 70, debt: 70 })
    account.settle('r', 50)
    expect(account.balance()).toMatchObject({ available: 0, reserved: 0, debt: 50 })
  })

  it('of spent credits is a debt that the next purchase repays, and comes back as credits if it fails', () => {
    const account = accountInDebt(40)
    account.buy('next', { credits: 100 })
    expect(account.balance()).toMatchObject({ available: 60, debt: 0 })
    account.report('spent', { refundedCents: 0 })
    expect(account.balance()).toMatchObject({ available: 100, debt: 0 })
    expect(account.grant('purchase:spent').free).toBe(40)
  })

  it('that fails while its debt is still owed only ends the debt', () => {
    const account = accountInDebt(40)
    account.report('spent', { refundedCents: 0 })
    expect(account.balance()).toMatchObject({ available: 0, debt: 0 })
    expect(account.kinds().slice(-2)).toEqual(['refund_reversal', 'debt_repaid'])
  })

  it('that fails in part pays what is still owed in burn order, also with a grant that was all gone', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.reserve('r', 70)
    account.give('promo', 60)
    account.report('p', { refundedCents: 100 })
    expect(account.purchase('p').taken).toEqual([
      { grant: 'purchase:p', credits: 30 },
      { grant: 'promo', credits: 60 },
      { grant: null, credits: 10 },
    ])
    account.report('p', { refundedCents: 40 })
    expect([account.grant('promo').free, account.grant('purchase:p').free]).toEqual([40, 10])
    expect(account.balance()).toMatchObject({ available: 50, reserved: 70, debt: 0 })
  })

  it('that fails gives back last what it took first', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.reserve('r', 60)
    account.settle('r', 60)
    account.buy('other', { credits: 60 })
    account.report('p', { refundedCents: 100 })
    account.report('p', { refundedCents: 70 })
    expect([account.grant('purchase:p').free, account.grant('purchase:other').free]).toEqual([0, 30])
    account.report('p', { refundedCents: 0 })
    expect([account.grant('purchase:p').free, account.grant('purchase:other').free]).toEqual([40, 60])
  })

  it.each([
    ['expired', (account: Example) => account.wait(DAY)],
    ['been voided', (account: Example) => account.voidGrant('promo')],
  ] as const)('that fails gives nothing back to promotional credits that have %s since', (_how, lose) => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.reserve('r', 40)
    account.settle('r', 40)
    account.give('promo', 40, { expiresAt: account.now + HOUR })
    account.report('p', { refundedCents: 100 })
    lose(account)
    account.report('p', { refundedCents: 0 })
    expect(account.balance()).toMatchObject({ available: 60, debt: 0 })
    const { expired, voided, takenBack } = account.store.book.totals
    expect([expired + voided, takenBack]).toEqual([40, 0])
  })
})

describe('a dispute', () => {
  it('takes what was withdrawn; won, it is given back; lost, it stays taken', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.report('p', { disputedCents: 100 })
    expect(account.balance().available).toBe(0)
    account.report('p', { disputedCents: 0 })
    expect(account.balance().available).toBe(100)
    account.report('p', { disputedCents: 100 })
    expect(account.report('p', { disputedCents: 100 })).toMatchObject({ replayed: true })
    expect(account.balance().available).toBe(0)
    expect(account.kinds()).toEqual(['grant', 'dispute', 'dispute_reversal', 'dispute'])
  })

  it('that is an inquiry withdraws nothing and takes nothing', () => {
    const account = new Example()
    account.buy('p')
    expect(account.report('p', { disputedCents: 0 })).toMatchObject({ replayed: true })
    expect(account.balance().available).toBe(500)
  })

  it('and a refund that stand beside each other give back what each took, under its own name', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.report('p', { refundedCents: 60 })
    account.report('p', { refundedCents: 60, disputedCents: 40 })
    account.report('p', { refundedCents: 20, disputedCents: 40 })
    expect(account.purchase('p')).toMatchObject({ refundTaken: 20, disputeTaken: 40 })
    account.report('p', { refundedCents: 20, disputedCents: 0 })
    expect(account.purchase('p')).toMatchObject({ refundTaken: 20, disputeTaken: 0 })
    expect(account.kinds()).toEqual(['grant', 'refund', 'dispute', 'refund_reversal', 'dispute_reversal'])
  })

  it('beside a refund never takes more than was bought', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.report('p', { refundedCents: 60 })
    account.report('p', { refundedCents: 60, disputedCents: 100 })
    expect(account.purchase('p')).toMatchObject({ refundTaken: 60, disputeTaken: 40 })
    expect(account.balance()).toMatchObject({ available: 0, debt: 0 })
  })

  it('of the same money as a refund that then fails leaves everything where it was', () => {
    const account = new Example()
    account.buy('p', { credits: 100, priceCents: 100 })
    account.reserve('r', 40)
    account.settle('r', 40)
    account.give('promo', 40, { expiresAt: account.now + HOUR })
    account.report('p', { refundedCents: 100 })
    account.wait(DAY)
    account.report('p', { refundedCents: 100, disputedCents: 100 })
    account.report('p', { refundedCents: 0, disputedCents: 100 })
    expect(account.balance()).toMatchObject({ available: 0, debt: 0 })
    expect(account.store.book.totals).toMatchObject({ takenBack: 100, expired: 0 })
    account.report('p')
    expect(account.store.book.totals.takenBack).toBe(0)
  })

  it('that is won while a refund fails gives back once, and only then pays debt', () => {
    const account = new Example()
    account.buy('p', { credits: 10, priceCents: 3 })
    account.buy('q', { credits: 6 })
    account.buy('spent', { credits: 5 })
    account.reserve('r', 11)
    account.settle('r', 11)
    account.report('p', { refundedCents: 1, disputedCents: 2 })
    account.report('spent', { refundedCents: 500 })
    expect(account.balance()).toMatchObject({ available: 0, debt: 5 })
    const before = account.kinds().length
    account.report('p')
    expect(account.kinds().slice(before)).toEqual(['refund_reversal', 'dispute_reversal', 'debt_repaid'])
    expect(account.balance()).toMatchObject({ available: 5, debt: 0 })
  })
})

describe('the share that goes back', () => {
  it('is nothing of a payment that charged nothing, and never less than nothing', () => {
    expect([shareOf(100, 0, null), shareOf(100, 50, null)]).toEqual([0, 0])
    expect([shareOf(100, 0, 0), shareOf(100, -1, 100)]).toEqual([0, 0])
  })
})

/** It bought this many credits, spent them all, and has its money back. */
function accountInDebt(credits: number): Example {
  const account = new Example()
  account.buy('spent', { credits })
  account.reserve('all', credits)
  account.settle('all', credits)
  account.report('spent', { refundedCents: 500 })
  return account
}
