import { describe, expect, it } from 'vitest'
import { nextWake } from '../../../src/ledger/due.ts'
import { accountWith, DAY, Example, HOUR, MINUTE, refused } from './example.ts'

describe('expiry', () => {
  it('comes at the first instant of expires_at, and never a millisecond earlier', () => {
    const account = accountWith(100)
    account.reserve('r', 60, { ttlMs: MINUTE })
    account.wait(MINUTE - 1)
    expect(account.balance().reserved).toBe(60)
    account.wait(1)
    expect(account.balance()).toMatchObject({ available: 100, reserved: 0 })
    expect(account.reservation('r')).toMatchObject({ state: 'expired', charged: 0, returned: 60 })
  })

  it('is done first, at its own time, however late somebody looks', () => {
    const account = accountWith(100)
    account.reserve('r', 60, { ttlMs: MINUTE })
    const expiresAt = account.now + MINUTE
    account.wait(3 * DAY)
    expect(account.reserve('s', 100)).toMatchObject({ ok: true })
    expect(account.reservation('r')).toMatchObject({ state: 'expired', closedAt: expiresAt })
    expect(account.kinds()).toEqual(['grant', 'reserve', 'expire_reservation', 'reserve'])
  })

  it('charges what its runner last reported, if the reservation asked for that', () => {
    const account = accountWith(100)
    account.reserve('r', 60, { ttlMs: MINUTE, onExpiry: 'settle_accrued' })
    account.extend('r', { ttlMs: MINUTE, accrued: 25 })
    account.extend('r', { ttlMs: MINUTE, accrued: 10 })
    account.wait(MINUTE)
    expect(account.balance()).toMatchObject({ available: 75, reserved: 0 })
    expect(account.reservation('r')).toMatchObject({ state: 'expired', charged: 25, returned: 35 })
  })

  it.each([
    { accrued: 90, maxCredits: 120, charged: 60, why: 'the hold' },
    { accrued: 90, maxCredits: 40, charged: 40, why: 'max_credits' },
  ])('charges at most $why of what was reported', ({ accrued, maxCredits, charged }) => {
    const account = accountWith(100)
    account.reserve('r', 60, { ttlMs: MINUTE, onExpiry: 'settle_accrued', maxCredits })
    account.extend('r', { ttlMs: MINUTE, accrued })
    account.wait(MINUTE)
    account.balance()
    expect(account.reservation('r').charged).toBe(charged)
  })

  it('makes a release that comes after it a repetition', () => {
    const account = accountWith(100)
    account.reserve('r', 60, { ttlMs: MINUTE })
    account.wait(MINUTE)
    expect(account.release('r')).toMatchObject({ ok: true, replayed: true, reservation: { state: 'expired' } })
    expect(account.extend('r')).toMatchObject(refused('reservation_expired'))
  })

  it('happens in order of time: what comes back to a grant in time expires with that grant', () => {
    const account = new Example()
    account.give('promo', 100, { expiresAt: account.now + HOUR })
    account.reserve('r', 60, { ttlMs: MINUTE })
    account.wait(DAY)
    expect(account.balance()).toMatchObject({ available: 0, reserved: 0 })
    expect(account.kinds()).toEqual(['grant', 'reserve', 'expire_reservation', 'expire_grant'])
    expect(account.store.entries.at(-1)).toMatchObject({ availableDelta: -100 })
  })
})

describe('what is due', () => {
  it('is nothing, ever, where nothing expires', () => {
    expect(nextWake(accountWith(100).store.book, null)).toBeNull()
  })

  it('is what is free of a grant, not one that is all held and ends at the same instant', () => {
    const account = new Example()
    const expiresAt = account.now + HOUR
    account.give('held', 10, { expiresAt })
    account.give('free', 10, { expiresAt })
    account.reserve('r', 10, { ttlMs: DAY })
    account.wait(HOUR)
    expect(account.store.passTime(account.now)).toMatchObject([
      { at: expiresAt, decision: { replayed: false, grant: { id: 'free', free: 0 } } },
    ])
    expect(account.balance()).toMatchObject({ available: 0, reserved: 10 })
  })
})

describe('extend', () => {
  it('moves the end by the own TTL from now, and never to an earlier time', () => {
    const account = accountWith(100)
    account.reserve('r', 60, { ttlMs: HOUR })
    const made = account.now
    account.wait(10 * MINUTE)
    account.extend('r')
    expect(account.reservation('r').expiresAt).toBe(made + HOUR + 10 * MINUTE)
    account.extend('r', { ttlMs: MINUTE })
    expect(account.reservation('r').expiresAt).toBe(made + HOUR + 10 * MINUTE)
  })

  it('carries no hold further than 24 h after it was made', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    expect(account.extend('r', { ttlMs: DAY })).toMatchObject({ ok: true })
    account.wait(1)
    const limit = { limit: 'reservation_lifetime_seconds', maximum: 86_400 }
    expect(account.extend('r', { ttlMs: DAY, accrued: 5 })).toMatchObject(refused('limit_exceeded', limit))
    expect(account.reservation('r').accrued).toBe(0)
  })

  it('goes as far as it may when a heartbeat names no time, and takes note of what was spent', () => {
    const account = accountWith(100)
    const made = account.now
    account.reserve('r', 60, { ttlMs: DAY })
    account.wait(HOUR)
    expect(account.extend('r', { accrued: 5 })).toMatchObject({
      ok: true,
      reservation: { accrued: 5, expiresAt: made + DAY },
    })
  })

  it('raises the hold to an amount; an amount below it changes nothing', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.extend('r', { credits: 90 })
    account.extend('r', { credits: 10 })
    expect(account.balance()).toMatchObject({ available: 10, reserved: 90 })
    expect(account.extend('r', { credits: 101 })).toMatchObject(refused('insufficient_credits', { requested: 11 }))
    expect(account.extend('r', { credits: 121 })).toMatchObject(refused('limit_exceeded', { limit: 'max_credits' }))
  })

  it('keeps the hold in burn order when a grant that came later burns sooner', () => {
    const account = accountWith(60)
    account.reserve('r', 60)
    account.give('sooner', 40, { expiresAt: account.now + DAY })
    account.extend('r', { credits: 100 })
    account.settle('r', 30)
    expect(account.grant('sooner').free).toBe(10)
    expect(account.grant('start').free).toBe(60)
  })
})
