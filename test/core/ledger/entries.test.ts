/** What entries say of that which they are about, and what is due only when it is. */
import { describe, expect, it } from 'vitest'
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import { chooseCard } from '../../../src/ledger/auto-top-up.ts'
import { firstDifference } from '../../../src/ledger/reservation.ts'
import { accountWith, DAY, Example, MINUTE, refused } from './example.ts'

function last(account: Example) {
  return account.store.entries.at(-1)
}

describe('the entry', () => {
  it('of a grant names it, its kind, and its reason if it has one', () => {
    const account = accountWith(100)
    expect(last(account)?.detail).toEqual({ grant: 'start', kind: 'promotional' })
    account.give('thanks', 5, { kind: 'adjustment', reason: 'for waiting' })
    expect(last(account)?.detail).toEqual({ grant: 'thanks', kind: 'adjustment', reason: 'for waiting' })
  })

  it('has the number that is kept with what it made', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    expect([account.grant('start').ordinal, account.reservation('r').ordinal]).toEqual([1, 2])
    expect(account.store.entries.map(({ seq }) => seq)).toEqual([1, 2])
  })

  it('of a settle says what the runner said that it cost; no other says a cost', () => {
    const account = accountWith(100)
    account.reserve('r', 60)
    account.do({ op: 'settle', id: 'r', actual: 50_310, costUsd: '0.5031' })
    const said = account.store.entries.map(({ kind, costUsd, mode }) => [kind, costUsd, mode])
    expect(said).toEqual([
      ['grant', null, 'credits'],
      ['reserve', null, 'credits'],
      ['settle', '0.5031', 'credits'],
    ])
  })

  it('names the grants that it moved, and no other', () => {
    const account = accountWith(30)
    account.give('taken', -10, { kind: 'adjustment' })
    expect(last(account)?.grants).toEqual([{ id: 'start', credits: -10, held: 0 }])
  })

  it('of a grant that is voided or expires names it, and so does the answer', () => {
    const account = new Example()
    account.give('gone', 10)
    expect(account.voidGrant('gone')).toMatchObject({ grant: { id: 'gone', voided: true, free: 0 } })
    expect(last(account)).toMatchObject({ kind: 'void_grant', detail: { grant: 'gone' } })
    account.give('short', 10, { expiresAt: account.now + DAY })
    account.wait(DAY)
    account.balance()
    expect(last(account)).toMatchObject({ kind: 'expire_grant', detail: { grant: 'short' }, availableDelta: -10 })
  })

  it('of BYOK says whether it is on', () => {
    const account = accountWith(100)
    account.byok(true)
    expect(last(account)).toMatchObject({ kind: 'byok_changed', detail: { enabled: true } })
  })

  it('of a higher hold is about its reservation; a heartbeat that raises nothing writes none', () => {
    const account = accountWith(100)
    account.reserve('r', 20, { tier: 'code_review', metadata: { repository: 'acme/api' } })
    account.extend('r', { credits: 40 })
    expect(last(account)).toMatchObject({
      ...{ kind: 'extend', reservation: 'r', tier: 'code_review', metadata: { repository: 'acme/api' } },
      ...{ availableDelta: -20, reservedDelta: 20 },
    })
    const entries = account.store.entries.length
    account.extend('r', { accrued: 5, credits: 40 })
    expect(account.store.entries).toHaveLength(entries)
    expect(account.reservation('r').parts).toMatchObject([{ grant: 'start', held: 40 }])
  })
})

describe('a higher hold', () => {
  it('may reach the cap, and not one more; what is missing is said', () => {
    const account = accountWith(30)
    account.reserve('r', 20, { maxCredits: 50 })
    expect(account.extend('r', { credits: 51 })).toMatchObject(refused('limit_exceeded', { limit: 'max_credits' }))
    expect(account.extend('r', { credits: 50 })).toMatchObject(
      refused('insufficient_credits', { requested: 30, available: 10, shortfall: 20 }),
    )
    account.give('more', 20)
    expect(account.extend('r', { credits: 50 })).toMatchObject({ ok: true, reservation: { held: 50 } })
  })
})

describe('an adjustment', () => {
  it('may take all that is free, and says what is missing for more', () => {
    const account = accountWith(30)
    expect(account.give('too-much', -31, { kind: 'adjustment' })).toMatchObject(
      refused('insufficient_credits', { requested: 31, available: 30, shortfall: 1 }),
    )
    expect(account.give('all', -30, { kind: 'adjustment' })).toMatchObject({ ok: true })
    expect(account.voidGrant('all')).toMatchObject(
      refused('forbidden', { why: 'This adjustment took credits away; grant them again instead.' }),
    )
  })

  it('is a conflict under an id that was sent with another kind or reason', () => {
    const account = accountWith(30)
    const again = (terms: object) => account.give('start', 30, terms)
    expect(again({ kind: 'adjustment' })).toMatchObject(refused('conflict', { field: 'kind' }))
    expect(again({ reason: 'another' })).toMatchObject(refused('conflict', { field: 'reason' }))
    expect(again({})).toMatchObject({ ok: true, replayed: true })
  })
})

describe('what is asked to expire', () => {
  it('expires once, and not before its time', () => {
    const account = new Example()
    account.give('short', 50, { expiresAt: account.now + DAY })
    account.reserve('r', 20)
    const expire = (op: 'expire_grant' | 'expire_reservation', id: string) => account.do({ op, id, at: account.now })
    expect(expire('expire_reservation', 'r')).toMatchObject({ replayed: true, reservation: { state: 'held' } })
    expect(expire('expire_grant', 'short')).toMatchObject({ replayed: true, grant: { free: 30 } })
    expect(expire('expire_reservation', 'unknown')).toMatchObject({ replayed: true, reservation: null })
    expect(expire('expire_grant', 'unknown')).toMatchObject({ replayed: true, grant: null })
    account.wait(15 * MINUTE)
    account.balance()
    const entries = account.store.entries.length
    expect(expire('expire_reservation', 'r')).toMatchObject({ replayed: true, reservation: { state: 'expired' } })
    account.wait(DAY)
    account.balance()
    expect(expire('expire_grant', 'short')).toMatchObject({ replayed: true, grant: { free: 0 } })
    expect(account.store.entries).toHaveLength(entries + 1)
  })

  it('is charged no more than a lifetime can count', () => {
    const account = accountWith(1_000)
    account.reserve('most', 500, { overage: 'cap' })
    account.settle('most', 500)
    account.reserve('r', 400, { onExpiry: 'settle_accrued' })
    account.extend('r', { accrued: 400 })
    account.store.book = {
      ...account.store.book,
      totals: { ...account.store.book.totals, charged: MAX_MILLICREDITS - 300 },
    }
    account.wait(15 * MINUTE)
    account.store.passTime(account.now)
    expect(account.reservation('r')).toMatchObject({ state: 'expired', charged: 300, returned: 100 })
  })
})

describe('the first field that differs', () => {
  it('is none, whatever the order of names and of lists', () => {
    const facts = { metadata: { a: '1', b: '2', c: '3' }, specialists: ['x', 'y', 'z'], credits: 1 }
    const same = { credits: 1, specialists: ['z', 'x', 'y'], metadata: { c: '3', a: '1', b: '2' } }
    expect(firstDifference(facts, same)).toBeNull()
    expect(firstDifference({ ...facts, dedupeKey: null }, facts)).toBeNull()
  })

  it('is named in the order of the first request', () => {
    const first = { metadata: { a: '1' }, credits: 1 }
    expect(firstDifference(first, { metadata: { a: '2' }, credits: 2 })).toBe('metadata')
    expect(firstDifference(first, { metadata: { a: '1' } })).toBe('credits')
    expect(firstDifference(first, { ...first, more: 1 })).toBe('more')
  })
})

describe('the card to charge', () => {
  const now = Date.UTC(2026, 5, 15)
  const card = (fingerprint: string, expYear: number) => {
    return { id: `pm_${fingerprint}`, fingerprint, brand: 'visa', last4: '4242', expMonth: 5, expYear }
  }
  const [old, good, other] = [card('old', 2026), card('good', 2030), card('other', 2030)]

  it('is the agreed one while it is good, else the first good one, else the first', () => {
    expect(chooseCard([old, good, other], 'other', now)).toBe(other)
    expect(chooseCard([old, good, other], 'old', now)).toBe(good)
    expect(chooseCard([old, good, other], null, now)).toBe(good)
    expect(chooseCard([old], 'other', now)).toBe(old)
    expect(chooseCard([], 'other', now)).toBeNull()
  })
})
