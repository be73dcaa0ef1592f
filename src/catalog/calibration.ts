/**
 * What an account's own reviews teach about its estimates: how their costs run against the plain formula, in each
 * repository and in the tier as a whole. A straight line through the logarithms of both costs, fitted to decayed sums, so
 * that what is kept never grows, what is old counts less, and no single review can carry it away.
 */
import { MILLICREDITS_PER_CREDIT, type Millicredits } from '../ledger/amounts.ts'
import { type Estimate, ESTIMATE_STEP, estimate, factorOf, type ReviewFacts } from './estimates.ts'
import { CAP_FACTOR, TIERS, type TierId } from './tiers.ts'

/**
 * Over reviews, of x = the plain formula's factor and y = the actual cost as a factor of the tier's typical cost, both as
 * logarithms.
 */
export interface Sums {
  readonly weight: number
  readonly x: number
  readonly y: number
  readonly xx: number
  readonly xy: number
  readonly yy: number
}

/**
 * A whole tier's: the sums over all repositories, and how many standard deviations from the line the figures of an
 * estimate lie. Costs have no known distribution, so these follow what was seen; they are the tier's, because one
 * repository sees a cost that only one review in twenty exceeds far too seldom.
 */
export interface TierExperience {
  readonly sums: Sums
  readonly low: number
  readonly reserve: number
  readonly high: number
}

/** A settled review. */
export interface Observation {
  readonly tier: TierId
  /** The plain formula's, before the tier's range: `factorOf` its facts. */
  readonly factor: number
  readonly actual: Millicredits
}

export const NO_SUMS: Sums = { weight: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 }

/**
 * The shares of reviews that cost less than each figure. A hold aims at one percent more than the 95 that are promised,
 * because what is estimated of a sample is missed by about so much on reviews that it does not hold.
 */
const SHARES = { low: 0.02, reserve: 0.96, high: 0.98 } as const

/** Where the figures begin: at those shares of a normal distribution. */
export const NEW_TIER: TierExperience = { sums: NO_SUMS, low: -2.05, reserve: 1.75, high: 2.05 }

/** No figure leaves these, whatever comes: each stays on its side of the line, and none runs away. */
const BOUNDS: Readonly<Record<keyof typeof SHARES, readonly [least: number, most: number]>> = {
  low: [-5, -1],
  reserve: [0.8, 4],
  high: [1, 5],
}

/** How far one review moves a figure, in standard deviations. */
const STEP_OF_FIGURE = 0.05

/** What a review still counts after the next: half after 27 of the repository, or 69 of the tier. */
const KEPT_OF_REPOSITORY = 0.975
const KEPT_OF_TIER = 0.99

/** For a repository without any, all that is known of the tier counts as so many of its own reviews; then ever less. */
const TIER_COUNTS_AS = 8

/** The plain formula counts as so many reviews of the usual spread in size, and in costs around it. */
const PLAIN = { weight: 3, sizes: 0.3 ** 2, costs: 0.25 ** 2 } as const

/** With so much evidence an estimate is half the plain formula's and half learned. */
const HALF_LEARNED = 1

/** A review further off than so many standard deviations teaches as one that was just so far off. */
const MAX_DEVIATIONS = 3

/** However alike reviews were so far, the next may differ by so much; and a line through few points is uncertain. */
const LEAST_VARIANCE = 0.08 ** 2
const UNCERTAIN_REVIEWS = 2

/** The steepest line: beyond it, noise is taken for a rule. */
const MAX_SLOPE = 2

/** What a review will probably cost this account; by what it has seen in the repository, and elsewhere in the tier. */
export function calibrated(facts: ReviewFacts, tier: TierExperience, repository: Sums): Estimate {
  const plain = estimate(facts)
  const evidence = repository.weight + Math.min(tier.sums.weight, TIER_COUNTS_AS)
  if (evidence === 0) return plain
  const share = evidence / (evidence + HALF_LEARNED)
  const line = lineThrough(tier.sums, repository)
  const typicalCost = TIERS[facts.tier].typical * MILLICREDITS_PER_CREDIT
  const expected = Math.log(typicalCost) + line.at(Math.log(factorOf(facts)))
  // Means of logarithms keep the order of what they are means of: low, typical, reserve, high.
  const figure = (announced: Millicredits, deviations: number) =>
    within(facts.tier, Math.exp((1 - share) * Math.log(announced) + share * (expected + deviations * line.deviation)))
  return {
    typical: figure(plain.typical, 0),
    low: figure(plain.low, tier.low),
    high: figure(plain.high, Math.max(tier.high, tier.reserve)),
    reserve: figure(plain.reserve, tier.reserve),
  }
}

/** What is known after one more review. */
export function learn(
  { tier: id, factor, actual }: Observation,
  tier: TierExperience,
  repository: Sums,
): { readonly tier: TierExperience; readonly repository: Sums } {
  const line = lineThrough(tier.sums, repository)
  const x = Math.log(factor)
  const expected = line.at(x)
  // A review that cost nothing cost less than anything can be counted in.
  const y = Math.log(Math.max(actual, 1) / (TIERS[id].typical * MILLICREDITS_PER_CREDIT))
  const deviations = (y - expected) / line.deviation
  const heeded = expected + line.deviation * clamp(deviations, -MAX_DEVIATIONS, MAX_DEVIATIONS)
  const figure = (name: keyof typeof SHARES) =>
    clamp(tier[name] + STEP_OF_FIGURE * (SHARES[name] - (deviations <= tier[name] ? 1 : 0)), ...BOUNDS[name])
  return {
    tier: {
      sums: added(scaled(tier.sums, KEPT_OF_TIER), x, heeded),
      ...{ low: figure('low'), reserve: figure('reserve'), high: figure('high') },
    },
    repository: added(scaled(repository, KEPT_OF_REPOSITORY), x, heeded),
  }
}

/**
 * The line of least squares through the repository's reviews and, while those are few, the tier's; its slope and the
 * scatter around it begin as the plain formula has them. It never falls, or more lines would cost less.
 */
function lineThrough(tier: Sums, repository: Sums) {
  const heeded = Math.min(1, TIER_COUNTS_AS / Math.max(1, tier.weight)) / (1 + repository.weight / TIER_COUNTS_AS)
  const { weight, ...sums } = total(scaled(tier, heeded), repository)
  const [x, y] = weight === 0 ? [0, 0] : [sums.x / weight, sums.y / weight]
  // Sums of products of distances from the means, with those of the plain formula's own reviews around the same means.
  const xx = sums.xx - weight * x * x + PLAIN.weight * PLAIN.sizes
  const xy = sums.xy - weight * x * y + PLAIN.weight * PLAIN.sizes
  const yy = sums.yy - weight * y * y + PLAIN.weight * (PLAIN.sizes + PLAIN.costs)
  const slope = clamp(xy / xx, 0, MAX_SLOPE)
  const variance = Math.max(LEAST_VARIANCE, (yy - 2 * slope * xy + slope * slope * xx) / (weight + PLAIN.weight))
  return {
    deviation: Math.sqrt(variance * (1 + UNCERTAIN_REVIEWS / (weight + PLAIN.weight))),
    at: (logFactor: number) => y + slope * (logFactor - x),
  }
}

/**
 * The range of a tier binds the plain formula. An account's own reviews may run cheaper or dearer than it, and a hold
 * kept inside would then be needlessly large or cover too little; but never is more announced than may be charged (R6).
 */
function within(tier: TierId, cost: number): Millicredits {
  const most = CAP_FACTOR * TIERS[tier].high * MILLICREDITS_PER_CREDIT
  return Math.round(clamp(cost, ESTIMATE_STEP, most) / ESTIMATE_STEP) * ESTIMATE_STEP
}

function added(sums: Sums, x: number, y: number): Sums {
  return total(sums, { weight: 1, x, y, xx: x * x, xy: x * y, yy: y * y })
}

function total(a: Sums, b: Sums): Sums {
  return {
    weight: a.weight + b.weight,
    x: a.x + b.x,
    y: a.y + b.y,
    xx: a.xx + b.xx,
    xy: a.xy + b.xy,
    yy: a.yy + b.yy,
  }
}

function scaled({ weight, x, y, xx, xy, yy }: Sums, by: number): Sums {
  return { weight: weight * by, x: x * by, y: y * by, xx: xx * by, xy: xy * by, yy: yy * by }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
