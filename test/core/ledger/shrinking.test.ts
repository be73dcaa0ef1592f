import { type Arbitrary, array, assert, check, constant, constantFrom, integer, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { CARDS, EVENTS, LIMITS, PACKS } from './payment-steps.ts'
import { follow } from './simulate.ts'
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
  QUOTES,
  SIZES,
  type Step,
  TTLS,
} from './steps.ts'
import { MOVES, SHARES, SKEWS_MS } from './stripe.ts'

/** Each field shrinks towards its first value, which is the plainest; the array loses the steps that do not matter. */
function anyStep(acts: readonly Step['act'][]): Arbitrary<Step> {
  return record({
    act: constantFrom(...acts),
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
    quote: constantFrom(...QUOTES),
    accrued: constantFrom(null, ...SIZES),
    kind: constantFrom(...KINDS),
    lasts: constantFrom(...LASTS),
    negative: constantFrom(false, true),
    move: constantFrom(...MOVES),
    share: constantFrom(...SHARES),
    skewMs: constantFrom(...SKEWS_MS),
    event: constantFrom(...EVENTS),
    pack: constantFrom(...PACKS),
    limit: constantFrom(...LIMITS),
    card: constantFrom(...CARDS),
  })
}

function anySteps(acts: readonly Step['act'][]): Arbitrary<Step[]> {
  return array(anyStep(acts), { maxLength: 80, size: 'max' })
}

describe('arrays of arbitrary commands', () => {
  it('are answered as the model says, and shrink to the shortest if they are not', () => {
    return assert(
      property(anySteps(ACTS), (steps) => follow(steps)),
      { numRuns: 1_000 },
    )
  })

  it('shrink to a handful: grant, reserve and settle show that the rest is not returned', () => {
    expect(shortest('settle forgets to return the rest', ['grant', 'reserve', 'settle', 'release', 'wait'])).toEqual([
      'grant',
      'reserve',
      'settle',
    ])
  })

  it('shrink to a handful: a purchase, its payment, and a dispute that comes and goes', () => {
    const [buy, move] = ['buy in Checkout', 'move at Stripe and report it'] as const
    expect(shortest('a dispute that is won gives nothing back', [buy, move])).toEqual([buy, move, move, move])
  })
})

/** What is done in the shortest counterexample, of these acts, that shows a mutant. */
function shortest(name: string, acts: readonly Step['act'][]): Step['act'][] | undefined {
  const found = check(
    property(constant(MUTANTS[name]), anySteps(acts), (ledger, steps) => follow(steps, ledger)),
    { seed: 1, numRuns: 1_000 },
  )
  return found.counterexample?.[1].map((step) => step.act)
}
