/**
 * How well estimates did: each settled review is judged by what was announced before it began, and by what the plain
 * formula would have announced. Counters only, so it never grows; the median error comes from a histogram.
 */
import type { Millicredits } from '../ledger/amounts.ts'
import type { Estimate } from './estimates.ts'

export interface Tally {
  readonly inRange: number
  readonly covered: number
  /** How many reviews were off by how much of what was announced as typical: see `binOf`. */
  readonly errors: readonly number[]
}

export interface Accuracy {
  readonly reviews: number
  readonly calibrated: Tally
  readonly plain: Tally
}

/** Shares of reviews, from 0 to 1. */
export interface Figures {
  /** Whose cost lay between `low` and `high`. */
  readonly inRange: number
  /** Whose cost was not above `reserve`. */
  readonly covered: number
  /** Half of the reviews were off by at most this share of `typical`. */
  readonly medianError: number
}

/** Errors up to 1 % fall in the first bin; each further one reaches an eighth higher, the last from 14 times on. */
const SMALLEST_ERROR = 0.01
const BIN_RATIO = 1.125
const BINS = 63

const NO_TALLY: Tally = { inRange: 0, covered: 0, errors: Array<number>(BINS).fill(0) }
export const NO_ACCURACY: Accuracy = { reviews: 0, calibrated: NO_TALLY, plain: NO_TALLY }

export function judged(accuracy: Accuracy, announced: Estimate, plain: Estimate, actual: Millicredits): Accuracy {
  return {
    reviews: accuracy.reviews + 1,
    calibrated: tallied(accuracy.calibrated, announced, actual),
    plain: tallied(accuracy.plain, plain, actual),
  }
}

/** `null` where nothing was judged yet. */
export function figuresOf(tally: Tally, reviews: number): Figures | null {
  if (reviews === 0) return null
  return {
    inRange: toThousandth(tally.inRange / reviews),
    covered: toThousandth(tally.covered / reviews),
    medianError: toThousandth(medianOf(tally, reviews)),
  }
}

function tallied(tally: Tally, { typical, low, high, reserve }: Estimate, actual: Millicredits): Tally {
  const bin = binOf(Math.abs(actual - typical) / typical)
  return {
    inRange: tally.inRange + (low <= actual && actual <= high ? 1 : 0),
    covered: tally.covered + (actual <= reserve ? 1 : 0),
    errors: tally.errors.map((count, index) => (index === bin ? count + 1 : count)),
  }
}

function binOf(error: number): number {
  if (error <= SMALLEST_ERROR) return 0
  return Math.min(BINS - 1, Math.ceil(Math.log(error / SMALLEST_ERROR) / Math.log(BIN_RATIO)))
}

/** As if the errors of a bin lay evenly in it. */
function medianOf({ errors }: Tally, reviews: number): number {
  let below = 0
  for (const [bin, count] of errors.entries()) {
    if (count > 0 && below + count >= reviews / 2) {
      const [from, to] = [bin === 0 ? 0 : upperEnd(bin - 1), upperEnd(bin)]
      return from + ((to - from) * (reviews / 2 - below)) / count
    }
    below += count
  }
  return upperEnd(BINS - 1)
}

function toThousandth(share: number): number {
  return Math.round(share * 1000) / 1000
}

function upperEnd(bin: number): number {
  return SMALLEST_ERROR * BIN_RATIO ** bin
}
