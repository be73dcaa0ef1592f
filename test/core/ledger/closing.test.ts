/** How a reservation closes, part by part and entry by entry: what the balances alone do not show. */
import { describe, expect, it } from 'vitest'
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import { accountWith, DAY, Example, HOUR, refused } from './example.ts'

/** Two grants of 30 and 70, of which a reservation holds 60 and reported 50 as spent when its time ran out. */
function expiredWithAccrued(): Example {
  const account = new Example()
  account.give('first', 30)
  account.give('second', 70)
  account.reserve('r', 60, { onExpiry: 'settle_accrued' })
  account.extend('r', { accrued: 50 })
  account.wait(HOUR)
  account.balance()
  return account
}

describe('the parts of a reservation', () => {
  it('say after a settle what each grant was charged', () => {
    const account = new Example()
    account.give('first', 30)
    account.give('second', 70)
    account.reserve('r', 60)
    account.settle('r', 40)
    expect(account.reservation('r').parts).toMatchObject([
      { grant: 'first', held: 30, charged: 30, lost: 0 },
      { grant: 'second', held: 30, charged: 10, lost: 0 },
    ])
  })

  it('say after a release that nothing was charged', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.release('r')
    expect(account.reservation('r').parts).toMatchObject([{ grant: 'start', held: 60, charged: 0, lost: 0 }])
  })
})

describe('a grant that expires together with what holds all of a part of it', () => {
  it('expires on its own where nothing of that came back', () => {
    const account = new Example()
    account.give('short', 100, { expiresAt: account.now + HOUR })
    account.reserve('r', 60, { onExpiry: 'settle_accrued', ttlMs: HOUR })
    account.extend('r', { accrued: 60 })
    account.wait(HOUR)
    expect(account.balance()).toMatchObject({ available: 0, reserved: 0 })
    expect(account.store.entries.slice(-2)).toMatchObject([
      { kind: 'expire_reservation', charged: 60, availableDelta: 0 },
      { kind: 'expire_grant', detail: { grant: 'short' }, availableDelta: -40 },
    ])
  })
})

describe('the entry of a release', () => {
  it('says why, if a reason was given', () => {
    const account = accountWith(100)
    account.reserve('with', 10)
    account.do({ op: 'release', id: 'with', reason: 'cancelled' })
    account.reserve('without', 10)
    account.release('without')
    const details = account.store.entries.filter(({ kind }) => kind === 'release').map(({ detail }) => detail)
    expect(details).toEqual([{ reason: 'cancelled' }, null])
  })
})

describe('a late settle below what expiry charged', () => {
  it('gives back to the grant that was charged last', () => {
    const account = expiredWithAccrued()
    expect(account.grant('second').free).toBe(50)
    const decision = account.settle('r', 40)
    expect([account.grant('first').free, account.grant('second').free]).toEqual([0, 60])
    // And writes no other.
    expect(decision).toMatchObject({ change: { grants: [{ id: 'second' }] } })
  })

  it('gives back to the one before it, once that has all', () => {
    const account = expiredWithAccrued()
    account.settle('r', 10)
    expect([account.grant('first').free, account.grant('second').free]).toEqual([20, 70])
    expect(account.reservation('r')).toMatchObject({ charged: 10, returned: 50 })
  })

  it('gives nothing to a grant that has expired meanwhile: that expires too, and at once', () => {
    const account = new Example()
    account.give('short', 60, { expiresAt: account.now + DAY })
    account.reserve('r', 60, { onExpiry: 'settle_accrued' })
    account.extend('r', { accrued: 50 })
    account.wait(2 * DAY)
    account.balance()
    expect(account.settle('r', 20)).toMatchObject({
      change: { entries: [{}, { kind: 'expire_grant', at: account.now }] },
    })
    expect(account.kinds().slice(-2)).toEqual(['settle', 'expire_grant'])
    expect(account.store.book).toMatchObject({ available: 0, reserved: 0, totals: { expired: 40 } })
  })

  it('pays what the account owes before anything of it is free', () => {
    const account = expiredWithAccrued()
    account.allowDebt()
    account.reserve('owing', 50, { overage: 'debt' })
    account.settle('owing', 75)
    expect(account.balance()).toMatchObject({ available: 0, debt: 25 })
    account.settle('r', 10)
    expect(account.kinds().slice(-2)).toEqual(['settle', 'debt_repaid'])
    expect(account.store.book).toMatchObject({ available: 15, debt: 0 })
  })
})

describe('what was ever charged and absorbed together', () => {
  it('stays within what is exact in JSON', () => {
    const account = accountWith(100)
    account.reserve('absorbed', 10, { overage: 'cap' })
    expect(account.settle('absorbed', MAX_MILLICREDITS - 20)).toMatchObject({ ok: true })
    account.reserve('more', 30)
    expect(account.settle('more', 21)).toMatchObject(refused('limit_exceeded', { limit: 'lifetime_credits' }))
    expect(account.settle('more', 20)).toMatchObject({ ok: true, reservation: { charged: 20 } })
  })
})
