import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { LOOKS, readDearest, readMoments, readTierDays } from '../../src/history/overview.ts'
import { ledger, MINUTE_MS, START } from './long-ledger.ts'

const DAY_MS = 86_400_000
/** Longer than any page may take, and than what a machine with other things to do adds to 50 ms. */
const FAST_MS = 2_000

test('an instant is found in a ledger of any length, at its edges too', async () => {
  for (const length of [0, 1, 2, 3, 8, 33]) {
    const account = `moments-${length}`
    if (length > 0) await ledger(account, length)
    const instants = Array.from({ length: length + 3 }, (_, index) => START + index * MINUTE_MS)
    const moments = await readMoments(env.HISTORY, account, instants)
    // Entry n is at minute n, so before minute n the last one is n - 1.
    const expected = instants.map((before, index) => {
      const seq = Math.min(length, Math.max(0, index - 1))
      return { before, seq, available: seq * 1000, reserved: seq % 2 }
    })
    expect(moments, `of ${length}`).toEqual(expected)
  }
})

test('the dearest pull requests are those of the period, credits and own key together, and no others', async () => {
  const add = (seq: number, minute: number, fields: object) => {
    const row = {
      ...{ kind: 'settle', charged: 0, actual: null, mode: 'credits', metadata: {} },
      ...fields,
    }
    return env.HISTORY.prepare(
      `INSERT INTO entries (account, seq, at, kind, available_delta, reserved_delta, debt_delta, available, reserved, debt,
         charged, absorbed, actual, mode, late, grants, metadata) VALUES ('dear', ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, 0, ?, ?, 0, '[]', ?)`,
    )
      .bind(seq, START + minute * MINUTE_MS, row.kind, row.charged, row.actual, row.mode, JSON.stringify(row.metadata))
      .run()
  }
  const of = (repository: string, pull_request: string) => ({ metadata: { repository, pull_request } })
  await add(1, 1, { charged: 900_000, ...of('acme/api', '1') })
  await add(2, 10, { charged: 50_000, ...of('acme/api', '2') })
  await add(3, 11, { charged: 40_000, ...of('acme/web', '2') })
  await add(4, 12, { charged: 30_000, ...of('acme/web', '2') })
  await add(5, 13, { mode: 'byok', actual: 60_000, ...of('acme/web', '3') })
  await add(6, 14, { charged: 500_000, metadata: { repository: 'acme/api' } })
  await add(7, 15, { kind: 'expire_reservation', charged: 0, ...of('acme/api', '4') })
  await add(8, 16, { kind: 'release', charged: 0, ...of('acme/api', '5') })
  await add(9, 20, { charged: 900_000, ...of('acme/api', '6') })
  const stretch = { from: START + 10 * MINUTE_MS, to: START + 20 * MINUTE_MS }
  expect(await readDearest(env.HISTORY, 'dear', stretch, 10, 'near')).toEqual({
    since: null,
    look: 'near',
    pullRequests: [
      { repository: 'acme/web', pullRequest: '2', reviews: 2, charged: 70_000, byokCost: 0 },
      { repository: 'acme/web', pullRequest: '3', reviews: 1, charged: 0, byokCost: 60_000 },
      { repository: 'acme/api', pullRequest: '2', reviews: 1, charged: 50_000, byokCost: 0 },
    ],
  })
  expect((await readDearest(env.HISTORY, 'dear', stretch, 1, 'near')).pullRequests).toHaveLength(1)
  expect(await readDearest(env.HISTORY, 'nobody', stretch, 1, 'near')).toEqual({
    since: null,
    pullRequests: [],
    look: 'near',
  })
})

test('with 100,000 entries no look reads more than its bound, and the page can say what it has not looked at', async () => {
  const length = 100_000
  await ledger('long', length)
  const end = START + (length + 1) * MINUTE_MS
  const began = performance.now()
  const dearest = await readDearest(env.HISTORY, 'long', { from: START, to: end }, 20, 'further')
  const dearestMs = performance.now() - began
  const days = Array.from({ length: 70 }, (_, index) => START + index * DAY_MS)
  const moments = await readMoments(env.HISTORY, 'long', days)
  const momentsMs = performance.now() - began - dearestMs
  console.log(`100,000 entries: dearest ${dearestMs.toFixed(0)} ms, ${days.length} moments ${momentsMs.toFixed(0)} ms`)
  expect(dearest.since).toBe(START + (length - LOOKS.further + 1) * MINUTE_MS)
  const near = await readDearest(env.HISTORY, 'long', { from: START, to: end }, 20, 'near')
  expect(near.since).toBe(START + (length - LOOKS.near + 1) * MINUTE_MS)
  expect(dearest.pullRequests).toHaveLength(20)
  // 10,000 reviews of 500 pull requests.
  expect(dearest.pullRequests[0]?.reviews).toBe(20)
  expect(moments.at(-1)?.seq).toBe(69 * 1440 - 1)
  expect(dearestMs + momentsMs).toBeLessThan(FAST_MS)
  const short = await readDearest(env.HISTORY, 'long', { from: START, to: START + DAY_MS }, 20, 'near')
  expect(short.since).toBeNull()
})

test('use by day and tier counts both days of its range', async () => {
  for (const [day, tier, repository, charged] of [
    ['2026-10-31', 'code_review', 'a', 1],
    ['2026-11-01', 'code_review', 'a', 10],
    ['2026-11-01', 'code_review', 'b', 20],
    ['2026-11-01', '', '', 5],
    ['2026-11-03', 'quick_scan', 'a', 40],
    ['2026-11-04', 'quick_scan', 'a', 2],
  ] as const) {
    await env.HISTORY.prepare('INSERT INTO usage VALUES (?1, ?2, ?3, ?4, 1, ?5, 0, 0, 0, 10 * ?5)')
      .bind('days', day, tier, repository, charged)
      .run()
  }
  expect(await readTierDays(env.HISTORY, 'days', '2026-11-01', '2026-11-03')).toEqual([
    { day: '2026-11-01', tier: '', charged: 5, byokCost: 50 },
    { day: '2026-11-01', tier: 'code_review', charged: 30, byokCost: 300 },
    { day: '2026-11-03', tier: 'quick_scan', charged: 40, byokCost: 400 },
  ])
})
