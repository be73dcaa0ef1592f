/**
 * What a review will probably cost, from what is known before it starts. The plain estimate is the tier's typical cost
 * times four factors, each 1 for a typical pull request, kept inside the tier's range; what an account's own reviews did
 * cost moves it from there (calibration.ts).
 */
import { MILLICREDITS_PER_CREDIT, type Millicredits } from '../ledger/amounts.ts'
import { TIER_IDS, TIERS, type TierId } from './tiers.ts'

export const COMPLEXITIES = ['low', 'medium', 'high'] as const
export type Complexity = (typeof COMPLEXITIES)[number]

export const SPECIALISTS = ['security', 'performance', 'quality', 'test_coverage'] as const
export type Specialist = (typeof SPECIALISTS)[number]

export interface ReviewFacts {
  readonly tier: TierId
  /** Lines added plus lines removed. */
  readonly diffLines: number
  readonly files: number
  readonly complexity: Complexity
  /** Only a Deep Analysis has specialists; there, all four unless some are named. */
  readonly specialists: readonly Specialist[] | null
  /** Whose review it is, where the caller says so: an account's own costs are learned by it. */
  readonly repository: string | null
}

/**
 * What was announced for a review before it began, kept with its reservation: what its cost will be judged by, and what
 * it will teach.
 */
export interface Announced {
  readonly repository: string | null
  /** The plain formula's, before the range of the tier. */
  readonly factor: number
  readonly plain: Estimate
  readonly estimate: Estimate
}

export interface Estimate {
  readonly typical: Millicredits
  readonly low: Millicredits
  readonly high: Millicredits
  /** What a reservation by these facts holds. */
  readonly reserve: Millicredits
}

/**
 * The model reads the diff and, around it, about as much context again whatever the diff's size: so cost grows more
 * slowly than lines. Between the points the factor is linear; beyond the last it stays, because the tier's upper end
 * caps it anyway. A typical pull request changes 150 lines in 6 files.
 */
const DIFF_FACTORS: Curve = [
  [0, 0.6],
  [20, 0.72],
  [60, 0.85],
  [150, 1],
  [400, 1.25],
  [1_000, 1.6],
  [3_000, 2.1],
  [10_000, 2.8],
]

/** Every file costs a look-up of its surroundings, beyond its lines: a rename over 80 files is not a small review. */
const FILE_FACTORS: Curve = [
  [0, 0.9],
  [1, 0.92],
  [6, 1],
  [20, 1.12],
  [60, 1.3],
  [200, 1.6],
]

/** In a larger or more entangled repository more context is retrieved for the same diff. */
const COMPLEXITY_FACTORS: Readonly<Record<Complexity, number>> = { low: 0.88, medium: 1, high: 1.22 }

/** Half of a Deep Analysis is its shared reading; each of the four specialists adds an eighth. */
const SHARED_READING = 0.5
const PER_SPECIALIST = 0.125

/** How far actual costs spread around the estimate, and how much of that spread a hold covers. */
const LOW_SPREAD = 0.6
const HIGH_SPREAD = 1.6
const RESERVE_MARGIN = 1.25

/** Estimates are announced in tenths of a credit: finer digits would claim a precision that they do not have. */
export const ESTIMATE_STEP: Millicredits = MILLICREDITS_PER_CREDIT / 10

type Curve = readonly (readonly [at: number, factor: number])[]

export function estimate(facts: ReviewFacts): Estimate {
  const tier = TIERS[facts.tier]
  const within = (credits: number) => toStep(Math.min(tier.high, Math.max(tier.low, credits)))
  const inRange = Math.min(tier.high, Math.max(tier.low, tier.typical * factorOf(facts)))
  return {
    typical: within(inRange),
    low: within(inRange * LOW_SPREAD),
    high: within(inRange * HIGH_SPREAD),
    reserve: within(inRange * RESERVE_MARGIN),
  }
}

/** Of a pull request like most, in no repository in particular. */
const TYPICAL_REVIEW = { diffLines: 150, files: 6, complexity: 'medium', specialists: null, repository: null } as const

/** The tiers of which a typical review could be reserved with so much. */
export function affordableTiers(available: Millicredits, estimateOf: (facts: ReviewFacts) => Estimate): TierId[] {
  return TIER_IDS.filter((tier) => estimateOf({ tier, ...TYPICAL_REVIEW }).reserve <= available)
}

/** How many times the tier's typical cost a review by these facts costs, whatever the range says: from 0.2 to 6. */
export function factorOf(facts: ReviewFacts): number {
  return (
    onCurve(DIFF_FACTORS, facts.diffLines) *
    onCurve(FILE_FACTORS, facts.files) *
    COMPLEXITY_FACTORS[facts.complexity] *
    specialistFactor(facts)
  )
}

function specialistFactor(facts: ReviewFacts): number {
  if (facts.tier !== 'deep_analysis') return 1
  const count = facts.specialists === null ? SPECIALISTS.length : new Set(facts.specialists).size
  return SHARED_READING + PER_SPECIALIST * count
}

function onCurve(curve: Curve, at: number): number {
  let [fromAt, fromFactor] = curve[0] ?? [0, 1]
  for (const [toAt, toFactor] of curve) {
    if (at <= toAt)
      return toAt === fromAt ? toFactor : fromFactor + ((toFactor - fromFactor) * (at - fromAt)) / (toAt - fromAt)
    fromAt = toAt
    fromFactor = toFactor
  }
  return fromFactor
}

function toStep(credits: number): Millicredits {
  return Math.round((credits * MILLICREDITS_PER_CREDIT) / ESTIMATE_STEP) * ESTIMATE_STEP
}
