/**
 * A history replayed through the estimates alone: the older reviews teach, the newer are judged, by the plain formula and
 * by what was learned. What is judged was never learned from.
 */
import { type Accuracy, type Figures, figuresOf, judged, NO_ACCURACY } from '../../src/catalog/accuracy.ts'
import { calibrated, learn, NEW_TIER, NO_SUMS, type Sums, type TierExperience } from '../../src/catalog/calibration.ts'
import { estimate, factorOf, type ReviewFacts } from '../../src/catalog/estimates.ts'
import type { History } from '../demo/history.ts'
import { type Review, reviewsInOrder, type TierId } from '../demo/review.ts'

/** The share of a history, from its beginning, that teaches. */
export const LEARNED = 0.7

export interface Judgement {
  readonly reviews: number
  readonly plain: Judged
  readonly calibrated: Judged
}

export interface Judged extends Figures {
  /** Credits held for each credit that was spent. */
  readonly heldPerSpent: number
}

interface Sum {
  accuracy: Accuracy
  spent: number
  heldPlain: number
  heldCalibrated: number
}

/** By tier, and of all tiers together. The repository is the account's only one. */
export function replay(history: History): Map<TierId | 'all', Judgement> {
  const reviews = reviewsInOrder(history)
  const learnedUpTo = Math.floor(reviews.length * LEARNED)
  const tiers = new Map<TierId, { tier: TierExperience; repository: Sums }>()
  for (const review of reviews.slice(0, learnedUpTo)) {
    const { tier } = review.facts
    const known = tiers.get(tier) ?? NOTHING
    const observation = { tier, factor: factorOf(factsOf(review)), actual: actualOf(review) }
    tiers.set(tier, learn(observation, known.tier, known.repository))
  }
  const sums = new Map<TierId | 'all', Sum>()
  for (const review of reviews.slice(learnedUpTo)) {
    const { tier, repository } = tiers.get(review.facts.tier) ?? NOTHING
    for (const name of [review.facts.tier, 'all'] as const) {
      const sum = sums.get(name) ?? { accuracy: NO_ACCURACY, spent: 0, heldPlain: 0, heldCalibrated: 0 }
      sums.set(name, judge(sum, review, tier, repository))
    }
  }
  return new Map([...sums].map(([name, sum]) => [name, toJudgement(sum)]))
}

const NOTHING = { tier: NEW_TIER, repository: NO_SUMS }

function judge(sum: Sum, review: Review, tier: TierExperience, repository: Sums): Sum {
  const facts = factsOf(review)
  const [plain, own] = [estimate(facts), calibrated(facts, tier, repository)]
  const actual = actualOf(review)
  return {
    accuracy: judged(sum.accuracy, own, plain, actual),
    spent: sum.spent + actual,
    heldPlain: sum.heldPlain + plain.reserve,
    heldCalibrated: sum.heldCalibrated + own.reserve,
  }
}

function toJudgement({ accuracy, spent, heldPlain, heldCalibrated }: Sum): Judgement {
  const { reviews, plain, calibrated } = accuracy
  const figures = (tally: typeof plain, held: number): Judged => {
    const found = figuresOf(tally, reviews)
    if (found === null) throw new Error('no review was judged')
    return { ...found, heldPerSpent: held / spent }
  }
  return { reviews, plain: figures(plain, heldPlain), calibrated: figures(calibrated, heldCalibrated) }
}

function factsOf({ facts }: Review): ReviewFacts {
  const { tier, diff_lines: diffLines, files, repository_complexity: complexity } = facts
  return { tier, diffLines, files, complexity, specialists: null, repository: null }
}

/** Rounded up, as a settle is. */
function actualOf({ costUsd }: Review): number {
  return Math.ceil(Number(costUsd) * 100_000)
}
