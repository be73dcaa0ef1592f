/**
 * The benchmark in short: that the object still shares its commits, costs a request little beside what a request costs
 * anyway, and does not keep the thread to itself. Only ratios within a round, far below what they are (2.0 and 0.8), and
 * counts, so that a busy machine cannot fail it; the figures themselves are for `npm run bench` on a quiet one.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fund, operatorApi } from '../../dev/bench/api.ts'
import { LoadGenerator } from '../../dev/bench/load.ts'
import { measureAll, SHORT } from '../../dev/bench/measure.ts'
import { median } from '../../dev/bench/report.ts'
import { type Runtime, startRuntime } from '../../dev/bench/runtime.ts'

const ROUNDS = 3

const REVIEWS_BEHIND = 20_000

let runtime: Runtime
let generator: LoadGenerator

beforeAll(async () => {
  runtime = await startRuntime()
  generator = new LoadGenerator()
})

afterAll(async () => {
  generator.close()
  await runtime.close()
})

test('under load it is faster than a commit for each request, not far from an object that does nothing, and fair', async () => {
  const rounds = []
  for (let number = 0; number < ROUNDS; number += 1) {
    const { real, naive, noop } = await measureAll(runtime.url, generator, number, SHORT)
    const perSecond = real.busy.perSecond
    rounds.push({
      ofNaive: perSecond / naive.busy.perSecond,
      ofNoop: perSecond / noop.busy.perSecond,
      // Where turns leave out who is not there yet, it is 5 to 9; otherwise about 2.
      tail: real.busy.p99Ms / real.busy.p50Ms,
    })
  }
  // The median: one round that another process has disturbed, or that met cold code, does not count.
  expect(median(rounds.map(({ ofNaive }) => ofNaive))).toBeGreaterThan(1)
  expect(median(rounds.map(({ ofNoop }) => ofNoop))).toBeGreaterThan(0.2)
  expect(median(rounds.map(({ tail }) => tail))).toBeLessThan(4)
})

test('while a long ledger goes to history, others are answered between its batches', async () => {
  const api = operatorApi(runtime.url)
  await fund(api, 'long', 1_000)
  await fund(api, 'other', 1)
  await api('POST', '/bench/long/past', { closed: REVIEWS_BEHIND, sentFrom: 0, heldUntil: null })
  await api('POST', '/bench/long/evict')
  // Opens it, which arms its alarm.
  await api('GET', '/v1/accounts/long/balance')
  let answered = 0
  for (let completeTo = 0; completeTo < 2 * REVIEWS_BEHIND; answered += 1) {
    await api('GET', '/v1/accounts/other/balance')
    const page = (await api('GET', '/v1/accounts/long/entries?limit=1')) as { complete_to: number }
    completeTo = page.complete_to
  }
  // Of 80 batches; it is once when nobody is let in.
  expect(answered).toBeGreaterThan(5)
})
