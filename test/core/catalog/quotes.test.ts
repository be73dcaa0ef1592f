import { expect, it } from 'vitest'
import { estimate, type ReviewFacts } from '../../../src/catalog/estimates.ts'
import { QUOTE_LIFETIME_MS, quoteOf } from '../../../src/catalog/quotes.ts'

const FACTS: ReviewFacts = {
  tier: 'code_review',
  diffLines: 150,
  files: 6,
  complexity: 'medium',
  specialists: null,
  repository: null,
}

it('a quote promises the upper end of its estimate for a day, and never less than it holds', () => {
  const announced = estimate(FACTS)
  expect(quoteOf('acme', FACTS, announced, 1_000, 'k')).toMatchObject({
    maxCredits: announced.high,
    expiresAt: 1_000 + QUOTE_LIFETIME_MS,
  })
  const wide = { ...announced, high: 60_000, reserve: 70_000 }
  expect(quoteOf('acme', FACTS, wide, 0, 'k').maxCredits).toBe(70_000)
})
