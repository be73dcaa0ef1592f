import { describe, expect, it } from 'vitest'
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import { accountWith, DAY, Example, HOUR, MINUTE, refused } from './example.ts'

describe('a grant', () => {
  it('is given once per id, however often it is sent', () => {
    const account = new Example()
    account.give('g', 100)
    expect(account.give('g', 100)).toMatchObject({ ok: true, replayed: true })
    expect(account.give('g', 101)).toMatchObject(refused('conflict', { field: 'credits' }))
    expect(account.balance().available).toBe(100)
  })

  it('answers its repetition also after it has expired', () => {
    const account = new Example()
    const expiresAt = account.now + HOUR
    account.give('g', 100, { expiresAt })
    account.wait(DAY)
    expect(account.give('g', 100, { expiresAt })).toMatchObject({ ok: true, replayed: true, grant: { free: 0 } })
    expect(account.give('h', 100, { expiresAt })).toMatchObject(refused('invalid', { field: 'expires_at' }))
  })

  it('loses only its free part when it expires; what is held stays good for that review', () => {
    const account = new Example()
    account.give('g', 100, { expiresAt: account.now + MINUTE })
    account.reserve('r', 60, { ttlMs: HOUR })
    account.wait(MINUTE)
    expect(account.balance()).toMatchObject({ available: 0, reserved: 60 })
    expect(account.settle('r', 50)).toMatchObject({ reservation: { charged: 50, returned: 10 } })
    expect(account.balance()).toMatchObject({ available: 0, reserved: 0 })
    expect(account.store.book.totals).toMatchObject({ charged: 50, expired: 50 })
  })

  it('loses its free part at once when it is voided, and the held part on return', () => {
    const account = new Example()
    account.give('g', 100)
    account.reserve('r', 60)
    account.voidGrant('g')
    expect(account.balance()).toMatchObject({ available: 0, reserved: 60 })
    account.release('r')
    expect(account.balance()).toMatchObject({ available: 0, reserved: 0 })
    expect(account.store.book.totals.voided).toBe(100)
    expect(account.voidGrant('g')).toMatchObject({ ok: true, replayed: true })
  })

  it.each(['purchase', 'top_up'] as const)('of kind %s cannot be voided, and time does not take it', (kind) => {
    const account = new Example()
    account.give('g', 100, { kind })
    expect(account.voidGrant('g')).toMatchObject(refused('forbidden'))
    account.wait(3_650 * DAY)
    expect(account.balance()).toMatchObject({ available: 100, purchased: { available: 100 } })
  })

  it('that adjusts downwards takes free credits in burn order, and never more than there are', () => {
    const account = new Example()
    account.give('bought', 50, { kind: 'purchase' })
    account.give('promo', 50)
    expect(account.give('minus', -60, { kind: 'adjustment' })).toMatchObject({ ok: true })
    expect([account.grant('promo').free, account.grant('bought').free]).toEqual([0, 40])
    expect(account.give('more', -41, { kind: 'adjustment' })).toMatchObject(
      refused('insufficient_credits', { requested: 41, available: 40 }),
    )
    expect(account.voidGrant('minus')).toMatchObject(refused('forbidden'))
  })

  it('that would make more than 10^15 millicredits in a lifetime is refused', () => {
    const account = accountWith(1)
    const limit = { limit: 'lifetime_credits', maximum: MAX_MILLICREDITS }
    expect(account.give('g', MAX_MILLICREDITS)).toMatchObject(refused('limit_exceeded', limit))
    expect(account.give('g', MAX_MILLICREDITS - 1)).toMatchObject({ ok: true })
  })
})

describe('debt', () => {
  function owing(): Example {
    const account = accountWith(100)
    account.allowDebt()
    account.reserve('open', 40)
    account.reserve('r', 60, { overage: 'debt' })
    account.settle('r', 85)
    expect(account.balance()).toMatchObject({ available: 0, reserved: 40, debt: 25 })
    return account
  }

  it('is paid first by the next grant, in an entry of its own', () => {
    const account = owing()
    account.give('g', 30)
    expect(account.balance()).toMatchObject({ available: 5, debt: 0 })
    expect(account.kinds().slice(-2)).toEqual(['grant', 'debt_repaid'])
  })

  it('is paid first by what a review returns', () => {
    const account = owing()
    account.settle('open', 30)
    expect(account.balance()).toMatchObject({ available: 0, debt: 15 })
    expect(account.kinds().slice(-2)).toEqual(['settle', 'debt_repaid'])
  })

  it('is not paid with credits that expired on return', () => {
    const account = new Example()
    account.allowDebt()
    account.give('short', 50, { expiresAt: account.now + MINUTE })
    account.reserve('open', 40, { ttlMs: HOUR })
    account.reserve('r', 10, { overage: 'debt', ttlMs: HOUR })
    account.settle('r', 20)
    account.wait(MINUTE)
    account.release('open')
    expect(account.balance()).toMatchObject({ available: 0, reserved: 0, debt: 10 })
    expect(account.kinds().slice(-2)).toEqual(['release', 'expire_grant'])
  })
})

describe('the balance', () => {
  it('has three parts that sum up to what is available and reserved', () => {
    const account = new Example()
    const trialEnds = account.now + 14 * DAY
    account.give('trial', 100, { kind: 'trial', expiresAt: trialEnds })
    account.give('promo', 50, { expiresAt: account.now + DAY })
    account.give('bought', 500, { kind: 'purchase' })
    account.reserve('r', 120, { ttlMs: DAY })
    expect(account.balance()).toMatchObject({
      available: 530,
      reserved: 120,
      trial: { available: 0, reserved: 100, expiresAt: trialEnds },
      promotional: { available: 30, reserved: 20, nextExpiresAt: account.now + DAY },
      purchased: { available: 500, reserved: 0 },
    })
  })

  it('shows the trial until it has expired and nothing holds any of it', () => {
    const account = new Example()
    account.give('trial', 100, { kind: 'trial', expiresAt: account.now + HOUR })
    account.reserve('r', 60, { ttlMs: 2 * HOUR })
    account.wait(HOUR)
    expect(account.balance().trial).toMatchObject({ available: 0, reserved: 60 })
    account.release('r')
    expect(account.balance().trial).toBe(null)
  })

  it('are at most 1,000 at a time of those that are given away; what was bought is always granted', () => {
    const account = new Example()
    for (let count = 0; count < 1_000; count += 1) account.give(`gift-${count}`, 1)
    expect(account.give('one-more', 1)).toMatchObject(
      refused('limit_exceeded', { limit: 'live_grants', maximum: 1_000 }),
    )
    expect(account.give('adjusted', 1, { kind: 'adjustment' })).toMatchObject(refused('limit_exceeded'))
    expect(account.give('bought', 1, { kind: 'purchase' })).toMatchObject({ ok: true })
    expect(account.give('taken', -1, { kind: 'adjustment' })).toMatchObject({ ok: true })
    account.reserve('r', 10)
    account.settle('r', 10)
    expect(account.give('one-more', 1)).toMatchObject({ ok: true })
  })
})
