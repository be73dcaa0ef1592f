import { describe, expect, it } from 'vitest'
import { accountWith, Example, HOUR, MINUTE, refused } from './example.ts'

describe('reserve', () => {
  it('holds credits that nobody else can then use', () => {
    const account = accountWith(100)
    expect(account.reserve('r', 60)).toMatchObject({ ok: true, replayed: false, reservation: { state: 'held' } })
    expect(account.balance()).toMatchObject({ available: 40, reserved: 60 })
    expect(account.reserve('s', 41)).toMatchObject(
      refused('insufficient_credits', { requested: 41, available: 40, debt: 0 }),
    )
    expect(account.reserve('s', 40)).toMatchObject({ ok: true })
  })

  it('burns the trial, then what expires soonest, then promotional before bought, then the oldest', () => {
    const account = new Example()
    const in2h = account.now + 2 * HOUR
    account.give('bought', 1, { kind: 'purchase' })
    account.give('younger', 1, { kind: 'adjustment' })
    account.give('youngest', 1)
    account.give('bought, expiring', 1, { kind: 'top_up', expiresAt: in2h })
    account.give('promotional, expiring', 1, { expiresAt: in2h })
    account.give('soonest', 1, { expiresAt: account.now + HOUR })
    account.give('trial', 1, { kind: 'trial', expiresAt: account.now + 14 * 24 * HOUR })
    account.reserve('r', 7)
    expect(account.reservation('r').parts.map((part) => part.grant)).toEqual([
      'trial',
      'soonest',
      'promotional, expiring',
      'bought, expiring',
      'younger',
      'youngest',
      'bought',
    ])
  })

  it('answers the same body with the reservation as it now is, for ever, and changes nothing', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.settle('r', 10)
    const before = account.store.book
    expect(account.reserve('r', 60)).toMatchObject({ ok: true, replayed: true, reservation: { state: 'settled' } })
    expect(account.store.book).toBe(before)
  })

  it('refuses another body under the same id, and names the field', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    expect(account.reserve('r', 60, { ttlMs: HOUR })).toMatchObject(refused('conflict', { field: 'ttlMs' }))
  })

  it('compares the body as first sent, not the figures that were derived from it since', () => {
    const account = accountWith(100)
    const request = { tier: 'code_review', diffLines: 150, specialists: ['security', 'quality'] }
    account.reserve('r', 60, { request })
    const again = { specialists: ['quality', 'security'], diffLines: 150, tier: 'code_review' }
    expect(account.reserve('r', 75, { request: again })).toMatchObject({ replayed: true, reservation: { held: 60 } })
  })

  it('makes one hold of two reserves with one dedupe key within 60 s, and keeps both names for ever', () => {
    const account = accountWith(100)
    account.reserve('webhook', 60, { dedupeKey: 'acme/api#118' })
    account.wait(MINUTE - 1)
    expect(account.reserve('command', 60, { dedupeKey: 'acme/api#118' })).toMatchObject({
      replayed: true,
      reservation: { id: 'webhook' },
    })
    expect(account.settle('command', 50)).toMatchObject({ reservation: { id: 'webhook', state: 'settled' } })
    expect(account.reserve('command', 61, { dedupeKey: 'acme/api#118' })).toMatchObject(refused('conflict'))
    expect(account.balance()).toMatchObject({ available: 50, reserved: 0 })
  })

  it('takes a dedupe key for a new review 60 s later, or once the first was released', () => {
    const account = accountWith(100)
    account.reserve('first', 10, { dedupeKey: 'key' })
    account.wait(MINUTE)
    expect(account.reserve('second', 10, { dedupeKey: 'key' })).toMatchObject({ replayed: false })
    account.release('second')
    expect(account.reserve('third', 10, { dedupeKey: 'key' })).toMatchObject({ replayed: false })
  })

  it('supersedes another hold in the same moment, with its credits', () => {
    const account = accountWith(100)
    account.reserve('old', 80)
    expect(account.reserve('new', 90, { supersedes: 'old' })).toMatchObject({ ok: true })
    expect(account.reservation('old').state).toBe('released')
    const [, , release] = account.store.entries
    expect(release).toMatchObject({ kind: 'release', reservation: 'old', detail: { reason: 'superseded by new' } })
    expect(account.balance()).toMatchObject({ available: 10, reserved: 90 })
  })

  it('leaves the old hold alone if the one that supersedes it is refused', () => {
    const account = accountWith(100)
    account.reserve('old', 80)
    const refusal = refused('insufficient_credits', { requested: 101, available: 20, shortfall: 1 })
    expect(account.reserve('new', 101, { supersedes: 'old' })).toMatchObject(refusal)
    expect(account.reservation('old').state).toBe('held')
  })

  it('holds all the same if what it supersedes is closed or unknown', () => {
    const account = accountWith(100)
    account.reserve('old', 10)
    account.settle('old', 10)
    expect(account.reserve('new', 10, { supersedes: 'old' })).toMatchObject({ ok: true })
    expect(account.reserve('newer', 10, { supersedes: 'never seen' })).toMatchObject({ ok: true })
  })

  it('refuses overage into debt unless the operator allowed it', () => {
    const account = accountWith(100)
    expect(account.reserve('r', 10, { overage: 'debt' })).toMatchObject(refused('forbidden'))
    account.allowDebt()
    expect(account.reserve('r', 10, { overage: 'debt' })).toMatchObject({ ok: true })
  })

  it('refuses the 10,001st open reservation, until one closes', () => {
    const account = accountWith(20_000)
    for (let each = 1; each <= 10_000; each += 1) account.reserve(`r${each}`, 1)
    expect(account.reserve('one more', 1)).toMatchObject(
      refused('limit_exceeded', { limit: 'open_reservations', maximum: 10_000 }),
    )
    expect(account.reserve('instead', 1, { supersedes: 'r1' })).toMatchObject({ ok: true })
    account.release('r2')
    expect(account.reserve('one more', 1)).toMatchObject({ ok: true })
  })
})

describe('reserve with the own key', () => {
  it('holds nothing, settles to nothing, and records the cost', () => {
    const account = new Example()
    account.byok(true)
    expect(account.reserve('r', 60)).toMatchObject({ reservation: { mode: 'byok', held: 0 } })
    expect(account.settle('r', 50)).toMatchObject({ reservation: { charged: 0, absorbed: 0, actual: 50 } })
    expect(account.store.entries.at(-1)).toMatchObject({ kind: 'settle', mode: 'byok', actual: 50, charged: 0 })
  })

  it('keeps the mode that a reservation was made in', () => {
    const account = accountWith(100)
    account.reserve('credits', 60)
    account.byok(true)
    account.reserve('byok', 60)
    account.byok(false)
    expect(account.settle('byok', 60)).toMatchObject({ reservation: { charged: 0 } })
    expect(account.settle('credits', 60)).toMatchObject({ reservation: { charged: 60 } })
  })
})
