import { describe, expect, it } from 'vitest'
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import { accountWith, DAY, Example, HOUR, MINUTE, refused } from './example.ts'

describe('settle', () => {
  it('charges the actual cost and returns the rest to the very grants it came from, in one commit', () => {
    const account = new Example()
    account.give('first', 30)
    account.give('second', 70)
    account.reserve('r', 60)
    expect(account.settle('r', 20)).toMatchObject({ reservation: { charged: 20, returned: 40, absorbed: 0 } })
    expect(account.grant('first')).toMatchObject({ free: 10, held: 0 })
    expect(account.grant('second')).toMatchObject({ free: 70, held: 0 })
    expect(account.balance()).toMatchObject({ available: 80, reserved: 0 })
  })

  it('answers the same amount with the first result, and refuses another amount', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.settle('r', 20)
    expect(account.settle('r', 20)).toMatchObject({ replayed: true, reservation: { charged: 20 } })
    expect(account.settle('r', 21)).toMatchObject(refused('reservation_settled'))
    expect(account.release('r')).toMatchObject(refused('reservation_settled'))
    expect(account.balance().available).toBe(80)
  })

  it('is refused after a release, and for an id that nobody reserved', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.release('r')
    expect(account.settle('r', 20)).toMatchObject(refused('reservation_released'))
    expect(account.settle('r', MAX_MILLICREDITS + 1)).toMatchObject(refused('reservation_released'))
    expect(account.settle('s', 20)).toMatchObject(refused('not_found'))
  })

  it('above the hold takes free credits as far as they go, and absorbs the rest', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.reserve('other', 30)
    expect(account.settle('r', 90)).toMatchObject({ reservation: { charged: 70, returned: 0, absorbed: 20 } })
    expect(account.balance()).toMatchObject({ available: 0, reserved: 30, debt: 0 })
  })

  it('above the hold with `cap` absorbs all of it', () => {
    const account = accountWith(100)
    account.reserve('r', 60, { overage: 'cap' })
    expect(account.settle('r', 90)).toMatchObject({ reservation: { charged: 60, absorbed: 30 } })
    expect(account.balance().available).toBe(40)
  })

  it('above the hold with `debt` takes free credits, then owes', () => {
    const account = accountWith(100)
    account.allowDebt()
    account.reserve('r', 60, { overage: 'debt' })
    expect(account.settle('r', 115)).toMatchObject({ reservation: { charged: 115, absorbed: 0 } })
    expect(account.balance()).toMatchObject({ available: 0, debt: 15 })
  })

  it('owes nothing if debt is no longer allowed when it settles', () => {
    const account = accountWith(100)
    account.allowDebt()
    account.reserve('r', 60, { overage: 'debt' })
    account.store.allowDebt(false)
    expect(account.settle('r', 115)).toMatchObject({ reservation: { charged: 100, absorbed: 15 } })
  })

  it.each(['available', 'cap', 'debt'] as const)(
    'never charges more than max_credits, with overage `%s`',
    (overage) => {
      const account = accountWith(100)
      account.allowDebt()
      account.reserve('r', 40, { overage, maxCredits: 30 })
      expect(account.settle('r', 90)).toMatchObject({ reservation: { charged: 30, returned: 10, absorbed: 60 } })
    },
  )

  it('keeps lifetime sums exact: a cost that would leave them is refused and changes nothing (R20)', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.settle('r', 1)
    account.reserve('s', 60)
    const limit = { limit: 'lifetime_credits', maximum: MAX_MILLICREDITS }
    expect(account.settle('s', MAX_MILLICREDITS)).toMatchObject(refused('limit_exceeded', limit))
    expect(account.settle('s', MAX_MILLICREDITS - 1)).toMatchObject({ ok: true })
  })
})

describe('a late settle', () => {
  function expired(terms: Parameters<Example['reserve']>[2] = {}, accrued: number | null = null): Example {
    const account = accountWith(100)
    account.reserve('r', 60, { ttlMs: MINUTE, ...terms })
    if (accrued !== null) account.extend('r', { accrued })
    account.wait(MINUTE)
    account.balance()
    return account
  }

  it('is accepted for 7 days from expiry, and not a millisecond longer', () => {
    const account = expired()
    account.wait(7 * DAY - 1)
    expect(account.settle('r', 20)).toMatchObject({ reservation: { state: 'settled', late: true, charged: 20 } })
    const other = expired()
    other.wait(7 * DAY)
    expect(other.settle('r', 20)).toMatchObject(refused('reservation_expired'))
  })

  it('moves only the difference to what expiry charged', () => {
    const account = expired({ onExpiry: 'settle_accrued' }, 25)
    expect(account.balance().available).toBe(75)
    expect(account.settle('r', 40)).toMatchObject({ reservation: { charged: 40, returned: 35, absorbed: 0 } })
    expect(account.balance().available).toBe(60)
  })

  it('gives back what expiry charged above the cost', () => {
    const account = expired({ onExpiry: 'settle_accrued' }, 25)
    expect(account.settle('r', 10)).toMatchObject({ reservation: { charged: 10, returned: 50, absorbed: 0 } })
    expect(account.balance().available).toBe(90)
    expect(account.store.entries.at(-1)).toMatchObject({ kind: 'settle', late: true, charged: -15 })
  })

  it('takes free credits as far as they go, and absorbs the rest', () => {
    const account = expired()
    account.reserve('other', 70)
    expect(account.settle('r', 50)).toMatchObject({ reservation: { charged: 30, absorbed: 20 } })
    expect(account.store.entries.at(-1)).toMatchObject({ kind: 'settle', charged: 30, absorbed: 20 })
  })

  it('follows the overage above what was once held', () => {
    const account = expired({ overage: 'cap' })
    expect(account.settle('r', 90)).toMatchObject({ reservation: { charged: 60, absorbed: 30 } })
  })

  it('owes only what is above the hold, never what its hold did not find again', () => {
    const account = accountWith(100)
    account.allowDebt()
    account.reserve('r', 60, { overage: 'debt', ttlMs: MINUTE })
    account.wait(MINUTE)
    account.reserve('other', 90)
    expect(account.settle('r', 70)).toMatchObject({ reservation: { charged: 20, absorbed: 50 } })
    expect(account.balance()).toMatchObject({ available: 0, debt: 10 })
  })

  it('absorbs the part whose credits expired on return, rather than charge others for it', () => {
    const account = new Example()
    account.give('short', 40, { expiresAt: account.now + MINUTE })
    account.give('long', 60, { kind: 'purchase' })
    account.reserve('r', 50, { ttlMs: HOUR })
    account.wait(HOUR)
    expect(account.settle('r', 45)).toMatchObject({ reservation: { charged: 5, absorbed: 40 } })
    expect(account.balance().available).toBe(55)
  })

  it('counts towards the lifetime sums only by what it adds to them (R20)', () => {
    const account = accountWith(MAX_MILLICREDITS)
    account.reserve('r', MAX_MILLICREDITS, { ttlMs: MINUTE, onExpiry: 'settle_accrued', maxCredits: MAX_MILLICREDITS })
    account.extend('r', { accrued: MAX_MILLICREDITS })
    account.wait(HOUR)
    expect(account.settle('r', MAX_MILLICREDITS)).toMatchObject({ ok: true, reservation: { state: 'settled' } })
    account.byok(true)
    account.reserve('byok', 1)
    expect(account.settle('byok', 1)).toMatchObject({ ok: true, reservation: { charged: 0 } })
  })
})
