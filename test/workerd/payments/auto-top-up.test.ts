import { abortAllDurableObjects, evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AutoTopUpRequest } from '../../../src/account/topping-up.ts'
import { verifyAccountKey } from '../../../src/http/account-keys.ts'
import { type AccountApi, type Body, call } from '../api.ts'
import { callAlarm, query } from '../object.ts'
import { visitorOf } from '../visitor.ts'
import { HOUR_MS, MINUTE_MS, midMonth, nextMonth, passTime, stopClocksAt } from './clock.ts'
import { buy, chargedTo, control, eventsOf, deliver, payWith, resetDouble, stripe } from './stripe.ts'
import {
  agree,
  type Armed,
  armed,
  armedWith,
  customerOf,
  need,
  put,
  replaceCard,
  SETTINGS,
  tellOfCards,
  view,
  withCard,
  workToTheEnd,
} from './topping-up.ts'

beforeEach(async () => {
  await resetDouble()
  await stopClocksAt(midMonth())
})
afterEach(() => vi.useRealTimers())

/** I11 and I12, by Stripe's own books: each attempt is charged once at the most, and what is charged is granted. */
async function expectHonest(account: AccountApi): Promise<void> {
  const charged = await chargedTo(account)
  expect(charged.filter(({ charges }) => charges > 1)).toEqual([])
  expect(new Set(charged.map(({ metadata }) => metadata.purchase)).size).toBe(charged.length)
  const paid = await query(account.id, "SELECT id FROM purchases WHERE state = 'paid'")
  expect(charged.map(({ metadata }) => metadata.purchase).sort()).toEqual(paid.map(({ id }) => id).sort())
  expect(await account.audit()).toMatchObject({ ok: true, differences: [] })
}

async function attempts(account: AccountApi): Promise<Record<string, SqlStorageValue>[]> {
  const columns = 'state, failure, failure_code, stage'
  return query(account.id, `SELECT ${columns} FROM purchases WHERE kind = 'auto_top_up' ORDER BY number`)
}

test('when the balance falls below the threshold, one pack is bought, once', async () => {
  const { account } = await armed()
  await need(account)
  await callAlarm(account.id)
  await callAlarm(account.id)
  expect(await account.balance()).toMatchObject({ available: 550, reserved: 0 })
  expect(await view(account)).toMatchObject({
    state: 'armed',
    card: { last4: '4242' },
    spent_this_month_cents: 500,
    open_cents: 0,
    last_attempt: { state: 'paid', kind: 'auto_top_up' },
  })
  expect(await chargedTo(account)).toHaveLength(2)
  await expectHonest(account)
})

test('a balance at the threshold buys nothing, and one millicredit below buys', async () => {
  const { account } = await armed()
  await need(account, 400)
  await callAlarm(account.id)
  expect(await attempts(account)).toEqual([])
  await need(account, 0.001)
  await callAlarm(account.id)
  expect(await attempts(account)).toHaveLength(1)
})

test('200 triggers at once start one attempt', async () => {
  const { account } = await armed()
  await need(account, 395)
  const wanting = Array.from({ length: 200 }, (_, index) => account.reserve(`r${index}`, { credits: 0.1 }))
  const alarms = Array.from({ length: 20 }, () => callAlarm(account.id))
  await Promise.all([...wanting, ...alarms])
  await Promise.all(Array.from({ length: 20 }, () => callAlarm(account.id)))
  await workToTheEnd(account)
  expect(await attempts(account)).toMatchObject([{ state: 'paid' }])
  await expectHonest(account)
})

describe('a card that is declined', () => {
  test('is asked again an hour later at the soonest, and after 3 declines not until the customer agrees anew', async () => {
    const { account, key } = await armedWith('pm_card_chargeCustomerFail')
    await need(account)
    for (let count = 1; count <= 3; count += 1) {
      await callAlarm(account.id)
      const declined = { state: 'failed', stage: null, failure: 'declined', failure_code: 'generic_decline' }
      expect(await attempts(account)).toEqual(Array.from({ length: count }, () => declined))
      await passTime(HOUR_MS - 1)
      await callAlarm(account.id)
      expect(await attempts(account)).toHaveLength(count)
      await passTime(1)
    }
    expect(await view(account)).toMatchObject({ state: 'suspended', next_attempt_at: null, spent_this_month_cents: 0 })
    const visitor = await visitorOf(account)
    for (const path of ['/dashboard', '/billing', '/billing/auto-top-up']) {
      const { text } = await visitor.ask(path)
      expect(text, path).toMatch(/Paused<\/span> Suspended: the card was declined three times in a row/)
    }
    const page = (await visitor.ask('/billing/auto-top-up')).text
    expect(page).toMatch(/looked after your card\. Then agree again below/)
    expect(page).toContain('Your cards at Stripe')
    await passTime(48 * HOUR_MS)
    await callAlarm(account.id)
    expect(await attempts(account)).toHaveLength(3)
    await replaceCard(account, 'pm_card_visa')
    expect(await agree(account, key)).toMatchObject({ state: 'armed' })
    await callAlarm(account.id)
    expect(await attempts(account)).toHaveLength(4)
    expect((await attempts(account))[3]).toMatchObject({ state: 'paid' })
    await expectHonest(account)
  })

  test('leaves no PaymentIntent behind that somebody could still pay', async () => {
    const { account } = await armedWith('pm_card_chargeCustomerFail')
    await need(account)
    await callAlarm(account.id)
    const { data } = await stripe.paymentIntents.list({ customer: await customerOf(account) })
    expect(data.map(({ status }) => status).sort()).toEqual(['canceled', 'succeeded'])
  })
})

describe('a bank that wants the customer', () => {
  async function wanted(): Promise<Armed & { page: string }> {
    const { account, key } = await armedWith('pm_card_authenticationRequiredOnSetup')
    await need(account)
    await callAlarm(account.id)
    const { state, action_url, next_attempt_at } = await view(account)
    expect({ state, next_attempt_at }).toEqual({ state: 'action_required', next_attempt_at: null })
    return { account, key, page: new URL(action_url).pathname }
  }

  /** What the customer does behind the link, from their bank's question to the page that thanks them. */
  async function pay(page: string): Promise<void> {
    const onwards = await call('POST', page, { key: null })
    expect(onwards.status).toBe(303)
    const session = await payWith('pm_card_authenticationRequiredOnSetup', onwards.headers.get('Location') ?? '')
    await control(`/authentications/${session.payment_intent}`, { passes: true })
  }

  test('gets them by a link to Checkout, and once they have paid there, the next charge works', async () => {
    const { account, page } = await wanted()
    await passTime(48 * HOUR_MS)
    await callAlarm(account.id)
    expect(await attempts(account)).toHaveLength(1)
    expect((await call('GET', page, { key: null })).body).toContain('Pay $5.00')
    await pay(page)
    const thanks = await call('GET', page, { key: null })
    expect(thanks.body).toContain('You have paid for this top-up.')
    expect(thanks.body).not.toContain('<form')
    expect(await account.balance()).toMatchObject({ available: 550 })
    await callAlarm(account.id)
    expect(await view(account)).toMatchObject({ state: 'armed', action_url: null })
    await need(account, 500)
    await callAlarm(account.id)
    expect(await attempts(account)).toMatchObject([{ state: 'failed' }, { state: 'paid' }])
    expect(await chargedTo(account)).toHaveLength(3)
    await expectHonest(account)
  })

  test('sees one Checkout however often the link is followed, and cannot be made to pay twice', async () => {
    const { account, page } = await wanted()
    const follows = await Promise.all(Array.from({ length: 20 }, () => call('POST', page, { key: null })))
    expect(new Set(follows.map(({ headers }) => headers.get('Location'))).size).toBe(1)
    await pay(page)
    await call('GET', page, { key: null })
    expect((await call('POST', page, { key: null })).status).toBe(409)
    expect(await chargedTo(account)).toHaveLength(2)
  })

  test('is told by webhook alone that they have paid', async () => {
    const { account, page } = await wanted()
    await pay(page)
    for (const event of await eventsOf(account)) {
      if (event.type === 'checkout.session.completed') expect((await deliver(event)).status).toBe(200)
    }
    await callAlarm(account.id)
    expect(await view(account)).toMatchObject({ state: 'armed' })
  })

  test('is not asked for them again when they agree to another card instead', async () => {
    const { account, key } = await wanted()
    await passTime(MINUTE_MS)
    await replaceCard(account, 'pm_card_visa')
    expect(await agree(account, key)).toMatchObject({ state: 'armed', action_url: null })
    await callAlarm(account.id)
    expect(await attempts(account)).toMatchObject([{ state: 'failed' }, { state: 'paid' }])
    await expectHonest(account)
  })
})

describe('the card that was agreed to', () => {
  test('is missed once it was removed, and nothing is charged', async () => {
    const { account } = await armed()
    const customer = await customerOf(account)
    for (const { id } of (await stripe.customers.listPaymentMethods(customer)).data) {
      await stripe.paymentMethods.detach(id)
    }
    await tellOfCards(account)
    expect(await view(account)).toMatchObject({ state: 'needs_card', card: null })
    await need(account)
    await callAlarm(account.id)
    expect(await attempts(account)).toEqual([])
  })

  test('is charged without a word of its removal: Stripe refuses, the account looks, and nothing is charged', async () => {
    const { account } = await armed()
    const customer = await customerOf(account)
    for (const { id } of (await stripe.customers.listPaymentMethods(customer)).data) {
      await stripe.paymentMethods.detach(id)
    }
    await need(account)
    await workToTheEnd(account)
    expect(await view(account)).toMatchObject({ state: 'needs_card' })
    expect(await chargedTo(account)).toHaveLength(1)
    await expectHonest(account)
  })

  test('cannot be replaced by another one without a new agreement', async () => {
    const { account, key } = await armed()
    await replaceCard(account, 'pm_card_mastercard')
    await tellOfCards(account)
    expect(await view(account)).toMatchObject({ state: 'needs_agreement', card: { brand: 'mastercard' } })
    await need(account)
    await callAlarm(account.id)
    expect(await attempts(account)).toEqual([])
    expect(await agree(account, key)).toMatchObject({ state: 'armed', agreed: { card: { brand: 'mastercard' } } })
    await callAlarm(account.id)
    expect(await attempts(account)).toMatchObject([{ state: 'paid' }])
  })

  test('is the one that they were shown: where another is the default by then, nothing changes', async () => {
    const { account, key } = await withCard()
    const shown = (await view(account)).default_card
    expect(shown).toMatchObject({ brand: 'visa', last4: '4242' })
    // Nobody has told the account of it yet.
    await replaceCard(account, 'pm_card_mastercard')
    const before = await query(account.id, 'SELECT max(seq) AS seq FROM entries')
    const refused = await put(account, key, { card: shown.fingerprint })
    expect([refused.status, refused.body]).toMatchObject([
      409,
      { code: 'conflict', field: 'card', default_card: { brand: 'mastercard' } },
    ])
    expect(await query(account.id, 'SELECT max(seq) AS seq FROM entries')).toEqual(before)
    expect(await view(account)).toMatchObject({ state: 'off', default_card: { brand: 'mastercard' } })
    const { fingerprint } = (await view(account)).default_card
    const agreed = await put(account, key, { card: fingerprint }, { 'Idempotency-Key': 'once' })
    expect(agreed.body).toMatchObject({ state: 'armed', agreed: { card: { brand: 'mastercard' } } })
    // A repetition is that request still, whatever the card is by now.
    await replaceCard(account, 'pm_card_visa')
    await tellOfCards(account)
    const again = await put(account, key, { card: fingerprint }, { 'Idempotency-Key': 'once' })
    expect([again.status, again.body.state]).toEqual([200, 'needs_agreement'])
  })

  test('is not asked for by a Worker from before, which says nothing of it', async () => {
    const { account, key } = await withCard()
    const named = await verifyAccountKey(key, env.SIGNING_SECRETS.split(','))
    if (named === null) throw new Error('this is no key')
    const asked = { enabled: true, threshold: 100_000, pack: 'starter', monthlyLimitCents: 2_000 }
    const fromBefore = { ...asked, request: SETTINGS, idempotencyKey: null } as unknown as AutoTopUpRequest
    const caller = { kind: 'account_key', id: named.id, hash: named.hash } as const
    const object = env.ACCOUNT.getByName(account.id)
    expect(await object.desk(caller, 'changeAutoTopUp', fromBefore)).toMatchObject({ ok: true })
    expect(await view(account)).toMatchObject({ state: 'armed', agreed: { card: { brand: 'visa' } } })
  })

  test('is the one in the box that they ticked: a form that names another changes nothing and shows the new one', async () => {
    const { account } = await withCard()
    const visitor = await visitorOf(account)
    const { text } = await visitor.ask('/billing/auto-top-up')
    const fieldOf = (name: string, words: RegExp) =>
      [...text.matchAll(new RegExp(`name="${name}" value="([^"]+)"`, 'g'))].find(([, value]) =>
        words.test(value ?? ''),
      )?.[1]
    const form = {
      ...{ threshold: '100', limit: '20', pack: 'starter' },
      ...{ consent: fieldOf('consent', /^starter/) ?? '', key: fieldOf('key', /./) ?? '' },
    }
    await replaceCard(account, 'pm_card_mastercard')
    const refused = await visitor.ask('/billing/auto-top-up', { form })
    expect(refused.status).toBe(422)
    expect(refused.text).toContain('only when you tick this: your Mastercard ending in 4444')
    expect(refused.text).toContain('I agree that my Mastercard ending in 4444')
    expect(await view(account)).toMatchObject({ state: 'off' })
  })

  test('is the same one when the customer keeps it again, whatever stands beside it', async () => {
    const { account } = await armed()
    await replaceCard(account, 'pm_card_visa')
    await stripe.paymentMethods.attach('pm_card_mastercard', { customer: await customerOf(account) })
    await tellOfCards(account)
    expect(await view(account)).toMatchObject({ state: 'armed', card: { last4: '4242' } })
  })

  test('is good to the end of its month and no longer', async () => {
    const { account } = await armed()
    const { exp_year: year } = (await view(account)).card
    vi.setSystemTime(Date.UTC(year + 1, 0, 1) - 1)
    expect(await view(account)).toMatchObject({ state: 'armed' })
    vi.setSystemTime(Date.UTC(year + 1, 0, 1))
    expect(await view(account)).toMatchObject({ state: 'needs_card' })
    await need(account)
    await callAlarm(account.id)
    expect(await attempts(account)).toEqual([])
  })

  test('is gone with a customer that was deleted at Stripe, and the next purchase makes another one', async () => {
    const { account } = await armed()
    await stripe.customers.del(await customerOf(account))
    const { data } = await stripe.events.list({ type: 'customer.deleted' })
    for (const event of data) await deliver(event)
    await callAlarm(account.id)
    expect(await view(account)).toMatchObject({ state: 'needs_card' })
    await buy(account, { save_card: true })
    await callAlarm(account.id)
    // The same card is the one that they agreed to, whoever keeps it.
    expect(await view(account)).toMatchObject({ state: 'armed' })
  })
})

describe('the monthly limit', () => {
  test.each([
    [999, 1],
    [1_000, 2],
    [1_499, 2],
    [1_500, 3],
  ])('of %i cents allows %i charges of 500', async (limit, charges) => {
    const { account } = await armed({ monthly_limit_cents: limit })
    for (let count = 0; count < charges + 1; count += 1) {
      await need(account, count === 0 ? 450 : 500)
      await callAlarm(account.id)
      await passTime(10 * MINUTE_MS)
      await callAlarm(account.id)
    }
    expect(await attempts(account)).toHaveLength(charges)
    const { state, spent_this_month_cents: spent, next_attempt_at: next } = await view(account)
    expect({ state, spent }).toEqual({ state: 'limit_reached', spent: charges * 500 })
    expect(Date.parse(next)).toBe(nextMonth(Date.now()) + 5 * MINUTE_MS)
    await expectHonest(account)
  })

  test('cannot be less than the pack costs, and may be set below what is spent', async () => {
    const { account, key } = await armed()
    expect((await put(account, key, { monthly_limit_cents: 499 })).body.errors).toMatchObject([
      { path: 'monthly_limit_cents' },
    ])
    for (const credits of [450, 500]) {
      await need(account, credits)
      await callAlarm(account.id)
    }
    expect(await agree(account, key, { monthly_limit_cents: 500 })).toMatchObject({
      state: 'limit_reached',
      spent_this_month_cents: 1_000,
    })
  })

  test('is not raised by a refund, nor used up by what is bought in Checkout', async () => {
    const { account, key } = await armed({ monthly_limit_cents: 500 })
    await need(account)
    await callAlarm(account.id)
    const { id } = (await view(account)).last_attempt
    const refunded = await account.post(`/purchases/${id}/refund`, { reason: 'a test' })
    expect(refunded.status).toBe(201)
    expect(await agree(account, key, { monthly_limit_cents: 500 })).toMatchObject({
      state: 'limit_reached',
      spent_this_month_cents: 500,
    })
  })

  test('holds at the turn of the month, by both clocks', async () => {
    const turn = nextMonth(Date.now())
    await passTime(turn - 30 * MINUTE_MS - Date.now())
    const { account } = await armed({ monthly_limit_cents: 500 })
    const at = async (time: number) => {
      await passTime(time - Date.now())
      await callAlarm(account.id)
      return (await attempts(account)).length
    }
    await need(account)
    expect(await at(turn - 20 * MINUTE_MS)).toBe(1)
    await need(account, 500)
    expect(await at(turn - 5 * MINUTE_MS)).toBe(1)
    expect(await at(turn - 1)).toBe(1)
    expect(await at(turn)).toBe(1)
    expect(await at(turn + 5 * MINUTE_MS - 1)).toBe(1)
    expect(await at(turn + 5 * MINUTE_MS)).toBe(2)
    const customer = await customerOf(account)
    const months: Body[] = await control('/books/months', {}, 'GET')
    // The first month has the Checkout purchase too.
    expect(
      months
        .filter((each) => each.customer === customer)
        .map(({ cents }) => cents)
        .sort(),
    ).toEqual([1_000, 500])
    await expectHonest(account)
  })

  test('holds for an attempt that was written down before the turn of the month and is confirmed after it', async () => {
    const turn = nextMonth(Date.now())
    await passTime(turn - 6 * MINUTE_MS - Date.now())
    const { account } = await armed({ monthly_limit_cents: 500 })
    await control('/faults', { route: 'POST /v1/payment_intents', answer: 'lost' })
    await need(account)
    await callAlarm(account.id)
    expect(await attempts(account)).toMatchObject([{ stage: 'written' }])
    await passTime(7 * MINUTE_MS)
    await callAlarm(account.id)
    // Stripe's clock may still be in the month before, so it waits.
    expect(await attempts(account)).toMatchObject([{ stage: 'created' }])
    expect(await chargedTo(account)).toHaveLength(1)
    await passTime(5 * MINUTE_MS)
    await callAlarm(account.id)
    expect(await attempts(account)).toMatchObject([{ state: 'paid' }])
    await expectHonest(account)
  })
})

test('at most 2 attempts start in 10 minutes', async () => {
  const { account } = await armed({ threshold: 100_000, monthly_limit_cents: 10_000 })
  await workFor(account, 10 * MINUTE_MS - 1)
  expect(await attempts(account)).toHaveLength(2)
  await passTime(1)
  await callAlarm(account.id)
  expect(await attempts(account)).toHaveLength(4)
})

async function workFor(account: AccountApi, ms: number): Promise<void> {
  const end = Date.now() + ms
  for (let round = 0; round < 4; round += 1) {
    await callAlarm(account.id)
    await passTime(Math.floor(ms / 4))
  }
  await passTime(end - Date.now())
  await callAlarm(account.id)
}

describe('switching off while a charge is being confirmed', () => {
  const CONFIRM = 'POST /v1/payment_intents/:id/confirm'

  test.each(['before', 'after'] as const)(
    'is answered once its outcome is known (%s Stripe charged)',
    async (strikes) => {
      const { account, key } = await armed()
      await control('/faults', { route: CONFIRM, strikes, delayMs: HOUR_MS })
      await need(account)
      const working = callAlarm(account.id)
      await expect.poll(() => control('/faults', {}, 'GET')).toEqual([])
      let answered = false
      const off = put(account, key, { enabled: false }).then((answer) => {
        answered = true
        return answer
      })
      await expect.poll(async () => (await view(account)).enabled).toBe(false)
      expect(answered).toBe(false)
      await passTime(HOUR_MS)
      expect((await off).body).toMatchObject({ state: 'off', open_cents: 0, last_attempt: { state: 'paid' } })
      await working
      await expectHonest(account)
    },
  )

  test('leaves nothing that is charged later, when the request never arrived', async () => {
    const { account, key } = await armed()
    await control('/faults', { route: CONFIRM, answer: 'lost', times: 2 })
    await need(account)
    await callAlarm(account.id)
    expect(await attempts(account)).toMatchObject([{ stage: 'confirming' }])
    expect((await put(account, key, { enabled: false })).body).toMatchObject({ enabled: false, state: 'charging' })
    await workToTheEnd(account)
    expect(await attempts(account)).toMatchObject([{ state: 'failed', failure: 'not_allowed' }])
    expect(await view(account)).toMatchObject({ state: 'off' })
    expect(await chargedTo(account)).toHaveLength(1)
    await expectHonest(account)
  })

  test('before it is confirmed cancels the attempt', async () => {
    const { account, key } = await armed()
    await control('/faults', { route: 'POST /v1/payment_intents', strikes: 'after', answer: 'lost', times: 2 })
    await need(account)
    await callAlarm(account.id)
    expect(await attempts(account)).toMatchObject([{ stage: 'written' }])
    await put(account, key, { enabled: false })
    await workToTheEnd(account)
    expect(await attempts(account)).toMatchObject([{ state: 'failed', failure: 'not_allowed' }])
    expect(await chargedTo(account)).toHaveLength(1)
    await expectHonest(account)
  })
})

const STEPS = {
  create: 'POST /v1/payment_intents',
  confirm: 'POST /v1/payment_intents/:id/confirm',
  retrieve: 'GET /v1/payment_intents/:id',
  cancel: 'POST /v1/payment_intents/:id/cancel',
} as const

/** Each card with the steps that are taken for it. */
const WAYS = [
  { what: 'a good card', card: 'pm_card_visa', steps: ['create', 'confirm', 'retrieve'] },
  {
    what: 'a card that declines',
    card: 'pm_card_chargeCustomerFail',
    steps: ['create', 'confirm', 'retrieve', 'cancel'],
  },
] as const

const FAULTS = (['before', 'after'] as const).flatMap((strikes) =>
  (['lost', 500, 409, 429] as const).map((answer) => ({ strikes, answer })),
)

const CRASHES: readonly ((account: AccountApi) => Promise<void>)[] = [
  async () => {},
  () => abortAllDurableObjects(),
  (account) => evictDurableObject(account.stub()),
]

let crashes = 0

function armedFor(card: string): Promise<Armed> {
  return card === 'pm_card_visa' ? armed() : armedWith(card)
}

/** In the end an attempt is paid once or charged nothing, whatever happened on the way. */
async function expectSettled(account: AccountApi, card: string): Promise<void> {
  await workToTheEnd(account)
  const made = await attempts(account)
  expect(made.filter(({ stage }) => stage !== null)).toEqual([])
  const isGood = card === 'pm_card_visa'
  expect(made.filter(({ state }) => state === 'paid')).toHaveLength(isGood ? 1 : 0)
  expect(await account.balance()).toMatchObject({ available: isGood ? 550 : 50 })
  if (!isGood) expect(made.some(({ failure }) => failure === 'declined')).toBe(true)
  await expectHonest(account)
}

describe.each(WAYS)('with $what', ({ card, steps }) => {
  describe.each(steps)('when Stripe fails to %s it', (step) => {
    test.each(FAULTS)(
      '($strikes it has, with $answer) and the object crashes, it charges once or not at all',
      async (fault) => {
        crashes += 1
        const crash = CRASHES[crashes % CRASHES.length]
        const { account } = await armedFor(card)
        // Failing twice, it fails what is done about the first failure too.
        await control('/faults', { route: STEPS[step], ...fault, times: 1 + (crashes % 2) })
        await need(account)
        await callAlarm(account.id)
        await crash?.(account)
        await expectSettled(account, card)
      },
    )
  })

  describe.each(steps)('an object that is gone while it waits for Stripe to %s', (step) => {
    test.each(['before', 'after'] as const)('(%s Stripe has done it) charges once or not at all', async (strikes) => {
      const { account } = await armedFor(card)
      await control('/faults', { route: STEPS[step], strikes, delayMs: HOUR_MS })
      await need(account)
      const working = callAlarm(account.id).catch(() => 'aborted')
      await expect.poll(() => control('/faults', {}, 'GET')).toEqual([])
      await abortAllDurableObjects()
      await working
      await callAlarm(account.id)
      // What was on its way arrives after others have looked.
      await passTime(HOUR_MS)
      await expectSettled(account, card)
    })
  })
})
