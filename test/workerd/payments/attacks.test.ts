import { listDurableObjectIds } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Stripe } from 'stripe'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { app } from '../../../src/http/app.ts'
import { paymentLinks } from '../../../src/http/payment-links.ts'
import { type AccountApi, type Body, call, newAccount, OPERATOR, type Result, RUNNER } from '../api.ts'
import { mint, partsOf } from '../attacks/forge.ts'
import { linkOf } from '../attacks/operations.ts'
import { stored } from '../attacks/stored.ts'
import { callAlarm, query } from '../object.ts'
import {
  buy,
  chargedTo,
  checkout,
  control,
  deliver,
  eventsOf,
  payWith,
  postWebhook,
  resetDouble,
  signatureOf,
  stripe,
  sync,
  WEBHOOK_SECRET,
} from './stripe.ts'
import { agree, armed, customerOf, need, put, view } from './topping-up.ts'

beforeAll(resetDouble)
beforeEach(() => {
  vi.restoreAllMocks()
})
afterEach(async () => {
  vi.useRealTimers()
  await control('/faults', {}, 'DELETE')
})

const OLDER_SECRET = 'whsec_older_0123456789abcdef'
const STRIPE_IP = '198.51.100.7'

interface Paid {
  readonly account: AccountApi
  readonly purchase: string
  readonly payment: string
  readonly event: Stripe.Event
}

/** A payment of which the account has not heard yet, with the event that would tell it. */
async function paidInSilence(): Promise<Paid> {
  const account = await newAccount()
  const { body } = await checkout(account)
  const session = await payWith('pm_card_visa', body.url)
  const event = (await eventsOf(account)).find(({ type }) => type === 'payment_intent.succeeded')
  if (event === undefined) throw new Error('Stripe sent nothing')
  return { account, purchase: body.purchase.id, payment: session.payment_intent, event }
}

/** That the account took nothing in: not even a row of its inbox. */
async function expectUntouched({ account }: Paid, act: () => Promise<unknown>): Promise<void> {
  await callAlarm(account.id)
  const before = await stored(account.id)
  await act()
  await callAlarm(account.id)
  expect(await stored(account.id)).toBe(before)
}

describe('a webhook', () => {
  test('that is unsigned, or signed by somebody else, is refused', async () => {
    const paid = await paidInSilence()
    const payload = JSON.stringify(paid.event)
    const signatures = [
      null,
      '',
      'nonsense',
      `t=${Math.floor(Date.now() / 1000)}`,
      'v1=00',
      await signatureOf(payload, { secret: 'whsec_of_somebody_else_0123' }),
      await signatureOf(payload, { secret: 'sk_test_0123456789abcdef' }),
      (await signatureOf(payload)).replace('v1=', 'v0='),
      (await signatureOf(payload)).replace(/v1=.*/, 'v1='),
    ]
    await expectUntouched(paid, async () => {
      for (const signature of signatures) {
        const { status, body } = await postWebhook(payload, signature)
        expect([signature, status, body.code]).toEqual([signature, 400, 'invalid_request'])
      }
    })
  })

  test('is taken under every secret of the list, so that they can be rotated', async () => {
    const paid = await paidInSilence()
    for (const secret of [WEBHOOK_SECRET, OLDER_SECRET]) {
      expect((await deliver(paid.event, { secret })).status).toBe(200)
    }
  })

  test('that was changed by a byte after it was signed is refused, whichever byte', async () => {
    const paid = await paidInSilence()
    const payload = JSON.stringify(paid.event)
    const signature = await signatureOf(payload)
    await expectUntouched(paid, async () => {
      for (let at = 0; at < payload.length; at += 97) {
        const changed = `${payload.slice(0, at)}${payload[at] === 'x' ? 'y' : 'x'}${payload.slice(at + 1)}`
        expect((await postWebhook(changed, signature)).status).toBe(400)
      }
      for (const changed of [`${payload} `, ` ${payload}`, payload.slice(0, -1), '']) {
        expect((await postWebhook(changed, signature)).status).toBe(400)
      }
    })
  })

  test('is refused 301 seconds after it was signed, or 301 before; and taken at 299', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    const paid = await paidInSilence()
    await expectUntouched(paid, async () => {
      for (const ageSeconds of [301, 3_600, 1e9, -301, -3_600, -1e9]) {
        expect([ageSeconds, (await deliver(paid.event, { ageSeconds })).status]).toEqual([ageSeconds, 400])
      }
    })
    for (const ageSeconds of [299, 0, -299]) {
      expect([ageSeconds, (await deliver(paid.event, { ageSeconds })).status]).toEqual([ageSeconds, 200])
    }
  })

  test('of long ago cannot be made young by a second time in its signature', async () => {
    const paid = await paidInSilence()
    const payload = JSON.stringify(paid.event)
    const now = Math.floor(Date.now() / 1000)
    await expectUntouched(paid, async () => {
      for (const ageSeconds of [600, -600]) {
        const old = await signatureOf(payload, { ageSeconds })
        const [time = '', v1 = ''] = old.split(',')
        for (const made of [`t=${now},${old}`, `${old},t=${now}`, `${time},t=${now},${v1}`, `t=${now},${v1},${time}`]) {
          expect([made, (await postWebhook(payload, made)).status]).toEqual([made, 400])
        }
      }
    })
  })

  test('of the other mode than the key is refused', async () => {
    const paid = await paidInSilence()
    await expectUntouched(paid, async () => {
      expect((await deliver({ ...paid.event, livemode: true } as Stripe.Event)).status).toBe(400)
    })
  })

  test('whose signed body is no event stores nothing, and the Worker goes on', async () => {
    const paid = await paidInSilence()
    const bodies = [
      'null',
      '[]',
      '"text"',
      '{}',
      '{"type":"payment_intent.succeeded"}',
      '{"object":"event"}',
      'no JSON',
    ]
    await expectUntouched(paid, async () => {
      for (const payload of bodies) {
        const { status } = await postWebhook(payload, await signatureOf(payload))
        expect([payload, [200, 400, 503].includes(status)]).toEqual([payload, true])
      }
    })
    expect((await call('GET', '/health', { key: null })).status).toBe(200)
  })

  test('larger than 512 KiB is refused before its signature is looked at', async () => {
    expect((await postWebhook(' '.repeat(512 * 1024 + 1), 'nonsense')).status).toBe(413)
  })

  test('badly signed is counted by address, and one that is well signed never', async () => {
    const paid = await paidInSilence()
    const statuses: number[] = []
    for (let sent = 0; sent < 140; sent += 1) {
      statuses.push((await postWebhook('{}', 'nonsense', { ip: STRIPE_IP })).status)
    }
    expect(statuses.at(-1)).toBe(429)
    expect((await deliver(paid.event, { ip: STRIPE_IP })).status).toBe(200)
  })
})

/** The event as it would be if Stripe said something else in it. */
function altered({ event }: Paid, changes: object): Stripe.Event {
  const { object } = event.data as { object: object }
  return { ...event, data: { ...event.data, object: { ...object, ...changes } } } as unknown as Stripe.Event
}

describe('an event that Stripe signed, but that is not about us,', () => {
  test('because it is of another customer, changes nothing', async () => {
    const paid = await paidInSilence()
    const theirs = await customerOf((await paidInSilence()).account)
    await expectUntouched(paid, async () => {
      for (const customer of [theirs, 'cus_unknown', null]) {
        expect((await deliver(altered(paid, { customer }))).status).toBe(200)
      }
    })
  })

  test('because its metadata names another account, changes nothing in either', async () => {
    const [mine, theirs] = [await paidInSilence(), await paidInSilence()]
    await expectUntouched(mine, () =>
      expectUntouched(theirs, async () => {
        for (const purchase of [mine.purchase, theirs.purchase, 'pur_unknown']) {
          const metadata = { account: theirs.account.id, purchase }
          expect((await deliver(altered(mine, { metadata }))).status).toBe(200)
        }
      }),
    )
    expect(await theirs.account.balance()).toMatchObject({ available: 0 })
  })

  test('because it names no account, or what is none, changes nothing', async () => {
    const paid = await paidInSilence()
    await expectUntouched(paid, async () => {
      for (const account of ['../x', 'A', '', '__proto__', 'a'.repeat(65), 'never-opened']) {
        const metadata = { account, purchase: paid.purchase }
        expect((await deliver(altered(paid, { metadata }))).status).toBe(200)
      }
      expect((await deliver(altered(paid, { metadata: {} }))).status).toBe(200)
      expect((await deliver(altered(paid, { metadata: null }))).status).toBe(200)
    })
  })
})

describe('a payment that was forged with our metadata', () => {
  /** Really paid at Stripe, by whoever has access to it there: only we did not write it down. */
  async function forge(account: AccountApi, purchase: string, amount: number, customer?: string): Promise<void> {
    const metadata = { account: account.id, purchase }
    const params = {
      amount,
      currency: 'usd',
      metadata,
      payment_method: 'pm_card_visa',
      confirm: true,
      off_session: true,
    }
    const { id } = await stripe.paymentIntents.create(customer === undefined ? params : { ...params, customer })
    const { data } = await stripe.events.list({ type: 'payment_intent.succeeded' })
    for (const event of data) if (JSON.stringify(event.data).includes(id)) await deliver(event)
    await callAlarm(account.id)
  }

  test("pays for no open Checkout, whoever's it is", async () => {
    const account = await newAccount()
    const { purchase } = (await checkout(account)).body
    await forge(account, purchase.id, 500)
    await forge(account, purchase.id, 500, await customerOf(account))
    expect(await account.balance()).toMatchObject({ available: 0 })
    expect(await sync(account, purchase.id)).toMatchObject({ state: 'open' })
    // The audit sees money that nobody was granted anything for.
    expect((await account.audit()).differences).toHaveLength(1)
  })

  test('grants nothing for a purchase that is paid already, nor for a top-up', async () => {
    const { account } = await armed()
    await need(account)
    await callAlarm(account.id)
    const before = await account.balance()
    const { data } = (await account.get('/purchases')).body
    expect(data).toHaveLength(2)
    for (const { id } of data) await forge(account, id, 50, await customerOf(account))
    expect({ ...(await account.balance()), as_of: null }).toEqual({ ...before, as_of: null })
  })
})

test('a payment of another amount than the purchase still grants what was written down', async () => {
  const account = await newAccount()
  const { body } = await checkout(account)
  await payWith('pm_card_chargeDeclined', body.url)
  const { data } = await stripe.paymentIntents.list({ customer: await customerOf(account) })
  // Somebody with access to Stripe lowers the price on the way.
  await stripe.paymentIntents.update(data[0]?.id ?? '', { amount: 50 })
  await payWith('pm_card_visa', body.url)
  expect(await sync(account, body.purchase.id)).toMatchObject({ state: 'paid', credits: 500, price_cents: 500 })
  expect(await account.balance()).toMatchObject({ available: 500 })
})

describe('a Checkout', () => {
  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'ftp://shop.test/',
    '//shop.test/paid',
    '/paid',
    'shop.test',
    '',
    `https://shop.test/${'a'.repeat(2_000)}`,
  ])('does not send anybody back to %s', async (url) => {
    const account = await newAccount()
    const before = await stored(account.id)
    for (const field of ['success_url', 'cancel_url']) {
      const { status, body } = await checkout(account, { [field]: url })
      expect([status, body.errors[0].path]).toEqual([400, field])
    }
    expect((await account.post('/portal', { return_url: url })).body.errors[0].path).toBe('return_url')
    expect(await stored(account.id)).toBe(before)
  })

  test('is one purchase for one Idempotency-Key: amounts are no part of it, nor is the time', async () => {
    const account = await newAccount()
    const headers = { 'Idempotency-Key': 'buy-1' }
    const all = await Promise.all(Array.from({ length: 20 }, () => checkout(account, {}, { headers })))
    expect(all.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(new Set(all.map(({ body }) => body.purchase.id)).size).toBe(1)
    expect(new Set(all.map(({ body }) => body.url)).size).toBe(1)
    const another = await checkout(account, { pack: 'team' }, { headers })
    expect([another.status, another.body.code]).toEqual([409, 'conflict'])
    expect((await checkout(account, { pack: 'nothing' }, { headers })).status).toBeGreaterThanOrEqual(400)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    // Two that come in the same millisecond are still two.
    const two = await Promise.all([checkout(account), checkout(account)])
    expect(new Set(two.map(({ body }) => body.purchase.id)).size).toBe(2)
    vi.setSystemTime(Date.now() + 3_600_000)
    expect((await checkout(account, {}, { headers })).body.purchase.id).toBe(all[0]?.body.purchase.id)
    expect((await account.get('/purchases')).body.data).toHaveLength(3)
  })

  test('cannot be opened without end', async () => {
    const account = await newAccount()
    const all: Result[] = []
    for (let count = 0; count < 51; count += 1) all.push(await checkout(account))
    expect(all.at(-1)).toMatchObject({ status: 422, body: { limit: 'open_checkouts', maximum: 50 } })
  })
})

describe('a payment link', () => {
  test('that is forged opens nothing and wakes no object', async () => {
    const account = await newAccount()
    const { purchase } = (await checkout(account)).body
    const link = await linkOf(account.id)
    const [payload = '', mac = ''] = link.split('.')
    const other = (await linkOf('never-seen')).split('.')[0] ?? ''
    const key = partsOf((await mint(account, 'billing')).key)
    const unknown = (await paymentLinks('', account.id, ['a-secret-that-nobody-configured-0123'])).replace('/pay/', '')
    const forged = [
      `${other}.${mac}`,
      `${payload}.${'A'.repeat(43)}`,
      `${payload}.${mac.slice(0, -1)}${mac.endsWith('A') ? 'E' : 'A'}`,
      // The same bytes: the last letter says two bits more than they have.
      `${payload}.${mac.slice(0, -1)}${String.fromCharCode(mac.charCodeAt(42) + 1)}`,
      `${payload}.`,
      payload,
      `${payload}.${mac}.${mac}`,
      `${key.payload}.${key.mac}`,
      unknown,
      'x'.repeat(5_000),
    ]
    const before = (await listDurableObjectIds(env.ACCOUNT)).length
    for (const each of forged) {
      for (const method of ['GET', 'POST']) {
        const answer = await call(method, `/pay/${each}/${purchase.id}`, { key: null })
        expect([each, answer.status]).toEqual([each, 404])
      }
    }
    expect((await listDurableObjectIds(env.ACCOUNT)).length).toBe(before)
  })

  test('of one account opens no purchase of another, and none that there is not', async () => {
    const [mine, theirs] = [await newAccount(), await newAccount()]
    await checkout(mine)
    const { purchase } = (await checkout(theirs)).body
    for (const id of [purchase.id, 'pur_unknown', '__proto__', 'x']) {
      for (const method of ['GET', 'POST']) {
        expect((await call(method, `/pay/${await linkOf(mine.id)}/${id}`, { key: null })).status).toBe(404)
      }
    }
  })

  test('signed with an older secret still opens its page', async () => {
    const account = await newAccount()
    const { purchase } = (await checkout(account)).body
    const older = env.SIGNING_SECRETS.split(',').slice(1)
    const link = await paymentLinks('', account.id, older)
    expect((await call('GET', `${link}/${purchase.id}`, { key: null })).status).toBe(200)
  })

  test('shows a page on which nothing can run, that nobody can frame or keep, and that tells nobody of the link', async () => {
    const script = '<script>alert(1)</script>'
    const account = await newAccount(0, { name: script })
    const { purchase } = (await checkout(account)).body
    const { body, headers } = await call('GET', `/pay/${await linkOf(account.id)}/${purchase.id}`, { key: null })
    const policy = headers.get('Content-Security-Policy') ?? ''
    for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", 'form-action']) {
      expect(policy).toContain(rule)
    }
    expect(policy).not.toContain('unsafe')
    expect(headers.get('Referrer-Policy')).toBe('no-referrer')
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(body).not.toMatch(/<script|<iframe|onerror|javascript:/i)
    // Nothing of the account is on it.
    expect(body).not.toContain(account.id)
    expect(body).not.toContain(await customerOf(account))
  })

  test('leads on to the open Checkout alone, and nowhere once it is paid', async () => {
    const account = await newAccount()
    const { purchase, url } = (await checkout(account)).body
    const page = `/pay/${await linkOf(account.id)}/${purchase.id}`
    const onwards = await call('POST', page, { key: null })
    expect([onwards.status, onwards.headers.get('Location')]).toEqual([303, url])
    await payWith('pm_card_visa', url)
    expect((await call('GET', page, { key: null })).body).toContain('Thank you')
    const after = await call('POST', page, { key: null })
    expect([after.status, after.headers.get('Location')]).toEqual([303, `https://credits.test${page}`])
  })

  test('shows what is known while Stripe is gone', async () => {
    const account = await newAccount()
    const { purchase } = (await checkout(account)).body
    await control('/faults', { route: '*', times: 10, answer: 500 })
    const page = await call('GET', `/pay/${await linkOf(account.id)}/${purchase.id}`, { key: null })
    expect([page.status, String(page.body).includes('Not paid yet')]).toEqual([200, true])
  })
})

describe('auto top-up is switched on by the customer alone:', () => {
  test('no operator, no runner and no reader does it; an operator may switch it off', async () => {
    const { account, key } = await armed()
    const read = (await mint(account, 'read')).key
    const runner = (await mint(account, 'runner')).key
    await put(account, OPERATOR, { enabled: false })
    expect(await view(account)).toMatchObject({ enabled: false, state: 'off', agreed: { by: 'operator' } })
    const before = await stored(account.id)
    for (const other of [OPERATOR, RUNNER, read, runner]) expect((await put(account, other)).status).toBe(403)
    expect(await stored(account.id)).toBe(before)
    expect(await agree(account, key)).toMatchObject({ state: 'armed' })
  })

  test('not by a request that is sent again after they switched it off', async () => {
    const { account, key } = await armed()
    const headers = { 'Idempotency-Key': 'agree-1' }
    expect((await put(account, key, {}, headers)).body).toMatchObject({ state: 'armed' })
    expect((await put(account, key, { enabled: false })).body).toMatchObject({ state: 'off' })
    for (let sent = 0; sent < 3; sent += 1) {
      const again = await put(account, key, {}, headers)
      expect([again.status, again.headers.get('Idempotent-Replayed'), again.body.state]).toEqual([200, 'true', 'off'])
    }
    const changed = await put(account, key, { threshold: 99 }, headers)
    expect([changed.status, changed.body.field]).toEqual([409, 'threshold'])
    await need(account)
    await callAlarm(account.id)
    expect(await chargedTo(account)).toHaveLength(1)
  })

  test('not by a purchase that keeps a card, nor by any webhook', async () => {
    const account = await newAccount()
    await buy(account, { save_card: true })
    for (const event of await eventsOf(account)) await deliver(event)
    await callAlarm(account.id)
    expect(await view(account)).toMatchObject({ enabled: false, state: 'off', agreed: null })
  })

  test('and only for a pack that is sold, above nothing, within a limit', async () => {
    const { account, key } = await armed()
    const before = await stored(account.id)
    const wrong: readonly (readonly [object, string])[] = [
      [{ pack: 'nothing' }, 'pack'],
      [{ pack: '__proto__' }, 'pack'],
      [{ threshold: 0 }, 'threshold'],
      [{ threshold: -1 }, 'threshold'],
      [{ monthly_limit_cents: 499 }, 'monthly_limit_cents'],
      [{ monthly_limit_cents: 0 }, 'monthly_limit_cents'],
      [{ monthly_limit_cents: 500.5 }, 'monthly_limit_cents'],
      [{ price_cents: 1 }, 'price_cents'],
      [{ payment_method: 'pm_other' }, 'payment_method'],
    ]
    for (const [settings, field] of wrong) {
      const { status, body } = await put(account, key, settings)
      expect([settings, status, body.errors[0].path]).toEqual([settings, 400, field])
    }
    // Which card it was that the customer saw is a question; none but their own default card is ever agreed to.
    const { status, body } = await put(account, key, { card: 'pm_other' })
    expect([status, body.code, body.field]).toEqual([409, 'conflict', 'card'])
    expect(await stored(account.id)).toBe(before)
  })
})

test('an attempt that is confirmed from 50 sides at once is charged once', async () => {
  const { account } = await armed()
  await control('/faults', { route: 'POST /v1/payment_intents/:id/confirm', answer: 500 })
  await need(account)
  await callAlarm(account.id)
  const { id } = (await view(account)).last_attempt
  const all = Array.from({ length: 50 }, (_, index) =>
    index % 5 === 0 ? callAlarm(account.id) : account.post(`/purchases/${id}/sync`, {}),
  )
  await Promise.all(all)
  expect(await sync(account, id)).toMatchObject({ state: 'paid' })
  expect(await chargedTo(account)).toMatchObject([{ charges: 1 }, { charges: 1 }])
  // What was asked in vain at first is asked once more by the alarm.
  await expect.poll(() => account.audit(), { timeout: 10_000 }).toMatchObject({ ok: true, differences: [] })
})

describe('the Worker refuses to serve', () => {
  /** With other keys too, because what was found to be right is remembered by their values. */
  async function serveWith(changed: object, path: string, init: RequestInit = {}): Promise<number> {
    const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
    const unseen = { OPERATOR_KEYS: `operator-${crypto.randomUUID()}` }
    const request = new Request(`https://credits.test${path}`, init)
    const surroundings = { ...env, ...unseen, ...changed } as unknown as Env
    return (await app.fetch(request, surroundings, context as unknown as ExecutionContext)).status
  }

  test.each(['', ' ', ',', 'whsec_good_0123456789,', ',whsec_good_0123456789', 'short', undefined])(
    'with the webhook secrets %j: whoever signs with an empty one signs for nobody',
    async (STRIPE_WEBHOOK_SECRETS) => {
      const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
      const paid = await paidInSilence()
      const body = JSON.stringify(paid.event)
      const timestamp = Math.floor(Date.now() / 1000)
      const signature = await hmacOf('', `${timestamp}.${body}`)
      const headers = { 'Stripe-Signature': `t=${timestamp},v1=${signature}` }
      await expectUntouched(paid, async () => {
        const init = { method: 'POST', body, headers }
        expect(await serveWith({ STRIPE_WEBHOOK_SECRETS }, '/v1/stripe/webhook', init)).toBe(503)
      })
      for (const path of ['/health', '/v1/packs']) expect(await serveWith({ STRIPE_WEBHOOK_SECRETS }, path)).toBe(503)
      expect(JSON.stringify(logged.mock.calls)).toContain('STRIPE_WEBHOOK_SECRETS')
      expect(JSON.stringify(logged.mock.calls)).not.toContain('whsec_good')
    },
  )

  test.each(['', 'sk_test_', 'pk_test_0123456789abcdef', 'whsec_0123456789abcdef', undefined])(
    'with the Stripe key %j',
    async (STRIPE_SECRET_KEY) => {
      const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
      expect(await serveWith({ STRIPE_SECRET_KEY }, '/health')).toBe(503)
      expect(JSON.stringify(logged.mock.calls)).toContain('STRIPE_SECRET_KEY')
    },
  )

  test('with a live key beside an address of a double, for real cards must never meet one', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    for (const STRIPE_SECRET_KEY of ['sk_live_0123456789abcdef', 'rk_live_0123456789abcdef']) {
      const live = { STRIPE_SECRET_KEY, STRIPE_API_BASE: 'http://127.0.0.1:12111' }
      expect(await serveWith(live, '/health')).toBe(503)
      expect(await serveWith({ STRIPE_SECRET_KEY }, '/health')).toBe(200)
    }
    expect(await serveWith({ STRIPE_API_BASE: 'http://127.0.0.1:12111' }, '/health')).toBe(200)
    expect(JSON.stringify(logged.mock.calls)).not.toContain('_live_0123')
  })
})

async function hmacOf(secret: string, text: string): Promise<string> {
  // WebCrypto takes no empty key; HMAC pads any key with zeros, so this one is the same.
  const bytes = new TextEncoder().encode(secret === '' ? '\0' : secret)
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text))
  return [...new Uint8Array(mac)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

test("neither Stripe's key nor a webhook secret is in any answer or log line, however Stripe fails", async () => {
  const { account, key } = await armed()
  const { purchase } = (await checkout(account)).body
  const spies = (['debug', 'log', 'info', 'warn', 'error'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(() => undefined),
  )
  const answers: Body[] = []
  for (const answer of ['lost', 500, 401, 403, 404, 400, 429] as const) {
    await control('/faults', { route: '*', times: 1_000, answer })
    const base = `/v1/accounts/${account.id}`
    answers.push(
      await checkout(account),
      await account.post('/portal', {}),
      await account.post(`/purchases/${purchase.id}/sync`, {}),
      await put(account, key),
      await account.audit(),
      await call('GET', `/pay/${await linkOf(account.id)}/${purchase.id}`, { key: null }),
      await call('POST', `${base}/purchases/${purchase.id}/refund`, { body: { reason: 'x' } }),
    )
    await callAlarm(account.id)
    await control('/faults', {}, 'DELETE')
  }
  const lines = spies.flatMap((spy) => spy.mock.calls.map((each) => JSON.stringify(each)))
  expect(lines.length).toBeGreaterThan(0)
  const text = JSON.stringify([answers, lines])
  for (const secret of [env.STRIPE_SECRET_KEY, ...env.STRIPE_WEBHOOK_SECRETS.split(',')]) {
    expect(text).not.toContain(secret)
  }
})

test('two purchases can never be of one payment, whatever the code believes', async () => {
  const account = await newAccount()
  const { purchase } = (await checkout(account)).body
  const { id } = await buy(account)
  const set = `UPDATE purchases SET payment_intent = (SELECT payment_intent FROM purchases WHERE id = '${id}')`
  await expect(query(account.id, `${set} WHERE id = '${purchase.id}'`)).rejects.toThrow(/UNIQUE/)
})
