import { describe, expect, it } from 'vitest'
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import { autoTopUpState, mayConfirm, monthOf } from '../../../src/ledger/auto-top-up.ts'
import { HOUR, MINUTE, SECOND } from './example.ts'
import { CARD, TopUpExample } from './top-up-example.ts'

const DECLINED = { kind: 'declined', code: 'insufficient_funds' } as const

describe('auto top-up', () => {
  it('is off until the customer agrees, and what they agreed to is an entry', () => {
    const account = new TopUpExample()
    expect(account.state()).toBe('off')
    expect(account.start()).toBeNull()
    account.agree()
    expect(account.state()).toBe('armed')
    expect(account.store.entries.at(-1)).toMatchObject({
      kind: 'auto_top_up_changed',
      detail: { enabled: true, by: 'the customer', pack: 'starter', price_cents: 500, monthly_limit_cents: 2_000 },
    })
    expect(account.store.entries.at(-1)?.detail).toMatchObject({ threshold: 100, credits: 0.5, card: 'visa 4242' })
  })

  it('is agreed to once: the same settings again change nothing', () => {
    const account = new TopUpExample()
    account.agree()
    expect(account.agree()).toMatchObject({ replayed: true, change: null })
    expect(account.agree({ monthlyLimitCents: 1_999 })).toMatchObject({ replayed: false })
    expect(account.kinds()).toEqual(['auto_top_up_changed', 'auto_top_up_changed'])
  })

  it.each([
    ['enabled', { enabled: false }],
    ['threshold', { threshold: 99_999 }],
    ['pack', { pack: 'twin' }],
    ['credits', { credits: 501 }],
    ['price', { priceCents: 501 }],
    ['limit', { monthlyLimitCents: 2_001 }],
    ['card', { card: { ...CARD, fingerprint: 'f2' } }],
    ['card, none instead of one', { card: null }],
  ])('is agreed to anew with another %s, and back again', (_what, other) => {
    const account = new TopUpExample()
    account.agree()
    expect(account.agree(other)).toMatchObject({ replayed: false })
    expect(account.agree(other)).toMatchObject({ replayed: true })
    expect(account.agree()).toMatchObject({ replayed: false })
  })

  it('is switched off without a card too, and the entry says that there was none', () => {
    const account = new TopUpExample()
    account.agree({ enabled: false, card: null })
    expect(account.store.entries.at(-1)?.detail).toMatchObject({ enabled: false, card: null })
  })

  it('is agreed to once, also after it has charged: only a no of the bank asks for more', () => {
    const account = new TopUpExample()
    account.agree()
    account.charge()
    expect(account.agree()).toMatchObject({ replayed: true })
    const id = account.confirmed()
    account.advance(id, { type: 'refused', failure: DECLINED })
    account.wait(1)
    expect(account.agree()).toMatchObject({ replayed: false })
    account.wait(1)
    account.cancel(id)
    expect(account.agree()).toMatchObject({ replayed: false })
  })

  it('charges below the threshold, and not at it', () => {
    const account = new TopUpExample()
    account.agree({ threshold: 100 })
    account.give('g', 100)
    expect(account.start()).toBeNull()
    account.reserve('r', 1)
    expect(account.start()).not.toBeNull()
  })

  it('grants the credits of an attempt once it is paid', () => {
    const account = new TopUpExample()
    account.agree()
    const id = account.confirmed()
    expect(account.balance().available).toBe(0)
    account.report(id)
    account.report(id)
    expect(account.balance()).toMatchObject({ available: 500, purchased: { available: 500 } })
    expect(account.purchase(id)).toMatchObject({ kind: 'auto_top_up', state: 'paid', stage: null })
    expect(account.grant(`top_up:${id}`)).toMatchObject({ kind: 'top_up', credits: 500 })
  })

  it('is switched on by nothing but its customer: not by a purchase, and not by a refund that fails', () => {
    const account = new TopUpExample()
    account.agree()
    account.buy('p')
    account.report('p', { refundedCents: 100 })
    expect(account.state()).toBe('off')
    account.report('p', { refundedCents: 0 })
    account.buy('q')
    expect(account.state()).toBe('off')
    account.agree()
    expect(account.state()).toBe('armed')
  })

  it('goes off with a refund or a dispute of any payment, and says why', () => {
    const account = new TopUpExample()
    account.buy('p')
    account.agree()
    account.report('p', { disputedCents: 1 })
    expect(account.store.entries.at(-1)).toMatchObject({
      kind: 'auto_top_up_changed',
      purchase: 'p',
      detail: { enabled: false, by: 'dispute' },
    })
    account.agree()
    account.report('p', { disputedCents: 1, refundedCents: 1 })
    expect(account.store.entries.at(-1)?.detail).toEqual({ enabled: false, by: 'refund' })
  })

  it('stays on with a refund whose operator left it on, and goes off with the next that did not', () => {
    const account = new TopUpExample()
    account.buy('p')
    account.agree()
    account.report('p', { refundedCents: 100, keptCents: 100 })
    expect(account.state()).toBe('armed')
    account.report('p', { refundedCents: 101, keptCents: 100 })
    expect(account.state()).toBe('off')
  })

  it('cancels an attempt that is created when a refund switches it off', () => {
    const account = new TopUpExample()
    account.buy('p')
    account.agree()
    const id = account.created()
    account.report('p', { refundedCents: 100 })
    expect(account.advance(id, { type: 'confirm' })).toBe('canceling')
    expect(account.purchase(id).failure).toEqual({ kind: 'not_allowed', code: null })
    account.cancel(id)
    expect(account.purchase(id)).toMatchObject({ state: 'failed', stage: null, failure: { kind: 'not_allowed' } })
  })
})

describe('an attempt', () => {
  it('stands in the way of another until its outcome is known, also after auto top-up was switched off', () => {
    const account = new TopUpExample()
    account.agree()
    const id = account.confirmed()
    account.wait(HOUR)
    expect(account.start()).toBeNull()
    account.agree({ enabled: false })
    expect(account.state()).toBe('charging')
    account.report(id)
    expect(account.state()).toBe('off')
  })

  it('is a start of which there are two in 10 minutes', () => {
    const account = new TopUpExample()
    account.agree()
    account.charge()
    account.wait(MINUTE)
    account.charge()
    expect(account.next()).toBe('2026-01-15T12:10:00.000Z')
    account.at('2026-01-15T12:09:59.999Z')
    expect(account.start()).toBeNull()
    account.wait(1)
    expect(account.start()).not.toBeNull()
  })

  it('that was declined is followed by none within the hour', () => {
    const account = new TopUpExample()
    account.agree()
    account.fail('declined')
    expect(account.next()).toBe('2026-01-15T13:00:00.000Z')
    account.wait(HOUR - 1)
    expect(account.start()).toBeNull()
    account.wait(1)
    expect(account.start()).not.toBeNull()
  })

  it('that was declined is followed by none within the hour, though the customer agrees again', () => {
    const account = new TopUpExample()
    account.agree()
    account.fail('declined')
    account.wait(MINUTE)
    account.agree()
    expect(account.start()).toBeNull()
  })

  it('whose confirmation was lost is checked again before it is confirmed once more', () => {
    const account = new TopUpExample()
    account.agree()
    const id = account.confirmed()
    expect(account.advance(id, { type: 'unconfirmed' })).toBe('created')
    account.agree({ enabled: false })
    expect(account.advance(id, { type: 'confirm' })).toBe('canceling')
  })

  it('that was charged after all is paid, however far it was on its way to be cancelled', () => {
    const account = new TopUpExample()
    account.agree()
    const id = account.confirmed()
    account.advance(id, { type: 'refused', failure: DECLINED })
    account.report(id)
    expect(account.purchase(id)).toMatchObject({ state: 'paid', stage: null, failure: null })
    expect(account.balance().available).toBe(500)
  })

  it('is cancelled for the first reason that was known, whatever is said of it later', () => {
    const account = new TopUpExample()
    account.agree()
    const id = account.confirmed()
    account.advance(id, { type: 'refused', failure: DECLINED })
    account.advance(id, { type: 'refused', failure: { kind: 'authentication_required', code: null } })
    expect(account.purchase(id)).toMatchObject({ stage: 'canceling', failure: DECLINED })
  })

  it('of which Stripe never told the id is over, and charged nobody', () => {
    const account = new TopUpExample()
    account.agree()
    const id = account.start() ?? ''
    expect(account.advance(id, { type: 'abandoned', failure: { kind: 'not_created', code: null } })).toBeNull()
    expect(account.purchase(id)).toMatchObject({ state: 'failed', closedAt: account.now })
    expect(account.state()).toBe('armed')
  })

  it('is not confirmed for another card, another pack, another price, or once there are enough credits', () => {
    const changes: ((account: TopUpExample) => void)[] = [
      (account) => {
        account.store.card = { ...CARD, id: 'pm_2' }
      },
      (account) => {
        account.store.offers = { starter: { credits: 500, priceCents: 501 } }
      },
      (account) => {
        account.store.offers = { ...account.store.offers, twin: { credits: 500, priceCents: 500 } }
        account.agree({ pack: 'twin' })
      },
      (account) => account.agree({ priceCents: 400 }),
      (account) => {
        account.store.offers = { starter: { credits: 500, priceCents: 400 } }
        account.agree({ priceCents: 400 })
      },
      (account) => {
        account.store.offers = { starter: { credits: 600, priceCents: 500 } }
        account.agree({ credits: 600 })
      },
      (account) => {
        account.store.card = null
      },
      (account) => account.give('enough', 100_000),
    ]
    for (const change of changes) {
      const account = new TopUpExample()
      account.agree()
      const id = account.created()
      change(account)
      expect(account.advance(id, { type: 'confirm' })).toBe('canceling')
    }
  })

  it('is neither started nor confirmed where its credits would leave what an account may ever be granted', () => {
    const account = new TopUpExample()
    account.give('most', MAX_MILLICREDITS - 500)
    account.reserve('all', MAX_MILLICREDITS - 500)
    account.agree()
    const id = account.created()
    account.give('one more', 1)
    expect(account.advance(id, { type: 'confirm' })).toBe('canceling')
    account.cancel(id)
    expect([account.state(), account.next(), account.start()]).toEqual(['armed', null, null])
  })

  it('is started and confirmed where its credits are the last that an account may ever be granted', () => {
    const account = new TopUpExample()
    account.give('most', MAX_MILLICREDITS - 500)
    account.reserve('all', MAX_MILLICREDITS - 500)
    account.agree()
    const id = account.created()
    expect(account.advance(id, { type: 'confirm' })).toBe('confirming')
    account.report(id)
    expect(account.store.book.totals.granted).toBe(MAX_MILLICREDITS)
  })

  it('is not confirmed without an agreement, whoever wrote it down', () => {
    const account = new TopUpExample()
    account.agree()
    const attempt = account.purchase(account.created())
    const { book } = account.store
    expect(mayConfirm(book, attempt, account.store.topUpFacts(), account.now)).toBe(true)
    expect(mayConfirm({ ...book, autoTopUp: null }, attempt, account.store.topUpFacts(), account.now)).toBe(false)
  })

  it.each(['created', 'confirm', 'unconfirmed'] as const)('that is over is not moved by a late "%s"', (type) => {
    const account = new TopUpExample()
    account.agree()
    const id = account.charge()
    expect(account.advance(id, type === 'created' ? { type, paymentIntent: 'pi_2' } : { type })).toBeNull()
    expect(account.purchase(id)).toMatchObject({ state: 'paid', paymentIntent: `pi_${id}` })
  })
})

describe('the monthly limit', () => {
  it('is counted in months that are named as everyone names them, with two digits', () => {
    expect([monthOf(Date.UTC(2026, 0, 31)), monthOf(Date.UTC(2026, 11, 1))]).toEqual(['2026-01', '2026-12'])
  })

  it('is kept to the cent', () => {
    const account = new TopUpExample()
    account.agree({ monthlyLimitCents: 1_000 })
    account.charge()
    expect(account.state()).toBe('armed')
    account.agree({ monthlyLimitCents: 999 })
    expect(account.state()).toBe('limit_reached')
    expect(account.start()).toBeNull()
    account.agree({ monthlyLimitCents: 1_000 })
    account.charge()
    expect(account.state()).toBe('limit_reached')
  })

  it('is not raised by a refund: what was spent is gross', () => {
    const account = new TopUpExample()
    account.agree({ monthlyLimitCents: 500 })
    const id = account.charge()
    account.report(id, { refundedCents: 500, keptCents: 500 })
    expect(account.state()).toBe('limit_reached')
  })

  it('does not count what was bought in Checkout', () => {
    const account = new TopUpExample()
    account.agree({ monthlyLimitCents: 500 })
    account.buy('p', { priceCents: 500 })
    expect(account.state()).toBe('armed')
  })

  it('that was lowered between the start and the confirmation forbids to confirm', () => {
    const account = new TopUpExample()
    account.agree({ monthlyLimitCents: 500 })
    const id = account.created()
    account.agree({ monthlyLimitCents: 499 })
    expect(account.advance(id, { type: 'confirm' })).toBe('canceling')
  })

  it('begins anew with the month, 5 minutes after it began', () => {
    const account = new TopUpExample()
    account.agree({ monthlyLimitCents: 500 })
    account.charge()
    expect(account.next()).toBe('2026-02-01T00:05:00.000Z')
    account.at('2026-02-01T00:04:59.999Z')
    expect(account.start()).toBeNull()
    account.wait(1)
    expect(account.start()).not.toBeNull()
  })

  it('counts by the month of Stripe’s clock, where that is behind', () => {
    const account = new TopUpExample('2026-02-01T00:05:00.000Z')
    account.agree({ monthlyLimitCents: 500 })
    account.charge(Date.parse('2026-01-31T23:59:59.000Z'))
    expect(account.state()).toBe('armed')
  })

  it('counts by the month of Stripe’s clock, where that is ahead', () => {
    const account = new TopUpExample('2026-01-31T23:58:00.000Z')
    account.agree({ monthlyLimitCents: 500 })
    account.charge(Date.parse('2026-02-01T00:00:01.000Z'))
    expect(account.state()).toBe('limit_reached')
    account.at('2026-02-01T00:05:00.000Z')
    expect(account.state()).toBe('limit_reached')
    expect(account.next()).toBe('2026-03-01T00:05:00.000Z')
  })

  it('has to leave room in the next month too when that is less than 5 minutes away', () => {
    const account = new TopUpExample('2026-01-31T23:54:59.999Z')
    account.agree({ monthlyLimitCents: 500 })
    account.charge()
    expect(account.state()).toBe('limit_reached')
    const next = new TopUpExample('2026-01-31T23:55:00.000Z')
    next.agree({ monthlyLimitCents: 500 })
    next.charge(Date.parse('2026-02-01T00:00:00.000Z'))
    expect([next.state(), next.start()]).toEqual(['limit_reached', null])
  })

  it('lets an attempt that was created before the month ended wait until the next is 5 minutes old', () => {
    const account = new TopUpExample('2026-01-31T23:59:59.000Z')
    account.agree()
    const id = account.created()
    account.wait(2 * SECOND)
    expect(account.advance(id, { type: 'confirm' })).toBe('created')
    account.at('2026-02-01T00:05:00.000Z')
    expect(account.advance(id, { type: 'confirm' })).toBe('confirming')
  })

  it.each([
    ['2026-12-31T23:00:00.000Z', '2027-01-01T00:05:00.000Z'],
    ['2028-02-29T12:00:00.000Z', '2028-03-01T00:05:00.000Z'],
    ['2027-02-28T23:54:00.000Z', '2027-03-01T00:05:00.000Z'],
  ])('of a month that is spent at %s ends at %s', (now, next) => {
    const account = new TopUpExample(now)
    account.agree({ monthlyLimitCents: 500 })
    account.charge()
    expect(account.next()).toBe(next)
  })
})

describe('the state of auto top-up', () => {
  it('needs a card when there is none, and when it has expired with the end of its month', () => {
    const account = new TopUpExample('2026-01-31T23:59:59.999Z')
    account.store.card = { ...CARD, expMonth: 1, expYear: 2026 }
    account.agree()
    expect(account.state()).toBe('armed')
    account.wait(1)
    expect(account.state()).toBe('needs_card')
    account.store.card = null
    expect(account.state()).toBe('needs_card')
    expect([account.start(), account.next()]).toEqual([null, null])
  })

  it('needs a new agreement for another card, and none for the same under another id', () => {
    const account = new TopUpExample()
    account.agree()
    account.store.card = { ...CARD, id: 'pm_2', expYear: 2040 }
    expect(account.state()).toBe('armed')
    expect(account.purchase(account.start() ?? '').card).toBe('pm_2')
    const other = new TopUpExample()
    other.agree()
    other.store.card = { ...CARD, id: 'pm_2', fingerprint: 'f2' }
    expect([other.state(), other.start()]).toEqual(['needs_agreement', null])
    other.agree({ card: other.store.card })
    expect(other.state()).toBe('armed')
  })

  it('needs a new agreement where no card was agreed to', () => {
    const account = new TopUpExample()
    account.agree({ card: null })
    expect([account.state(), account.start()]).toEqual(['needs_agreement', null])
  })

  it.each([
    ['its price changed', { credits: 500, priceCents: 501 }],
    ['its price fell', { credits: 500, priceCents: 499 }],
    ['it has other credits', { credits: 501, priceCents: 500 }],
    ['it is no longer sold', null],
  ])('needs a new agreement when of the pack it is true that %s', (_why, offered) => {
    const account = new TopUpExample()
    account.agree()
    account.store.offers = { starter: offered }
    expect([account.state(), account.start()]).toEqual(['needs_agreement', null])
  })

  it('is suspended after three declines in a row, until the customer agrees again', () => {
    const account = new TopUpExample()
    account.agree()
    for (const expected of ['armed', 'armed', 'suspended']) {
      account.wait(HOUR)
      account.fail('declined')
      expect(account.state()).toBe(expected)
    }
    account.wait(24 * HOUR)
    expect([account.start(), account.next()]).toEqual([null, null])
    expect(account.agree()).toMatchObject({ replayed: false })
    expect(account.state()).toBe('armed')
    expect(account.agree()).toMatchObject({ replayed: true })
  })

  it('stays suspended however many declines there were before', () => {
    const account = new TopUpExample()
    account.agree()
    for (let decline = 1; decline <= 3; decline += 1) {
      account.fail('declined')
      account.wait(HOUR)
    }
    const facts = account.store.topUpFacts()
    const more = { ...facts, outcomes: [...facts.outcomes, ...facts.outcomes] }
    expect(autoTopUpState(account.store.book, more, account.now)).toBe('suspended')
  })

  it('is not suspended by declines that are not in a row, and not by what charged nobody', () => {
    const account = new TopUpExample()
    account.agree({ threshold: 100_000 })
    for (const kind of ['declined', 'declined', 'paid', 'declined', 'not_allowed', 'declined'] as const) {
      account.wait(HOUR)
      if (kind === 'paid') account.charge()
      else account.fail(kind)
    }
    expect(account.state()).toBe('armed')
    account.wait(HOUR)
    account.fail('declined')
    expect(account.state()).toBe('suspended')
  })

  it('stays suspended when a link is paid: that pays for one attempt, and is no new agreement', () => {
    const account = new TopUpExample()
    account.agree()
    let last = ''
    for (let decline = 1; decline <= 3; decline += 1) {
      last = account.fail('declined')
      account.wait(HOUR)
    }
    account.checkout('link', { paysFor: last })
    account.report('link')
    expect(account.state()).toBe('suspended')
  })

  it('wants the customer when the bank did, until the link is paid', () => {
    const account = new TopUpExample()
    account.agree()
    const id = account.fail('authentication_required')
    account.wait(24 * HOUR)
    expect([account.state(), account.start()]).toEqual(['action_required', null])
    account.checkout('link', { paysFor: id })
    expect(account.state()).toBe('action_required')
    account.report('link')
    expect(account.purchase(id)).toMatchObject({ paidByCustomer: true, state: 'failed' })
    expect(account.state()).toBe('armed')
  })

  it('wants the customer no longer when they agree again instead', () => {
    const account = new TopUpExample()
    account.agree()
    account.fail('authentication_required')
    account.wait(1)
    account.agree()
    expect(account.state()).toBe('armed')
  })
})
