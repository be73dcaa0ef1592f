import { assert, constantFrom, nat, oneof, option, property, record, subarray } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMPLEXITIES, estimate, type ReviewFacts, SPECIALISTS } from '../../../src/catalog/estimates.ts'
import { TIER_IDS, TIERS } from '../../../src/catalog/tiers.ts'

const TYPICAL = { diffLines: 150, files: 6, complexity: 'medium', specialists: null, repository: null } as const
const ANY_COUNT = oneof(nat(400), nat(20_000), nat(Number.MAX_SAFE_INTEGER))
const ANY_FACTS = record<ReviewFacts>({
  tier: constantFrom(...TIER_IDS),
  diffLines: ANY_COUNT,
  files: ANY_COUNT,
  complexity: constantFrom(...COMPLEXITIES),
  specialists: option(subarray([...SPECIALISTS], { minLength: 1 })),
  repository: constantFrom(null),
})
const RUNS = { numRuns: 2_000 }

describe('an estimate', () => {
  it.each(TIER_IDS)('of %s is the typical cost of the tier for a typical pull request', (tier) => {
    expect(estimate({ tier, ...TYPICAL }).typical).toBe(TIERS[tier].typical * 1_000)
  })

  it('never leaves the range of its tier, and its figures are in order and in tenths of a credit', () => {
    return assert(
      property(ANY_FACTS, (facts) => {
        const { low, typical, reserve, high } = estimate(facts)
        const inOrder = [TIERS[facts.tier].low * 1_000, low, typical, reserve, high, TIERS[facts.tier].high * 1_000]
        expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b))
        for (const figure of inOrder) expect(figure % 100).toBe(0)
      }),
      RUNS,
    )
  })

  it('never falls when there are more lines, more files, more complexity or more specialists', () => {
    return assert(
      property(ANY_FACTS, ANY_FACTS, (a, b) => {
        const lines = [Math.min(a.diffLines, b.diffLines), Math.max(a.diffLines, b.diffLines)] as const
        const files = [Math.min(a.files, b.files), Math.max(a.files, b.files)] as const
        expectNotLess({ ...a, diffLines: lines[0] }, { ...a, diffLines: lines[1] })
        expectNotLess({ ...a, files: files[0] }, { ...a, files: files[1] })
        expectNotLess({ ...a, complexity: 'low' }, { ...a, complexity: 'medium' })
        expectNotLess({ ...a, complexity: 'medium' }, { ...a, complexity: 'high' })
        const some = a.specialists ?? SPECIALISTS
        expectNotLess({ ...a, specialists: some.slice(1) }, { ...a, specialists: some })
      }),
      RUNS,
    )
  })

  it('tells facts apart within the range of a tier', () => {
    const small = estimate({ tier: 'code_review', ...TYPICAL, diffLines: 60, files: 2 })
    const large = estimate({ tier: 'code_review', ...TYPICAL, diffLines: 600, files: 20, complexity: 'high' })
    expect(small.typical).toBeLessThan(50_000)
    expect(large.typical).toBeGreaterThan(50_000)
  })

  it('of a Deep Analysis counts each specialist once, and all four if none is named', () => {
    const deep = { tier: 'deep_analysis', ...TYPICAL } as const
    expect(estimate({ ...deep, specialists: SPECIALISTS })).toEqual(estimate(deep))
    const twice = estimate({ ...deep, specialists: ['security', 'security'] })
    expect(twice).toEqual(estimate({ ...deep, specialists: ['security'] }))
    expect(twice.typical).toBeLessThan(estimate(deep).typical)
  })
})

function expectNotLess(smaller: ReviewFacts, larger: ReviewFacts): void {
  const [less, more] = [estimate(smaller), estimate(larger)]
  for (const figure of ['low', 'typical', 'high', 'reserve'] as const) {
    expect(more[figure]).toBeGreaterThanOrEqual(less[figure])
  }
}
