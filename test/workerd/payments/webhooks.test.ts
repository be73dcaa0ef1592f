import {
  abortAllDurableObjects,
  createScheduledController,
  evictDurableObject,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Stripe } from 'stripe'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Account } from '../../../src/account/object.ts'
import worker from '../../../src/index.ts'
import { type Concern, concernOf } from '../../../src/stripe/webhook.ts'
import { type AccountApi, call, newAccount } from '../api.ts'
import { linkOf } from '../attacks/operations.ts'
import { countOfTables, stored } from '../attacks/stored.ts'
import { callAlarm, failHistory, query, restore, snapshot } from '../object.ts'
import { buy, chargedTo, checkout, control, deliver, eventsOf, payWith, resetDouble, stripe, sync } from './stripe.ts'

beforeAll(resetDouble)
afterEach(async () => {
  vi.useRealTimers()
  await control('/faults', {}, 'DELETE')
})

const MINUTE_MS = 60_000

/** What a payment that was refunded in part and then lost to a dispute sends. */
const SIX = [
  'checkout.session.completed',
  'payment_intent.succeeded',
  'refund.created',
  'charge.dispute.created',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.closed',
] as const

interface Started {
  readonly purchase: string
  readonly payment: string
  readonly url: string
}

async function start(account: AccountApi): Promise<Pick<Started, 'purchase' | 'url'>> {
  const { status, body } = await checkout(account)
  expect(status).toBe(201)
  return { purchase: body.purchase.id, url: body.url }
}

/** Buys a pack, and nobody tells the account that it is paid for. */
async function payInSilence(account: AccountApi): Promise<Started> {
  const started = await start(account)
  const session = await payWith('pm_card_visa', started.url)
  return { ...started, payment: session.payment_intent }
}

async function takeBack(payment: string): Promise<void> {
  await stripe.refunds.create({ payment_intent: payment, amount: 200 })
  const dispute = await control('/disputes', { payment, amount: 300 })
  await control(`/disputes/${dispute.id}`, { status: 'lost' })
}

async function sixEventsOf(account: AccountApi): Promise<Stripe.Event[]> {
  const events = await eventsOf(account)
  return SIX.map((type) => {
    const found = events.find((event) => event.type === type)
    if (found === undefined) throw new Error(`Stripe sent no ${type}`)
    return found
  })
}

type Rows = Record<string, SqlStorageValue>[]

/** All that the order of events could have made a difference to. */
function outcome(sql: SqlStorage): Record<string, Rows> {
  const kinds = 'SELECT kind, count(*) AS entries, sum(available_delta - debt_delta) AS credits FROM entries'
  const select = {
    balance: 'SELECT available, reserved, debt FROM entries ORDER BY seq DESC LIMIT 1',
    purchase: 'SELECT state, refunded_cents, disputed_cents, taken FROM purchases',
    entries: `${kinds} GROUP BY kind ORDER BY kind`,
    grants: 'SELECT kind, credits, free, held FROM grants ORDER BY kind',
    inbox: "SELECT topic FROM inbox WHERE topic <> 'cards'",
  }
  return Object.fromEntries(Object.entries(select).map(([name, query]) => [name, sql.exec(query).toArray()]))
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

interface Heard {
  readonly event: string
  readonly concern: Concern
}

/** What the webhook makes of an event once it is verified: the same at every delivery, so it is asked once. */
async function heard(event: Stripe.Event): Promise<Heard> {
  const told = await concernOf(stripe, event)
  if (!told.ok || told.value === null) throw new Error(`${event.type} concerns nobody`)
  return { event: event.id, concern: told.value }
}

/**
 * The account takes them in this order, each perhaps twice, and works its inbox at the end, and sometimes in between. All inside of the object: 720 orders are many.
 */
function takeAll(account: AccountApi, order: readonly Heard[], chance: number): Promise<Record<string, Rows>> {
  return runInDurableObject(account.stub(), async (instance: Account, { storage }) => {
    for (const [index, event] of order.entries()) {
      const times = ((chance >> index) & 1) + 1
      const takes = Array.from({ length: times }, () => instance.desk({ kind: 'service' }, 'receive', event))
      for (const answer of await Promise.all(takes)) expect(answer).toEqual({ ok: true, isOurs: true })
      if (chance % (4 * order.length) === index) await instance.alarm()
    }
    await instance.alarm()
    return outcome(storage.sql)
  })
}

const LANES = 6

/** On a slow machine with other things to do. */
const LONG_MS = 240_000

/** Nobody has told the account yet that it was paid, and all is taken back already. */
async function newsOfEverything(): Promise<AccountApi> {
  const account = await newAccount(50)
  await takeBack((await payInSilence(account)).payment)
  return account
}

/** It was granted and most of it spent, before all was taken back. */
async function newsOfTheEnd(): Promise<AccountApi> {
  const account = await newAccount(50)
  const { purchase, payment } = await payInSilence(account)
  await sync(account, purchase)
  await spend(account, 450)
  await takeBack(payment)
  return account
}

test(
  'the events of one payment, in all of their 720 orders and doubled, lead to one end',
  async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const outcomes: Record<string, Rows>[] = []
    await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        const account = await (lane % 2 === 0 ? newsOfEverything() : newsOfTheEnd())
        const before = await snapshot(account.id)
        const orders = permutations(await Promise.all((await sixEventsOf(account)).map(heard)))
        expect(orders).toHaveLength(720)
        for (let index = lane; index < orders.length; index += LANES) {
          // Nothing goes to history: what is put back here could not be taken back there.
          await failHistory(account.id, () => 'before')
          outcomes[index] = await takeAll(account, orders[index] ?? [], index)
          await restore(account.id, before)
        }
      }),
    )
    warned.mockRestore()
    expect(outcomes).toHaveLength(720)
    for (const [index, each] of outcomes.entries()) {
      const isSpent = index % 2 === 1
      expect(each).toEqual({
        // What was spent of the payment is owed.
        balance: [{ available: isSpent ? 0 : 50_000, reserved: 0, debt: isSpent ? 400_000 : 0 }],
        purchase: [{ state: 'paid', refunded_cents: 200, disputed_cents: 300, taken: expect.any(String) }],
        entries: [
          { kind: 'dispute', entries: 1, credits: -300_000 },
          { kind: 'grant', entries: 2, credits: 550_000 },
          { kind: 'refund', entries: 1, credits: -200_000 },
          ...(isSpent
            ? [
                { kind: 'reserve', entries: 1, credits: -450_000 },
                { kind: 'settle', entries: 1, credits: 0 },
              ]
            : []),
        ],
        grants: [
          { kind: 'promotional', credits: 50_000, free: isSpent ? 0 : 50_000, held: 0 },
          { kind: 'purchase', credits: 500_000, free: 0, held: 0 },
        ],
        inbox: [],
      })
    }
  },
  LONG_MS,
)

test('events that Stripe sends while it moves on, in any order, lead to where it ends', async () => {
  for (let seed = 0; seed < 16; seed += 1) {
    // Of few events the right ones are found soon.
    await resetDouble()
    const account = await newAccount()
    const { purchase, url } = await start(account)
    const waiting: Stripe.Event[] = []
    const known = new Set<string>()
    const steps = stepsOfStripe(url)
    let chance = seed + 1
    for (const step of steps) {
      await step()
      for (const event of await eventsOf(account)) {
        if (known.has(event.id) || !(SIX as readonly string[]).includes(event.type)) continue
        known.add(event.id)
        waiting.push(event)
      }
      // Some arrive now, others when Stripe has moved on.
      for (let count = waiting.length; count > 0; count -= 1) {
        chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) >>> 0
        if (chance % 3 === 0) continue
        const [event] = waiting.splice(chance % waiting.length, 1)
        if (event !== undefined) expect((await deliver(event)).status).toBe(200)
        if (chance % 2 === 0) await callAlarm(account.id)
      }
      const { available, debt } = await account.balance()
      if (available >= 400 && debt === 0) await spend(account, 400)
    }
    for (const event of waiting) expect((await deliver(event)).status).toBe(200)
    await callAlarm(account.id)
    const { body } = await account.get(`/purchases/${purchase}`)
    expect(body.purchase).toMatchObject({ state: 'disputed', refunded_cents: 200, disputed_cents: 300 })
    const { available, debt } = await account.balance()
    const spent = (await query(account.id, 'SELECT total_charged FROM entries ORDER BY seq DESC LIMIT 1'))[0]
    // What was spent before the money went back is owed.
    expect({ available, debt }).toEqual({ available: 0, debt: Number(spent?.['total_charged']) / 1_000 })
    expect(await account.audit()).toMatchObject({ ok: true, differences: [] })
  }
})

function stepsOfStripe(url: string): readonly (() => Promise<unknown>)[] {
  let payment = ''
  let dispute = ''
  return [
    async () => {
      payment = (await payWith('pm_card_visa', url)).payment_intent
    },
    () => stripe.refunds.create({ payment_intent: payment, amount: 200 }),
    async () => {
      dispute = (await control('/disputes', { payment, amount: 300 })).id
    },
    () => control(`/disputes/${dispute}`, { status: 'lost' }),
  ]
}

let reviews = 0

async function spend(account: AccountApi, credits: number): Promise<void> {
  reviews += 1
  const id = `review-${reviews}`
  expect((await account.reserve(id, { credits })).status).toBe(201)
  expect((await account.settle(id, credits)).status).toBe(200)
}

test('the same event 100 times at once is one grant', async () => {
  const account = await newAccount()
  await payInSilence(account)
  const [completed] = (await eventsOf(account)).filter(({ type }) => type === 'checkout.session.completed')
  if (completed === undefined) throw new Error('nothing was completed')
  const answers = await Promise.all(Array.from({ length: 100 }, () => deliver(completed)))
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  await Promise.all([callAlarm(account.id), callAlarm(account.id)])
  expect(await account.balance()).toMatchObject({ available: 500 })
  expect(await query(account.id, "SELECT count(*) AS n FROM entries WHERE kind = 'grant'")).toEqual([{ n: 1 }])
  expect(await account.audit()).toMatchObject({ ok: true, differences: [] })
})

test('a payment that is confirmed by webhook, success page and sync at once, 200-way, is one grant', async () => {
  const account = await newAccount()
  const { purchase } = await payInSilence(account)
  const events = (await eventsOf(account)).filter(({ type }) => (SIX as readonly string[]).includes(type))
  const page = `/pay/${await linkOf(account.id)}/${purchase}`
  const ways = [
    () => deliver(events[0] as Stripe.Event),
    () => deliver(events[1] as Stripe.Event),
    () => call('GET', page, { key: null }),
    () => account.post(`/purchases/${purchase}/sync`, {}),
    () => callAlarm(account.id).then(() => ({ status: 200 })),
  ]
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => ways[index % ways.length]?.()))
  expect(answers.filter((answer) => answer?.status !== 200)).toEqual([])
  await callAlarm(account.id)
  expect(await account.balance()).toMatchObject({ available: 500 })
  expect(await query(account.id, "SELECT count(*) AS n FROM entries WHERE kind = 'grant'")).toEqual([{ n: 1 }])
  expect(await chargedTo(account)).toMatchObject([{ charges: 1, cents: 500 }])
  expect(await account.audit()).toMatchObject({ ok: true, differences: [] })
})

test("an event that comes before Stripe's answer to Checkout is not forgotten", async () => {
  const account = await newAccount()
  await buy(account)
  await control('/faults', { route: 'POST /v1/checkout/sessions', strikes: 'after', delayMs: 3_600_000 })
  const asked = checkout(account, {}, { headers: { 'Idempotency-Key': 'slow' } })
  const session = await expect
    .poll(async () => {
      const { data } = await stripe.checkout.sessions.list({ limit: 1 })
      return data.find(({ metadata, status }) => metadata?.['account'] === account.id && status === 'open')?.id
    })
    .toBeDefined()
    .then(async () => (await stripe.checkout.sessions.list({ limit: 1 })).data[0]?.id ?? '')
  await control(`/checkout/${session}`, { card: 'pm_card_visa' })
  for (const event of await eventsOf(account)) {
    if ((SIX as readonly string[]).includes(event.type)) expect((await deliver(event)).status).toBe(200)
  }
  await callAlarm(account.id)
  await control('/clock', { advanceMs: 3_600_000 })
  expect((await asked).status).toBe(201)
  await callAlarm(account.id)
  expect(await account.balance()).toMatchObject({ available: 1_000 })
})

test('nothing is lost when the object is gone right after it took an event', async () => {
  for (const goes of [abortAllDurableObjects, (account: AccountApi) => evictDurableObject(account.stub())]) {
    const account = await newAccount()
    await payInSilence(account)
    const [event] = (await eventsOf(account)).filter(({ type }) => type === 'payment_intent.succeeded')
    expect((await deliver(event as Stripe.Event)).status).toBe(200)
    await goes(account)
    // By its alarm alone.
    await expect.poll(async () => (await account.balance()).available, { timeout: 10_000 }).toBe(500)
  }
})

test('nothing is lost when Stripe is gone right after an event was taken, however it fails', async () => {
  for (const answer of ['lost', 500, 429, 409] as const) {
    const account = await newAccount()
    await payInSilence(account)
    const [event] = (await eventsOf(account)).filter(({ type }) => type === 'payment_intent.succeeded')
    expect((await deliver(event as Stripe.Event)).status).toBe(200)
    await control('/faults', { route: '*', times: 1_000, answer })
    await callAlarm(account.id)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + MINUTE_MS })
    await callAlarm(account.id)
    expect(await account.balance()).toMatchObject({ available: 0 })
    await control('/faults', {}, 'DELETE')
    vi.setSystemTime(Date.now() + MINUTE_MS)
    await callAlarm(account.id)
    expect(await account.balance()).toMatchObject({ available: 500 })
    vi.useRealTimers()
  }
})

test('an event that the account cannot take is answered with 503, and stored nowhere', async () => {
  const account = await newAccount()
  await payInSilence(account)
  const [event] = (await eventsOf(account)).filter(({ type }) => type === 'payment_intent.succeeded')
  const rename = (from: string, to: string) =>
    runInDurableObject(account.stub(), (_, { storage: { sql } }) => {
      sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`)
    })
  await callAlarm(account.id)
  const before = await stored(account.id)
  await rename('inbox', 'gone_inbox')
  expect(await deliver(event as Stripe.Event)).toMatchObject({ status: 503 })
  await rename('gone_inbox', 'inbox')
  expect(await stored(account.id)).toBe(before)
  expect((await deliver(event as Stripe.Event)).status).toBe(200)
  await callAlarm(account.id)
  expect(await account.balance()).toMatchObject({ available: 500 })
})

test('an event whose account only Stripe knows is answered with 503 while Stripe is gone', async () => {
  const account = await newAccount()
  const { payment, purchase } = await payInSilence(account)
  await sync(account, purchase)
  await stripe.refunds.create({ payment_intent: payment })
  const [event] = (await eventsOf(account)).filter(({ type }) => type === 'refund.created')
  for (const answer of ['lost', 500, 429] as const) {
    await control('/faults', { route: 'GET /v1/payment_intents/:id', times: 2, answer })
    expect((await deliver(event as Stripe.Event)).status).toBe(503)
    await control('/faults', {}, 'DELETE')
  }
  expect((await deliver(event as Stripe.Event)).status).toBe(200)
  await callAlarm(account.id)
  expect(await account.balance()).toMatchObject({ available: 0 })
})

test('an event of an account that does not exist is taken, and leaves nothing anywhere', async () => {
  const account = await newAccount()
  await payInSilence(account)
  const [event] = (await eventsOf(account)).filter(({ type }) => type === 'checkout.session.completed')
  for (const unknown of ['never-opened', '../x', 'A', '', 'a'.repeat(65)]) {
    const text = JSON.stringify(event).replaceAll(account.id, unknown)
    expect((await deliver(JSON.parse(text))).status).toBe(200)
  }
  expect(await countOfTables('never-opened')).toBe(0)
})

/** The Worker's own scheduled handler, with some of its surroundings broken. */
async function repairWith(broken: Partial<Env> = {}): Promise<void> {
  await worker.scheduled(createScheduledController(), { ...env, ...broken } as Env)
}

const NO_D1 = {
  prepare: () => {
    throw new Error('D1 is gone')
  },
} as unknown as D1Database

const NO_ACCOUNTS = {
  getByName: () => {
    throw new Error('no object can be reached')
  },
} as unknown as Env['ACCOUNT']

/** D1 that can be read and not be written to. */
const READ_ONLY_D1 = new Proxy(env.HISTORY, {
  get(target, property) {
    if (property !== 'prepare') return Reflect.get(target, property).bind(target)
    return (sql: string) => {
      if (/^\s*insert/i.test(sql)) throw new Error('D1 takes nothing')
      return target.prepare(sql)
    }
  },
})

async function accountsWithLostEvents(count: number): Promise<AccountApi[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const account = await newAccount()
      await payInSilence(account)
      return account
    }),
  )
}

async function balances(accounts: readonly AccountApi[]): Promise<number[]> {
  await Promise.all(accounts.map(({ id }) => callAlarm(id)))
  return Promise.all(accounts.map(async (account) => (await account.balance()).available))
}

/** A run looks at some hours at the most; the first one begins a day ago. */
async function repairToTheEnd(): Promise<void> {
  for (let run = 0; run < 6; run += 1) await repairWith()
}

describe('the scheduled repair', () => {
  // By whose clock everything has just happened.
  beforeEach(resetDouble)

  test('makes good webhooks that were all lost', async () => {
    const accounts = await accountsWithLostEvents(5)
    expect(await balances(accounts)).toEqual([0, 0, 0, 0, 0])
    await repairToTheEnd()
    expect(await balances(accounts)).toEqual([500, 500, 500, 500, 500])
    await repairToTheEnd()
    expect(await balances(accounts)).toEqual([500, 500, 500, 500, 500])
  })

  test.each([
    ['D1 is gone', () => repairWith({ HISTORY: NO_D1 })],
    ['D1 takes nothing', () => repairWith({ HISTORY: READ_ONLY_D1 })],
    ['no object can be reached', () => repairWith({ ACCOUNT: NO_ACCOUNTS })],
    [
      'Stripe lists no events',
      async () => {
        await control('/faults', { route: 'GET /v1/events', times: 1_000, answer: 'lost' })
        await repairWith()
      },
    ],
    [
      'Stripe is gone while events are brought',
      async () => {
        await control('/faults', { route: 'GET /v1/payment_intents/:id', times: 1_000, answer: 'lost' })
        await repairWith()
      },
    ],
  ])('throws nothing when %s, and its next run makes good what is missing', async (_why, fails) => {
    await repairToTheEnd()
    const [account] = await accountsWithLostEvents(1)
    const { purchase, payment } = await payInSilence(account as AccountApi)
    await stripe.refunds.create({ payment_intent: payment, amount: 100 })
    await fails()
    await control('/faults', {}, 'DELETE')
    await repairWith()
    expect(await balances([account as AccountApi])).toEqual([900])
    const { body } = await (account as AccountApi).get(`/purchases/${purchase}`)
    expect(body.purchase).toMatchObject({ refunded_cents: 100 })
  })

  test('lets no account that cannot be reached keep the others waiting, and comes back to it', async () => {
    await repairToTheEnd()
    const [gone, other] = (await accountsWithLostEvents(2)) as [AccountApi, AccountApi]
    const without = {
      getByName: (name: string) => {
        if (name === gone.id) throw new Error('this object cannot be reached')
        return env.ACCOUNT.getByName(name)
      },
    } as unknown as Env['ACCOUNT']
    for (let run = 0; run < 2; run += 1) await repairWith({ ACCOUNT: without })
    expect(await balances([gone, other])).toEqual([0, 500])
    await repairWith()
    expect(await balances([gone, other])).toEqual([500, 500])
  })
})
