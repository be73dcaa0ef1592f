import { type Arbitrary, array, assert, check, constant, constantFrom, integer, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ACTS,
  BODIES,
  CAPS,
  DEDUPE_KEYS,
  JUMPS,
  KINDS,
  LASTS,
  NEWEST,
  ON_EXPIRY,
  OVERAGES,
  SIZES,
  type Step,
  TTLS,
} from './commands.ts'
import { MUTANTS } from './mutants.ts'
import { follow } from './simulate.ts'

/** Each field shrinks towards its first value, which is the plainest; the array loses the steps that do not matter. */
const ANY_STEP: Arbitrary<Step> = record({
  act: constantFrom(...ACTS),
  jump: constantFrom(...JUMPS),
  slot: integer({ min: 0, max: NEWEST }),
  open: constantFrom(true, false),
  other: integer({ min: -1, max: NEWEST }),
  size: constantFrom(...SIZES),
  body: constantFrom(...BODIES),
  cap: constantFrom(...CAPS),
  ttl: constantFrom(...TTLS),
  overage: constantFrom(...OVERAGES),
  onExpiry: constantFrom(...ON_EXPIRY),
  dedupeKey: constantFrom(...DEDUPE_KEYS),
  accrued: constantFrom(null, ...SIZES),
  kind: constantFrom(...KINDS),
  lasts: constantFrom(...LASTS),
  negative: constantFrom(false, true),
})

const ANY_STEPS = array(ANY_STEP, { maxLength: 80, size: 'max' })

describe('arrays of arbitrary commands', () => {
  it('are answered as the model says, and shrink to the shortest if they are not', () => {
    return assert(
      property(ANY_STEPS, (steps) => follow(steps)),
      { numRuns: 1_000 },
    )
  })

  it('shrink to a handful: grant, reserve and settle show that the rest is not returned', () => {
    const mutant = MUTANTS['settle forgets to return the rest']
    const found = check(
      property(constant(mutant), ANY_STEPS, (ledger, steps) => follow(steps, ledger)),
      { seed: 1, numRuns: 1_000 },
    )
    const acts = found.counterexample?.[1].map((step) => step.act)
    expect(acts).toEqual(['grant', 'reserve', 'settle'])
  })
})
