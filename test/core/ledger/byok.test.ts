import { describe, expect, it } from 'vitest'
import { accountWith, Example, MINUTE, refused } from './example.ts'

describe('the own key', () => {
  it('is an entry when it is put, replaced or removed, and none when nothing changes', () => {
    const account = new Example()
    const change = { op: 'change_byok', enabled: true, isSame: false, preview: 'a', former: null, by: 'key_1' } as const
    expect(account.do(change)).toMatchObject({ ok: true, replayed: false })
    expect(account.do({ ...change, isSame: true, former: 'a' })).toMatchObject({
      ok: true,
      replayed: true,
      change: null,
    })
    account.do({ ...change, preview: 'b', former: 'a' })
    account.do({ ...change, enabled: false, preview: null, former: 'b' })
    expect(account.do({ ...change, enabled: false, preview: null })).toMatchObject({ replayed: true, change: null })
    expect(account.store.entries.map(({ detail }) => detail?.['change'])).toEqual(['added', 'replaced', 'removed'])
    expect(account.store.entries.at(-1)?.detail).toEqual({
      ...{ enabled: false, change: 'removed', preview: null, former: 'b', by: 'key_1' },
    })
  })

  it('is read for a held reservation of its mode, with an entry that moves nothing and says which review it was', () => {
    const account = accountWith(100)
    account.byok(true)
    account.reserve('r', 60, { tier: 'code_review', metadata: { repository: 'acme/api' } })
    const before = account.store.book
    expect(account.readByok('r')).toMatchObject({ ok: true, reservation: { id: 'r' }, change: { reservations: [] } })
    expect(account.store.book).toEqual({ ...before, seq: before.seq + 1 })
    expect(account.store.entries.at(-1)).toMatchObject({
      ...{ kind: 'byok_read', reservation: 'r', tier: 'code_review', metadata: { repository: 'acme/api' } },
      ...{ mode: 'byok', detail: { by: 'service' }, availableDelta: 0, reservedDelta: 0, charged: 0 },
    })
  })

  it('is read for no reservation that is over, unknown or paid for in credits, nor once it was removed', () => {
    const account = accountWith(100)
    account.reserve('credits', 10)
    account.byok(true)
    for (const id of ['settled', 'released', 'expired']) account.reserve(id, 1, { ttlMs: MINUTE })
    account.reserve('held', 1)
    account.settle('settled', 1)
    account.release('released')
    account.wait(MINUTE)
    for (const id of ['settled', 'released', 'expired']) {
      expect(account.readByok(id)).toMatchObject(refused(`reservation_${id}`))
    }
    expect(account.readByok('unknown')).toMatchObject(refused('not_found', { what: 'reservation' }))
    expect(account.readByok('credits')).toMatchObject(refused('forbidden'))
    account.byok(false)
    expect(account.readByok('held')).toMatchObject(refused('not_found', { what: 'byok_key' }))
    account.byok(true)
    expect(account.readByok('held')).toMatchObject({ ok: true })
  })

  it('makes a reservation expire without a charge, whatever its runner reported', () => {
    const account = accountWith(100)
    account.byok(true)
    account.reserve('r', 60, { onExpiry: 'settle_accrued', ttlMs: MINUTE })
    account.extend('r', { accrued: 30, ttlMs: MINUTE })
    account.wait(MINUTE)
    expect(account.balance()).toMatchObject({ available: 100, reserved: 0 })
    expect(account.reservation('r')).toMatchObject({ state: 'expired', charged: 0, absorbed: 0 })
  })
})
