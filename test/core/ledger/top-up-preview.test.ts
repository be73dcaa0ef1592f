import { describe, expect, it } from 'vitest'
import { nextAttemptAt } from '../../../src/ledger/auto-top-up.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { type Past, type PreviewTerms, previewTopUps } from '../../../src/ledger/top-up-preview.ts'
import { DAY, HOUR, MINUTE } from './example.ts'
import { random } from './random.ts'
import { CARD, TopUpExample } from './top-up-example.ts'

const ENOUGH = 10
const TERMS: PreviewTerms = { threshold: 100, pack: 'starter', credits: 500, priceCents: 500, monthlyLimitCents: 2_000 }

/** What a replay reads of the entries, from the first of them on. */
function pastOf(entries: readonly Entry[], from: number, to: number): Past {
  const lines = entries.map((entry) => ({
    ...entry,
    isReserve: entry.kind === 'reserve',
    flow: entry.availableDelta - entry.debtDelta,
    isTopUp: entry.kind === 'grant' && entry.detail?.['kind'] === 'top_up',
  }))
  return { from, to, available: 0, debt: 0, lines }
}

class History extends TopUpExample {
  readonly began = this.now

  spend(id: string, amount: number): void {
    this.reserve(id, amount)
    this.settle(id, amount)
  }

  preview(terms: Partial<PreviewTerms> = {}) {
    const preview = previewTopUps(pastOf(this.store.entries, this.began, this.now), { ...TERMS, ...terms }, ENOUGH)
    const at = preview.charges.map((charge) => new Date(charge.at).toISOString())
    const minutes = [preview.withoutCreditsMs / MINUTE, preview.withoutCreditsAsItWasMs / MINUTE]
    return { at, minutes, charges: preview.charges }
  }

  /** Everything that auto top-up does up to an instant, each charge paid at once. */
  topUp(until: number): void {
    for (;;) {
      const at = nextAttemptAt(this.store.book, this.store.topUpFacts(), this.now)
      if (at === null || at > until) break
      this.now = Math.max(this.now, at)
      if (at === this.now && this.next() !== null) this.charge()
    }
    this.now = until
  }
}

describe('a preview of auto top-up', () => {
  it('charges when the balance falls below the threshold, and not at it', () => {
    const account = new History()
    account.give('g', 1_000)
    account.wait(HOUR)
    account.spend('r1', 900)
    account.wait(HOUR)
    account.spend('r2', 1)
    account.wait(HOUR)
    expect(account.preview().at).toEqual(['2026-01-15T14:00:00.000Z'])
    expect(account.preview().charges).toMatchObject([{ priceCents: 500, credits: 500 }])
    expect(account.preview({ threshold: 99 }).at).toEqual([])
  })

  it('says how long credits were missing, and how long they would have been', () => {
    const account = new History()
    account.give('g', 1_000)
    account.wait(HOUR)
    account.spend('r', 991)
    account.wait(90 * MINUTE)
    account.give('h', 1_000)
    account.wait(HOUR)
    expect(account.preview().minutes).toEqual([0, 90])
    expect(account.preview({ monthlyLimitCents: 499 })).toEqual({ at: [], minutes: [90, 90], charges: [] })
  })

  it('counts no time in which there was just enough for the smallest review', () => {
    const account = new History()
    account.give('g', 1_000)
    account.wait(HOUR)
    account.spend('r', 1_000 - ENOUGH)
    account.wait(HOUR)
    expect(account.preview({ monthlyLimitCents: 499 })).toEqual({ at: [], minutes: [0, 0], charges: [] })
  })

  it('begins with what was owed then: that is paid first', () => {
    const about = { isReserve: false, isTopUp: false, reservation: null, purchase: 'p' }
    const lines = [{ at: MINUTE, available: ENOUGH, flow: 50 + ENOUGH, ...about }]
    const past = { from: 0, to: 2 * MINUTE, available: 0, debt: 50, lines }
    expect(previewTopUps(past, { ...TERMS, monthlyLimitCents: 499 }, ENOUGH)).toEqual({
      ...{ charges: [], withoutCreditsMs: MINUTE, withoutCreditsAsItWasMs: MINUTE },
    })
  })

  it('buys packs one after the other, two in ten minutes', () => {
    const account = new History()
    account.give('g', 5_000)
    account.wait(HOUR)
    account.spend('r', 5_000)
    account.wait(HOUR)
    expect(account.preview({ threshold: 1_600, monthlyLimitCents: 100_000 }).at).toEqual([
      '2026-01-15T13:00:00.000Z',
      '2026-01-15T13:00:00.000Z',
      '2026-01-15T13:10:00.000Z',
      '2026-01-15T13:10:00.000Z',
    ])
  })

  it('stops at the monthly limit, and goes on when the next month has begun for Stripe too', () => {
    const account = new History('2026-01-31T12:00:00.000Z')
    account.wait(20 * DAY)
    const { at, minutes } = account.preview({ threshold: 700, monthlyLimitCents: 999 })
    expect(at).toEqual(['2026-01-31T12:00:00.000Z', '2026-02-01T00:05:00.000Z'])
    expect(minutes).toEqual([0, 20 * 24 * 60])
  })

  it('takes out what auto top-up really did, and what was given back of it', () => {
    const account = new History()
    account.agree({ threshold: 100 })
    const id = account.charge()
    account.wait(HOUR)
    account.report(id, { refundedCents: 250 })
    account.wait(HOUR)
    expect(account.balance().available).toBe(250)
    expect(account.preview({ monthlyLimitCents: 499 }).minutes).toEqual([120, 0])
    expect(account.preview({ credits: 600 }).at).toEqual(['2026-01-15T12:00:00.000Z'])
  })

  it('keeps what the customer bought by hand', () => {
    const account = new History()
    account.buy('p')
    account.wait(HOUR)
    expect(account.preview()).toEqual({ at: [], minutes: [0, 0], charges: [] })
  })

  it('leaves out a review that there would have been no credits for, whole', () => {
    const account = new History()
    account.agree()
    account.charge()
    account.wait(MINUTE)
    account.reserve('r', 400)
    account.wait(MINUTE)
    account.settle('r', 300)
    account.buy('p', { credits: 200 })
    account.wait(MINUTE)
    // Never below zero: the purchase of 200 is there whole.
    expect(account.preview({ monthlyLimitCents: 499, threshold: 201 }).minutes).toEqual([2, 0])
  })

  it('takes all that a review cost which was let in, even below zero; and from there charges below its threshold only', () => {
    const account = new History()
    account.give('g', 50)
    account.agree()
    account.charge()
    account.wait(MINUTE)
    account.reserve('r', 40)
    account.wait(MINUTE)
    account.settle('r', 80)
    account.wait(MINUTE)
    account.give('h', 35)
    account.wait(MINUTE)
    // 10 were left after the hold, 30 are owed after the settle, and 5 are left after the grant.
    expect(account.preview({ monthlyLimitCents: 499 }).minutes).toEqual([2, 0])
    // What is available is never below 0, so nothing is ever below a threshold of 0.
    expect(account.preview({ threshold: 0 }).at).toEqual([])
  })

  it('lets a review in that holds nothing, as the account does, and takes what it cost', () => {
    const account = new History()
    account.give('g', 50)
    account.agree()
    account.charge()
    account.reserve('r', 40)
    account.settle('r', 80)
    account.reserve('free', 0, { maxCredits: 20 })
    account.settle('free', 20)
    account.give('h', 55)
    account.wait(MINUTE)
    expect(account.preview({ monthlyLimitCents: 499 }).minutes).toEqual([1, 0])
  })

  it('is what really happened, where the same settings were on', () => {
    const { below } = random(7)
    for (let round = 0; round < 20; round += 1) {
      const account = new History('2026-01-20T12:00:00.000Z')
      const terms = { ...TERMS, threshold: 50 + below(900), monthlyLimitCents: 500 * (1 + below(12)) }
      account.agree({ ...terms, card: CARD })
      for (let step = 0; step < 150; step += 1) {
        account.topUp(account.now + 1 + below(6 * HOUR))
        account.reserve(`r${step}`, 1 + below(300))
        account.topUp(account.now + 1 + below(10 * MINUTE))
        if (below(2) === 0) account.settle(`r${step}`, below(400))
      }
      account.topUp(account.now + DAY)
      const real = [...account.store.purchases.values()].map((purchase) => purchase.chargedAt)
      const { charges } = account.preview(terms)
      expect(charges.map((charge) => charge.at)).toEqual(real)
      expect(real.length).toBeGreaterThan(0)
    }
  })
})
