/** A review through failures of the network, of time and of the journal. */
import { expect, test, vi } from 'vitest'
import {
  AssayCredits,
  type AssayOptions,
  type Journal,
  type Settlement,
  type Trouble,
} from '../../../src/client/index.ts'
import { type Asked, answer, held, type Network, refusal, Virtual } from './virtual.ts'

const BODY = { credits: 50 }
const TTL_MS = 300_000
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

function connect(network: Network, options: Partial<AssayOptions> = {}) {
  const virtual = new Virtual(network)
  const troubles: Trouble[] = []
  const onTrouble = (trouble: Trouble) => troubles.push(trouble)
  const assay = new AssayCredits({
    url: 'https://credits.test',
    key: 'runner_0123456789abcdef',
    runtime: virtual.runtime,
    onTrouble,
    ...options,
  })
  const kinds = () => troubles.map(({ kind }) => kind)
  const sent = (verb: string) => virtual.asked.filter(({ path }) => path.endsWith(verb))
  const rest = (ms: number) => virtual.runtime.sleep(ms, new AbortController().signal)
  return { virtual, assay, account: assay.account('acme'), kinds, sent, rest }
}

/** An API that takes everything, but for what a test has to say first. */
function api(first: (asked: Asked) => ReturnType<Network> | null = () => null, skewMs = 0): Network {
  return (asked) => {
    const special = first(asked)
    if (special !== null) return special
    const state = asked.path.endsWith('/settle') ? { state: 'settled' } : {}
    const accrued = (asked.body as { accrued?: number } | undefined)?.accrued ?? 0
    return answer(200, held('one', TTL_MS, asked.atMs, skewMs, { ...state, accrued }))
  }
}

function only(
  verb: string,
  what: (asked: Asked) => ReturnType<Network> | null,
): (asked: Asked) => ReturnType<Network> | null {
  return (asked) => (asked.path.endsWith(verb) ? what(asked) : null)
}

/** In memory, and as reliable as it is told to be. */
function journalOf(pending: readonly Settlement[] = []) {
  const told: string[] = []
  const journal: Journal = {
    record: ({ reservation }) => void told.push(`record ${reservation}`),
    done: ({ reservation }) => void told.push(`done ${reservation}`),
    undeliverable: ({ reservation }, { code }) => void told.push(`undeliverable ${reservation} ${code}`),
    pending: () => pending,
  }
  return { told, journal }
}

const lost = () => Promise.reject(new TypeError('fetch failed'))

test.each([0, DAY_MS, -DAY_MS])(
  "heartbeats follow the hold's own length, though the clocks are %d ms apart",
  async (skewMs) => {
    const { account, sent, rest, kinds } = connect(api(undefined, skewMs))
    const work = async () => {
      await rest(HOUR_MS)
      return { credits: 10 }
    }
    const { settlement } = await account.withReservation(BODY, work, { id: 'one' })
    expect(settlement.state).toBe('settled')
    const times = sent('/extend').map(({ atMs }) => atMs)
    expect(times).toEqual(Array.from({ length: 35 }, (_, at) => (at + 1) * (TTL_MS / 3)))
    expect(kinds()).toEqual([])
  },
)

test('heartbeats that fail for an hour leave the work alone, and go on when the API is back', async () => {
  let down = true
  const { account, sent, rest } = connect(
    api(only('/extend', () => (down ? lost() : answer(200, held('one', TTL_MS))))),
  )
  await account.withReservation(
    BODY,
    async (review) => {
      await rest(HOUR_MS)
      expect(review.signal.aborted).toBe(false)
      down = false
      const before = sent('/extend').length
      await rest(2 * TTL_MS)
      expect(sent('/extend').length - before).toBeLessThan(12)
      return { credits: 10 }
    },
    { id: 'one' },
  )
  expect(sent('/extend').length, 'not in a hurry').toBeLessThan(300)
})

test('a hold that is gone for good aborts the signal with the reason; a key that is refused does not', async () => {
  for (const code of ['reservation_released', 'reservation_settled', 'reservation_expired', 'not_found']) {
    const gone = connect(api(only('/extend', () => refusal(code === 'not_found' ? 404 : 409, code))))
    await gone.account.withReservation(
      BODY,
      async ({ signal }) => {
        await gone.rest(TTL_MS)
        expect(signal.reason).toMatchObject({ code })
        return { credits: 10 }
      },
      { id: 'one' },
    )
    expect(gone.sent('/extend')).toHaveLength(1)
    expect(gone.sent('/settle'), 'the work is settled all the same').toHaveLength(1)
  }
  const refused = connect(api(only('/extend', () => refusal(401, 'unauthorized'))))
  await refused.account.withReservation(
    BODY,
    async ({ signal }) => {
      await refused.rest(TTL_MS)
      expect(signal.aborted).toBe(false)
      return { credits: 10 }
    },
    { id: 'one' },
  )
  expect(refused.kinds()).toEqual(['heartbeat'])
})

test('reports are sent soon, together, and never more often than every second', async () => {
  const { account, sent, rest } = connect(api())
  await account.withReservation(
    BODY,
    async (review) => {
      await rest(5_000)
      for (let spent = 1; spent <= 100; spent += 1) review.report({ accrued: spent / 10 })
      await rest(10)
      expect(sent('/extend').map(({ body }) => body)).toEqual([{ accrued: 10 }])
      for (let spent = 101; spent <= 200; spent += 1) {
        review.report({ accrued: spent / 10 })
        await rest(100)
      }
      return { credits: 20 }
    },
    { id: 'one' },
  )
  const times = sent('/extend').map(({ atMs }) => atMs)
  for (const [at, time] of times.entries()) expect(time - (times[at - 1] ?? -1_000)).toBeGreaterThanOrEqual(1_000)
  expect(sent('/extend').length).toBeGreaterThan(9)
})

test('work that throws releases its hold, and its own error is thrown, whatever becomes of the release', async () => {
  const own = new Error('the model fell over')
  const work = async () => {
    throw own
  }
  const good = connect(api())
  await expect(good.account.withReservation(BODY, work, { id: 'one' })).rejects.toBe(own)
  expect(good.sent('/release')).toHaveLength(1)
  expect(good.virtual.timers, 'timers left behind').toBe(0)
  const bad = connect(api(only('/release', lost)))
  await expect(bad.account.withReservation(BODY, work, { id: 'one' })).rejects.toBe(own)
  expect(bad.kinds()).toEqual(['release'])
  expect(bad.virtual.nowMs).toBeLessThanOrEqual(5_000)
})

test('without a cost nothing is settled and nothing released', async () => {
  const { account, sent } = connect(api())
  const work = async () => ({}) as { credits: number }
  await expect(account.withReservation(BODY, work, { id: 'one' })).rejects.toThrow(TypeError)
  expect([...sent('/settle'), ...sent('/release')]).toEqual([])
})

test('work that another runner has, or that is over, is not begun', async () => {
  const begun: string[] = []
  const work = async ({ id }: { id: string }) => {
    begun.push(id)
    return { credits: 1 }
  }
  const { account } = connect(api())
  await expect(account.withReservation(BODY, work, { id: 'two' })).rejects.toMatchObject({ why: 'duplicate' })
  const over = connect(() => answer(200, held('one', TTL_MS, 0, 0, { state: 'settled' })))
  await expect(over.account.withReservation(BODY, work, { id: 'one' })).rejects.toMatchObject({
    why: 'over',
    reservation: { state: 'settled' },
  })
  const pending = [{ account: 'acme', reservation: 'one', cost: { credits: 10 } }]
  const redelivered = connect(api(only('/settle', lost)), { journal: journalOf(pending).journal })
  await redelivered.assay.resume()
  await expect(redelivered.account.withReservation(BODY, work, { id: 'one' })).rejects.toMatchObject({
    why: 'settling',
  })
  await redelivered.assay.drain({ timeoutMs: 0 })
  expect(begun).toEqual([])
})

test('a review that is handed out twice at once is worked on once, whichever answer comes when', async () => {
  // The second reservation is answered when the first review has long been settled, with what was true when it was asked.
  const { account, rest, sent } = connect(
    api(only('/one', async ({ atMs }) => (await rest(atMs === 0 ? 0 : 9_000)) ?? answer(200, held('one', TTL_MS)))),
  )
  let begun = 0
  const work = async () => {
    begun += 1
    await rest(5_000)
    return { credits: 10 + begun }
  }
  const first = account.withReservation(BODY, work, { id: 'one' })
  await rest(2_000)
  const second = account.withReservation(BODY, work, { id: 'one' })
  await expect(second).rejects.toMatchObject({ why: 'working' })
  expect((await first).settlement.state).toBe('settled')
  expect(begun).toBe(1)
  expect([...sent('/settle'), ...sent('/release')]).toHaveLength(1)
  await account.withReservation(BODY, work, { id: 'one' })
  expect(begun, 'afterwards it is for the API to say').toBe(2)
})

test('a settlement that ends while its review is reserved again was under way all the same', async () => {
  const pending = [{ account: 'acme', reservation: 'one', cost: { credits: 10 } }]
  const { account, assay, rest } = connect(
    api(only('/one', async () => (await rest(5_000)) ?? answer(200, held('one', TTL_MS)))),
    { journal: journalOf(pending).journal },
  )
  await assay.resume()
  const work = async () => ({ credits: 20 })
  await expect(account.withReservation(BODY, work, { id: 'one' })).rejects.toMatchObject({ why: 'settling' })
})

test('a settlement is tried for more than a week if it must, and the caller need not wait for it', async () => {
  const LONG_MS = 8 * DAY_MS
  const { told, journal } = journalOf()
  const { assay, account, sent, virtual, kinds } = connect(
    api(only('/settle', ({ atMs }) => (atMs < LONG_MS ? lost() : answer(200, held('one', 0))))),
    { journal },
  )
  const { settlement } = await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one' })
  expect(settlement).toEqual({ state: 'pending' })
  expect(virtual.nowMs).toBe(30_000)
  expect(await assay.drain()).toEqual([])
  expect(virtual.nowMs).toBeGreaterThanOrEqual(LONG_MS)
  expect(told).toEqual(['record one', 'done one'])
  expect(sent('/settle').length, 'not in a hurry').toBeLessThan(LONG_MS / 20_000)
  expect(kinds()).toEqual(['delayed'])
  expect(virtual.timers, 'timers left behind').toBe(0)
})

test('drained with a time limit, it stops, and says what is left', async () => {
  const { told, journal } = journalOf()
  const { assay, account, virtual } = connect(api(only('/settle', lost)), { journal })
  await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one', settleWithinMs: 0 })
  const left = await assay.drain({ timeoutMs: 5_000 })
  expect(left).toEqual([{ account: 'acme', reservation: 'one', cost: { credits: 10 } }])
  expect(virtual.timers, 'timers left behind').toBe(0)
  expect(told).toEqual(['record one'])
})

test('it is in the journal before it is sent, and done only after it was answered', async () => {
  const { told, journal } = journalOf()
  const { account } = connect(
    api(
      only('/settle', () => {
        told.push('settle')
        return answer(200, held('one', 0))
      }),
    ),
    { journal },
  )
  await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one' })
  expect(told).toEqual(['record one', 'settle', 'done one'])
})

test.each([
  ['throws', () => Promise.reject(new Error('disk full'))],
  [
    'throws at once',
    () => {
      throw new Error('disk full')
    },
  ],
  ['hangs', () => new Promise<void>(() => {})],
])('a journal that %s does not lose the settlement, and is complained about', async (_, fails) => {
  const journal = { record: fails, done: fails, undeliverable: fails, pending: () => [] }
  const { account, sent, kinds } = connect(api(), { journal })
  const { settlement } = await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one' })
  expect(settlement.state).toBe('settled')
  expect(sent('/settle')).toHaveLength(1)
  expect(kinds()).toEqual(['journal', 'journal'])
})

test('a journal that failed has the settlement as soon as it can, while the API cannot be reached', async () => {
  const { told, journal } = journalOf()
  let failures = 2
  const record = (settlement: Settlement) => {
    failures -= 1
    if (failures >= 0) throw new Error('disk full')
    return journal.record(settlement)
  }
  const { account, assay, kinds } = connect(api(only('/settle', lost)), { journal: { ...journal, record } })
  await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one', settleWithinMs: 60_000 })
  await assay.drain({ timeoutMs: 0 })
  expect(told, 'once').toEqual(['record one'])
  expect(kinds()).toEqual(['journal', 'journal', 'delayed'])
})

test('who drains with a time limit does not wait longer for a journal that hangs', async () => {
  const { journal } = journalOf()
  const record = () => new Promise<void>(() => {})
  const { account, assay, virtual } = connect(api(), { journal: { ...journal, record } })
  await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one', settleWithinMs: 0 })
  expect(await assay.drain({ timeoutMs: 1_000 })).toHaveLength(1)
  expect(virtual.nowMs).toBe(1_000)
  expect(virtual.timers, 'timers left behind').toBe(0)
})

test('one that is refused for good is handed over, told of, and returned; for want of a key it is kept', async () => {
  for (const code of ['reservation_released', 'reservation_settled', 'reservation_expired', 'not_found']) {
    const { told, journal } = journalOf()
    const { account, kinds } = connect(api(only('/settle', () => refusal(409, code))), { journal })
    const work = async () => ({ credits: 10, findings: 3 })
    const { result, settlement } = await account.withReservation(BODY, work, { id: 'one' })
    expect(result.findings, 'the work was done').toBe(3)
    expect(settlement).toMatchObject({ state: 'undeliverable', error: { code } })
    expect(told).toEqual(['record one', `undeliverable one ${code}`])
    expect(kinds()).toEqual(['undeliverable'])
  }
  const { told, journal } = journalOf()
  const { account, kinds, sent } = connect(api(only('/settle', () => refusal(401, 'unauthorized'))), { journal })
  const { settlement } = await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one' })
  expect(settlement).toMatchObject({ state: 'undeliverable', error: { code: 'unauthorized' } })
  expect(told, 'the next start may have a valid key').toEqual(['record one'])
  expect(kinds()).toEqual(['refused'])
  expect(sent('/settle')).toHaveLength(1)
})

test('a listener that throws takes no settlement with it, and what it was told is printed', async () => {
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
  const { account } = connect(api(only('/settle', () => refusal(409, 'reservation_settled'))), {
    onTrouble: () => {
      throw new Error('the pager is down')
    },
  })
  const { settlement } = await account.withReservation(BODY, async () => ({ credits: 10 }), { id: 'one' })
  expect(settlement.state).toBe('undeliverable')
  expect(printed.mock.calls.join()).toMatch(/undeliverable \(acme, one\).*the pager is down/)
  printed.mockRestore()
})

test('what a journal still holds is delivered in the background, a few at a time, each once', async () => {
  const pending = Array.from({ length: 1_000 }, (_, at) => ({
    account: 'acme',
    reservation: `r${at}`,
    cost: { credits: at },
  }))
  const { told, journal } = journalOf(pending)
  let atOnce = 0
  let most = 0
  const { assay, sent, rest } = connect(
    api(
      only('/settle', async () => {
        atOnce += 1
        most = Math.max(most, atOnce)
        await rest(100)
        atOnce -= 1
        return answer(200, held('one', 0))
      }),
    ),
    { journal },
  )
  expect(await assay.resume()).toBe(1_000)
  expect(await assay.resume(), 'those under way are not begun anew').toBe(1_000)
  expect(await assay.drain()).toEqual([])
  expect(sent('/settle')).toHaveLength(1_000)
  expect(most).toBe(8)
  expect(
    told.filter((each) => each.startsWith('record')),
    'it has them already',
  ).toEqual([])
  expect(new Set(told).size).toBe(1_000)
})

test('a row of a journal that is no settlement keeps no other from being delivered', async () => {
  const broken = { account: 'acme', reservation: 'broken', cost: null } as unknown as Settlement
  const { told, journal } = journalOf([broken, { account: 'acme', reservation: 'one', cost: { credits: 10 } }])
  const network = api(only('/settle', ({ body }) => (body === null ? refusal(400, 'invalid_request') : null)))
  const { assay } = connect(network, { journal })
  expect(await assay.resume()).toBe(2)
  expect(await assay.drain()).toEqual([])
  expect(told.sort()).toEqual(['done one', 'undeliverable broken invalid_request'])
})
