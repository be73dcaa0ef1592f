import { array, assert, constantFrom, nat, oneof, property } from 'fast-check'
import { expect, test } from 'vitest'
import { type Accuracy, figuresOf, judged, NO_ACCURACY } from '../../../src/catalog/accuracy.ts'
import type { Estimate } from '../../../src/catalog/estimates.ts'

const ANNOUNCED: Estimate = { typical: 50_000, low: 30_000, high: 80_000, reserve: 62_500 }
const WIDER: Estimate = { typical: 60_000, low: 10_000, high: 190_000, reserve: 120_000 }

function after(costs: readonly number[]): Accuracy {
  return costs.reduce((accuracy, actual) => judged(accuracy, ANNOUNCED, WIDER, actual), NO_ACCURACY)
}

test('before a review was judged, nothing is said', () => {
  expect(figuresOf(NO_ACCURACY.plain, 0)).toBeNull()
})

test('shares are of all reviews; the ends of the range and the hold itself are within', () => {
  const { calibrated, plain, reviews } = after([29_999, 30_000, 62_500, 62_501, 80_000, 80_001, 190_000, 190_001])
  expect(reviews).toBe(8)
  expect(figuresOf(calibrated, reviews)).toMatchObject({ inRange: 0.5, covered: 0.375 })
  expect(figuresOf(plain, reviews)).toMatchObject({ inRange: 0.875, covered: 0.75 })
})

test('the median error is that of the reviews themselves, to an eighth of it', () => {
  return assert(
    property(array(oneof(nat(200_000), constantFrom(0, 50_000)), { minLength: 1, maxLength: 200 }), (costs) => {
      const { calibrated, reviews } = after(costs)
      const errors = costs.map((cost) => Math.abs(cost - 50_000) / 50_000).sort((a, b) => a - b)
      const exact = errors[Math.ceil(errors.length / 2) - 1] ?? 0
      const found = figuresOf(calibrated, reviews)?.medianError ?? Number.NaN
      expect(found).toBeGreaterThanOrEqual(exact / 1.126 - 0.0101)
      expect(found).toBeLessThanOrEqual(exact * 1.126 + 0.0101)
    }),
    { numRuns: 2_000 },
  )
})

test('it takes the same room for one review as for a thousand, and nothing is too far off to count', () => {
  const size = (accuracy: Accuracy) => accuracy.plain.errors.length + accuracy.calibrated.errors.length
  const many = after(Array.from({ length: 1_000 }, (_, index) => (index % 3 === 0 ? 1e12 : index)))
  expect(size(many)).toBe(size(after([1])))
  expect(many.plain.errors.reduce((sum, count) => sum + count, 0)).toBe(1_000)
})
