import { describe, expect, it } from 'vitest'
import type { Reserve } from '../../../src/ledger/commands.ts'
import { accountWith, type Example, HOUR, MINUTE, refused } from './example.ts'

const PROMISED = 80

/** A quote of 60 to hold and 80 at the most, good for an hour from `now`. */
function quoted(account: Example, key = 'q'): Partial<Reserve> & Pick<Reserve, 'quote'> {
  const quote = { verdict: 'good', key, maxCredits: PROMISED, expiresAt: account.now + HOUR } as const
  return { quote, maxCredits: PROMISED, request: { quote: key } }
}

describe('a quote', () => {
  it.each(['available', 'cap', 'debt'] as const)('keeps its price, whatever overage %s says', (overage) => {
    const account = accountWith(1_000)
    account.allowDebt()
    account.reserve('r', 60, { ...quoted(account), overage })
    const charged = overage === 'cap' ? 60 : PROMISED
    expect(account.settle('r', 500)).toMatchObject({ reservation: { charged, absorbed: 500 - charged, quote: 'q' } })
    expect(account.balance()).toMatchObject({ available: 1_000 - charged, debt: 0 })
  })

  it('keeps its price after expiry too, when the review is settled late', () => {
    const account = accountWith(1_000)
    account.reserve('r', 60, quoted(account))
    account.wait(HOUR)
    expect(account.settle('r', 500)).toMatchObject({ reservation: { late: true, charged: PROMISED, absorbed: 420 } })
  })

  it('serves one reservation, even one that was released', () => {
    const account = accountWith(1_000)
    const terms = quoted(account)
    account.reserve('r', 60, terms)
    account.release('r')
    expect(account.reserve('s', 60, terms)).toMatchObject(refused('quote_invalid', { reason: 'used', usedBy: 'r' }))
  })

  it('is not used by a reserve that was refused, nor by one that deduplication answered', () => {
    const account = accountWith(50)
    const terms = quoted(account)
    expect(account.reserve('r', 60, terms)).toMatchObject(refused('insufficient_credits'))
    account.give('more', 1_000)
    account.reserve('twin', 5, { dedupeKey: 'k' })
    expect(account.reserve('s', 60, { ...terms, dedupeKey: 'k' })).toMatchObject({ reservation: { id: 'twin' } })
    expect(account.reserve('r', 60, terms)).toMatchObject({ ok: true, replayed: false })
  })

  it('expires at its very instant', () => {
    const account = accountWith(1_000)
    const [first, second] = [quoted(account, 'first'), quoted(account, 'second')]
    account.wait(HOUR - 1)
    expect(account.reserve('r', 60, first)).toMatchObject({ ok: true })
    account.wait(1)
    expect(account.reserve('s', 60, second)).toMatchObject(refused('quote_invalid', { reason: 'expired' }))
  })

  it('is judged after the id: the same request is answered, whatever has become of its quote', () => {
    const account = accountWith(1_000)
    account.reserve('r', 60, quoted(account))
    account.wait(24 * HOUR)
    const again = { ...quoted(account), quote: { verdict: 'forged' } } as const
    expect(account.reserve('r', 60, again)).toMatchObject({ replayed: true, reservation: { state: 'expired' } })
  })

  it('that is forged or of another account makes neither a reservation nor another name', () => {
    const account = accountWith(1_000)
    account.reserve('r', 60, { dedupeKey: 'k' })
    account.wait(MINUTE / 2)
    for (const verdict of ['forged', 'mismatch'] as const) {
      const terms = { quote: { verdict }, dedupeKey: 'k', supersedes: 'r' } as const
      expect(account.reserve('s', 60, terms)).toMatchObject(refused('quote_invalid', { reason: verdict }))
    }
    expect(account.store.aliases.size).toBe(0)
    expect(account.reservation('r').state).toBe('held')
  })

  it('lets the runner promise less, not more', () => {
    const account = accountWith(1_000)
    const more = { ...quoted(account), maxCredits: PROMISED + 1 }
    expect(account.reserve('r', 60, more)).toMatchObject(refused('invalid', { field: 'max_credits' }))
    account.reserve('r', 60, { ...quoted(account), maxCredits: 70 })
    expect(account.settle('r', 100)).toMatchObject({ reservation: { charged: 70 } })
  })

  it('is used and recorded under the own key, where nothing is held or charged', () => {
    const account = accountWith(1_000)
    account.byok(true)
    const terms = quoted(account)
    expect(account.reserve('r', 60, terms)).toMatchObject({ reservation: { mode: 'byok', held: 0, quote: 'q' } })
    expect(account.settle('r', 500)).toMatchObject({ reservation: { charged: 0, absorbed: 0, actual: 500 } })
    expect(account.reserve('s', 60, terms)).toMatchObject(refused('quote_invalid', { reason: 'used' }))
  })
})
