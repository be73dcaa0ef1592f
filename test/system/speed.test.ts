/**
 * The benchmark's hot account in short: that the object still shares its commits, and costs a request little beside what a
 * request costs anyway. Only ratios within a round, far below what they are (2.0 and 0.8), so that a busy machine cannot
 * fail it; the figures themselves are for `npm run bench` on a quiet one.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LoadGenerator } from '../../dev/bench/load.ts'
import { measureAll, SHORT } from '../../dev/bench/measure.ts'
import { median } from '../../dev/bench/report.ts'
import { type Runtime, startRuntime } from '../../dev/bench/runtime.ts'

const ROUNDS = 3

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

test('under load it is faster than a commit for each request, and not far from an object that does nothing', async () => {
  const rounds = []
  for (let number = 0; number < ROUNDS; number += 1) {
    const { real, naive, noop } = await measureAll(runtime.url, generator, number, SHORT)
    const perSecond = real.busy.perSecond
    rounds.push({ ofNaive: perSecond / naive.busy.perSecond, ofNoop: perSecond / noop.busy.perSecond })
  }
  // The median: one round that another process has disturbed, or that met cold code, does not count.
  expect(median(rounds.map(({ ofNaive }) => ofNaive))).toBeGreaterThan(1)
  expect(median(rounds.map(({ ofNoop }) => ofNoop))).toBeGreaterThan(0.2)
})
