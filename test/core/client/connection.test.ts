/** Which calls are asked again, when, and how often; and what an error says. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { AssayCredits, AssayError, AssayUnreachable } from '../../../src/client/index.ts'
import { answer, held, type Network, refusal, Virtual } from './virtual.ts'

const KEY = 'runner_0123456789abcdef'

function connect(network: Network, random?: () => number) {
  const virtual = new Virtual(network, random)
  const assay = new AssayCredits({ url: 'https://credits.test/', key: KEY, runtime: virtual.runtime })
  return { virtual, account: assay.account('acme') }
}

/** Answers in this order; the last one again and again. */
function inOrder(...answers: readonly (() => ReturnType<Network>)[]): Network {
  let at = 0
  return () => {
    const next = answers[Math.min(at, answers.length - 1)]
    at += 1
    if (next === undefined) throw new Error('no answer was given')
    return next()
  }
}

const ok = () => answer(200, { available: 1, version: 1 })
const cut = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('read ECONNRESET') }))

test('a lost connection, a cut answer, an answer of a proxy and an overloaded API are asked again', async () => {
  const torn = () => answer(200, '{"available":')
  const gateway = () => answer(502, '<h1>Bad gateway</h1>')
  const portal = () => answer(200, { message: 'Sign in to this network' })
  const { virtual, account } = connect(inOrder(cut, torn, gateway, () => refusal(503, 'overloaded'), portal, ok))
  expect(await account.balance()).toEqual({ available: 1, version: 1 })
  expect(virtual.asked).toHaveLength(6)
  // Half of 200, 400, 800, 1,600 and 3,200 ms.
  expect(virtual.asked.map(({ atMs }) => atMs)).toEqual([0, 100, 300, 700, 1_500, 3_100])
  expect(virtual.timers, 'timers left behind').toBe(0)
})

test('no other 4xx is ever asked again, whoever answers it', async () => {
  for (const status of [400, 401, 402, 403, 404, 409, 413, 415, 422]) {
    const { virtual, account } = connect(() => refusal(status, 'conflict', { field: 'credits' }))
    const error = await account.balance().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AssayError)
    expect(error).toMatchObject({ status, code: 'conflict', problem: { field: 'credits' }, requestId: 'req_1' })
    expect(virtual.asked).toHaveLength(1)
    const proxied = connect(() => answer(status, 'Sign in to this network'))
    await expect(proxied.account.balance()).rejects.toMatchObject({ name: 'AssayUnreachable', status })
    expect(proxied.virtual.asked).toHaveLength(1)
  }
})

test('Retry-After of a 429 or a 503 is honoured to the second, as seconds and as a date', async () => {
  const dates = { 'Retry-After': 'Wed, 25 Nov 2026 00:00:09 GMT', Date: 'Wed, 25 Nov 2026 00:00:05 GMT' }
  const { virtual, account } = connect(
    inOrder(
      () => refusal(429, 'rate_limited', {}, { 'Retry-After': '3' }),
      () => refusal(503, 'overloaded', {}, dates),
      ok,
    ),
    () => 0,
  )
  await account.balance()
  expect(virtual.asked.map(({ atMs }) => atMs)).toEqual([0, 3_000, 7_000])
})

test('a call ends with its tries or its time, and does not wait for what is beyond it', async () => {
  const tries = connect(cut, () => 0)
  await expect(tries.account.balance()).rejects.toMatchObject({ message: 'fetch failed: read ECONNRESET' })
  expect(tries.virtual.asked).toHaveLength(7)
  const asked = connect(() => refusal(429, 'rate_limited', {}, { 'Retry-After': '60' }))
  await expect(asked.account.balance()).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 60_000 })
  expect(asked.virtual.nowMs).toBe(0)
  // A `fetch` that never ends, and does not even listen to its signal.
  const silent = connect(() => new Promise(() => {}))
  await expect(silent.account.balance({ timeoutMs: 25_000 })).rejects.toBeInstanceOf(AssayUnreachable)
  expect(silent.virtual.nowMs).toBeLessThanOrEqual(25_000)
  expect(silent.virtual.asked).toHaveLength(3)
  expect(silent.virtual.timers, 'timers left behind').toBe(0)
})

test('a reservation that may wait for credits is waited for', async () => {
  const { virtual, account } = connect(async () => {
    await virtual.runtime.sleep(29_000, new AbortController().signal)
    return answer(201, held('one', 60_000))
  })
  await account.reserve('one', { credits: 1, wait_seconds: 30 })
  expect(virtual.asked).toHaveLength(1)
})

test("the caller's own signal ends a call at once, with its own reason", async () => {
  const before = connect(ok)
  await expect(before.account.balance({ signal: AbortSignal.abort('early') })).rejects.toBe('early')
  expect(before.virtual.asked).toHaveLength(0)
  const controller = new AbortController()
  const during = connect(() => {
    controller.abort('enough')
    return new Promise(() => {})
  })
  await expect(during.account.balance({ signal: controller.signal })).rejects.toBe('enough')
  expect(during.virtual.timers).toBe(0)
})

test('no error and no look at the client shows the key', async () => {
  const leaky = connect((asked) => {
    throw new TypeError(`Bearer ${KEY} is an invalid header value (${asked.path})`)
  })
  const error = await leaky.account.balance().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ message: expect.stringContaining('[key]') })
  expect(inspect([error, leaky.account], { depth: 10, showHidden: true })).not.toContain(KEY)
  for (const key of ['', 'a b', `${KEY}\n`]) {
    expect(() => new AssayCredits({ url: 'https://credits.test', key })).toThrow(/^key is empty/)
  }
})

test("a body that cannot be written as JSON is the caller's mistake, told at once", async () => {
  const { virtual, account } = connect(ok)
  await expect(account.reserve('one', { credits: 1n as unknown as number })).rejects.toThrow(TypeError)
  expect(virtual.nowMs).toBe(0)
})

test('an id that would change the path never leaves', () => {
  const { virtual, account } = connect(ok)
  for (const id of ['', '.', '..', 'a/b', 'a?b', 'ä', 'a'.repeat(129)]) {
    expect(() => account.reserve(id, { credits: 1 }), id).toThrow(TypeError)
  }
  for (const url of ['credits.test', 'ftp://credits.test', 'https://me:secret@credits.test', 'https://a.test?b=c']) {
    expect(() => new AssayCredits({ url, key: KEY }), url).toThrow(TypeError)
  }
  expect(virtual.asked).toHaveLength(0)
})
