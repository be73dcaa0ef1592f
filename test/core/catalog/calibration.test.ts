/** What an account learns of its own reviews: bounded whatever it is told, in order, and quick to notice a change. */
import {
  array,
  assert,
  constantFrom,
  double,
  maxSafeNat,
  nat,
  oneof,
  option,
  property,
  record,
  subarray,
  tuple,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  calibrated,
  learn,
  NEW_TIER,
  NO_SUMS,
  type Sums,
  type TierExperience,
} from '../../../src/catalog/calibration.ts'
import { COMPLEXITIES, estimate, factorOf, type ReviewFacts, SPECIALISTS } from '../../../src/catalog/estimates.ts'
import { CAP_FACTOR, TIER_IDS, TIERS, type TierId } from '../../../src/catalog/tiers.ts'
import { random as randomFrom } from '../ledger/random.ts'

const ANY_COUNT = oneof(nat(400), nat(20_000), nat(Number.MAX_SAFE_INTEGER))
const ANY_FACTS = record<ReviewFacts>({
  tier: constantFrom(...TIER_IDS),
  diffLines: ANY_COUNT,
  files: ANY_COUNT,
  complexity: constantFrom(...COMPLEXITIES),
  specialists: option(subarray([...SPECIALISTS])),
  repository: constantFrom(null),
})
/** Free of charge, usual, and a million times what any review costs: 10^9 credits is what one settle may state. */
const ANY_COST = oneof(constantFrom(0, 1, 1e12), nat(1_000_000), maxSafeNat())
const ANY_REVIEWS = array(tuple(ANY_FACTS, ANY_COST), { maxLength: 60 })
const RUNS = { numRuns: 1_000 }

const TYPICAL = { diffLines: 150, files: 6, complexity: 'medium', specialists: null, repository: null } as const
const REVIEW: ReviewFacts = { tier: 'code_review', ...TYPICAL }

interface Known {
  readonly tier: TierExperience
  readonly repository: Sums
}
const NOTHING: Known = { tier: NEW_TIER, repository: NO_SUMS }

function taught(known: Known, facts: ReviewFacts, actual: number): Known {
  return learn({ tier: facts.tier, factor: factorOf(facts), actual }, known.tier, known.repository)
}

function knownAfter(reviews: readonly (readonly [ReviewFacts, number])[], tier: TierId): Known {
  return reviews.reduce((known, [facts, actual]) => taught(known, { ...facts, tier }, actual), NOTHING)
}

const estimateAfter = (known: Known, facts: ReviewFacts) => calibrated(facts, known.tier, known.repository)

/** Reviews of many sizes whose costs are `times` what the plain formula says, give or take a fifth. */
function history(times: number, count: number, seed = 1): [ReviewFacts, number][] {
  const chance = randomFrom(seed)
  const random = () => chance.below(2 ** 32) / 2 ** 32
  return Array.from({ length: count }, () => {
    const facts = { ...REVIEW, diffLines: Math.round(40 * 10 ** random()), files: 1 + Math.floor(10 * random()) }
    const wandering = Math.exp(0.2 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
    return [facts, Math.round(times * factorOf(facts) * TIERS.code_review.typical * 1_000 * wandering)]
  })
}

describe('a calibrated estimate', () => {
  it('is the plain one as long as nothing was learned', () => {
    return assert(
      property(ANY_FACTS, (facts) => {
        expect(estimateAfter(NOTHING, facts)).toEqual(estimate(facts))
      }),
      RUNS,
    )
  })

  it('is in order, in tenths of a credit, positive, and never above what may be charged, whatever was learned', () => {
    return assert(
      property(ANY_REVIEWS, ANY_FACTS, (reviews, facts) => {
        const { low, typical, reserve, high } = estimateAfter(knownAfter(reviews, facts.tier), facts)
        const inOrder = [100, low, typical, reserve, high, CAP_FACTOR * TIERS[facts.tier].high * 1_000]
        expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b))
        for (const figure of inOrder) expect(figure % 100).toBe(0)
      }),
      RUNS,
    )
  })

  it('never falls when there are more lines, files, complexity or specialists, whatever was learned', () => {
    return assert(
      property(ANY_REVIEWS, ANY_FACTS, nat(10_000), nat(300), (reviews, facts, lines, files) => {
        const known = knownAfter(reviews, facts.tier)
        const more: ReviewFacts = { ...facts, diffLines: facts.diffLines + lines, files: facts.files + files }
        expectNotLess(known, facts, more)
        expectNotLess(known, { ...facts, complexity: 'low' }, { ...facts, complexity: 'medium' })
        expectNotLess(known, { ...facts, complexity: 'medium' }, { ...facts, complexity: 'high' })
        const some = facts.specialists ?? SPECIALISTS
        expectNotLess(known, { ...facts, specialists: some.slice(1) }, { ...facts, specialists: some })
      }),
      RUNS,
    )
  })

  it('follows costs out of the range of its tier, where the plain one cannot', () => {
    const dear = estimateAfter(knownAfter(history(3, 60), 'code_review'), REVIEW)
    expect(dear.typical).toBeGreaterThan(130_000)
    expect(dear.typical).toBeLessThan(170_000)
    expect(dear.reserve).toBeGreaterThan(TIERS.code_review.high * 1_000)
    const cheap = estimateAfter(knownAfter(history(0.2, 60), 'code_review'), REVIEW)
    expect(cheap.high).toBeLessThan(TIERS.code_review.low * 1_000)
  })

  it.each([0.4, 1, 2.5])(
    'holds enough for 95 of 100 unseen reviews where costs are %d times what the plain formula says',
    (times) => {
      const known = knownAfter(history(times, 200), 'code_review')
      const unseen = history(times, 2_000, 2)
      const share = (holds: (facts: ReviewFacts, actual: number) => boolean) =>
        unseen.filter(([facts, actual]) => holds(facts, actual)).length / unseen.length
      const covered = share((facts, actual) => actual <= estimateAfter(known, facts).reserve)
      expect(covered).toBeGreaterThan(0.94)
      expect(covered).toBeLessThan(0.985)
      expect(share((facts, actual) => actual <= estimateAfter(known, facts).high)).toBeGreaterThanOrEqual(covered)
      expect(share((facts, actual) => estimateAfter(known, facts).low <= actual)).toBeGreaterThan(0.95)
    },
  )

  it('is barely moved by a single review, however much it cost, or if it cost nothing', () => {
    const known = knownAfter(history(1, 60), 'code_review')
    const { typical } = estimateAfter(known, REVIEW)
    for (const actual of [0, 1e12]) {
      const moved = estimateAfter(taught(known, REVIEW, actual), REVIEW).typical
      expect(Math.abs(moved - typical) / typical).toBeLessThan(0.05)
    }
  })

  it('has found the new costs of a repository that changed after some dozens of reviews', () => {
    const known = history(2, 60, 3).reduce(
      (known, [facts, actual]) => taught(known, facts, actual),
      knownAfter(history(1, 500), 'code_review'),
    )
    const { typical } = estimateAfter(known, REVIEW)
    expect(typical).toBeGreaterThan(80_000)
    expect(typical).toBeLessThan(110_000)
  })

  it('of a repository with few reviews leans on the others of the tier', () => {
    const { tier } = knownAfter(history(2, 100), 'code_review')
    const unseen = calibrated(REVIEW, tier, NO_SUMS)
    expect(unseen.typical).toBeGreaterThan(70_000)
    const own = history(0.5, 40, 4).reduce((known, [facts, actual]) => taught(known, facts, actual), {
      tier,
      repository: NO_SUMS,
    })
    expect(estimateAfter(own, REVIEW).typical).toBeLessThan(40_000)
  })
})

describe('what is known', () => {
  it('is finite, and of the same size after a thousand reviews as after one', () => {
    const numbers = (known: Known) => {
      const { sums, ...figures } = known.tier
      return [...Object.values(sums), ...Object.values(figures), ...Object.values(known.repository)]
    }
    return assert(
      property(
        array(tuple(ANY_FACTS, oneof(ANY_COST, constantFrom(0), constantFrom(1e12))), { minLength: 1 }),
        (few) => {
          const many = Array.from({ length: Math.ceil(1_000 / few.length) }, () => few).flat()
          const known = knownAfter(many, 'quick_scan')
          expect(numbers(known)).toHaveLength(numbers(knownAfter(few.slice(0, 1), 'quick_scan')).length)
          for (const each of numbers(known)) expect(Math.abs(each)).toBeLessThan(1e5)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('follows from what it was told and from nothing else, also by way of JSON', () => {
    return assert(
      property(ANY_REVIEWS, double({ min: 0.2, max: 6, noNaN: true }), ANY_COST, (reviews, factor, actual) => {
        const known = knownAfter(reviews, 'quick_scan')
        const kept = JSON.parse(JSON.stringify(known)) as Known
        const observation = { tier: 'quick_scan', factor, actual } as const
        expect(learn(observation, kept.tier, kept.repository)).toEqual(learn(observation, known.tier, known.repository))
      }),
      { numRuns: 200 },
    )
  })
})

function expectNotLess(known: Known, smaller: ReviewFacts, larger: ReviewFacts): void {
  const [less, more] = [estimateAfter(known, smaller), estimateAfter(known, larger)]
  for (const figure of ['low', 'typical', 'high', 'reserve'] as const) {
    expect(more[figure]).toBeGreaterThanOrEqual(less[figure])
  }
}
