import { expect, test } from 'vitest'
import { slopePerMinute } from '../../../dev/soak/growth.ts'

/** One a second for five minutes. */
const sample = (valueAt: (second: number) => number) =>
  Array.from({ length: 300 }, (_, second) => ({ atMs: second * 1_000, value: valueAt(second) }))

test('what grows is told from what only goes up and down', () => {
  expect(slopePerMinute(sample((second) => 200 + second * 0.1))).toBeCloseTo(6, 6)
  // A sawtooth of 40 MB, as a heap has that is collected: first and last sample lie far apart.
  expect(Math.abs(slopePerMinute(sample((second) => 200 + (second % 23) * 2)))).toBeLessThan(1)
  expect(slopePerMinute([])).toBe(0)
})
