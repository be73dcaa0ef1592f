/** The kinds of review: what each announces to cost, and how long its reservation lives without a heartbeat. */

export const TIER_IDS = ['quick_scan', 'code_review', 'deep_analysis'] as const
export type TierId = (typeof TIER_IDS)[number]

export interface Tier {
  readonly id: TierId
  readonly name: string
  /**
   * Whole credits. The plain estimate stays within `low` to `high`, an account's own does unless its reviews did not;
   * nobody pays more than twice `high` unasked (R6).
   */
  readonly typical: number
  readonly low: number
  readonly high: number
  /** As long as the longest review of this kind should take, so that a crashed runner's hold is back soon after. */
  readonly ttlMs: number
}

const MINUTE_MS = 60_000

export const TIERS: Readonly<Record<TierId, Tier>> = {
  quick_scan: { id: 'quick_scan', name: 'Quick Scan', typical: 14, low: 10, high: 30, ttlMs: 5 * MINUTE_MS },
  code_review: { id: 'code_review', name: 'Code Review', typical: 50, low: 30, high: 100, ttlMs: 15 * MINUTE_MS },
  deep_analysis: {
    id: 'deep_analysis',
    name: 'Deep Analysis',
    typical: 200,
    low: 100,
    high: 400,
    ttlMs: 45 * MINUTE_MS,
  },
}

/** How long a reservation lives that names credits and no tier. */
export const DEFAULT_TTL_MS = 15 * MINUTE_MS

/** How many times the announced amount a review may cost its customer, unless the reservation names another cap. */
export const CAP_FACTOR = 2
