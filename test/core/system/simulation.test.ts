import { describe, expect, it } from 'vitest'
import { BUILDS, type Build } from '../../../dev/simulation/whole/builds.ts'
import { simulateSeeds } from '../../../dev/simulation/whole/seeds.ts'
import type { Sometimes } from '../../../dev/simulation/whole/sometimes.ts'

const SEED = 1
/** A few seconds; `npm run simulate -- --seeds 10000` is the whole of it. */
const SEEDS = 24
/** Within these each broken build is found out, most of them within ten. */
const SEEDS_OF_A_BROKEN_BUILD = 250
/** Common enough to be met by so few lives. A full run has to meet all there is. */
const MET: readonly Sometimes[] = [
  'answer: done',
  'answer: a replay',
  'answer: a conflict',
  'answer: a refusal',
  'answer: nobody is there',
  'batch: mixed answers',
  'waiter: served',
  'waiter: refused in the end',
  'rpc: the object died under it',
  'rpc: its answer is lost',
  'object: killed with holds open',
  'alarm: lost',
  'alarm: doubled',
  'alarm: killed and run again',
  'clock: set back',
  'history: fails before',
  'history: fails after',
  'history: set back in time',
  'post: delivered twice',
  'post: never delivered',
  'outcome: paid',
  'ledger: settle: partial',
  'ledger: late: settled',
  'ledger: expiry: at its very instant',
  'ledger: overage: available takes free credits',
  'ledger: overage: cap absorbs',
]

describe('whole lives of two accounts, with everything that fails and every crash', () => {
  it('are answered as the model permits, and leave every invariant intact', async () => {
    const { seeds, missed, violations } = await simulateSeeds({ seed: SEED, seeds: SEEDS })
    expect(violations.map(({ violation }) => violation)).toEqual([])
    expect(seeds).toBe(SEEDS)
    expect(MET.filter((name) => missed.includes(name))).toEqual([])
  })

  it('are the same for the same seed', async () => {
    const run = () => simulateSeeds({ seed: SEED, seeds: 2, threads: 1 })
    const [first, second] = [await run(), await run()]
    expect(first.counters.counts).toEqual(second.counters.counts)
    expect([first.steps, first.entries]).toEqual([second.steps, second.entries])
  })
})

/** What is said of each, to know that it was found out for what it does. */
const FOUND_OUT_BY: Readonly<Record<Exclude<Build, 'as it is'>, RegExp>> = {
  'settle keeps the rest': /"op":"settle".*(charged|returned): is/s,
  'a webhook grants twice': /"op":"report_payment"/,
  'the limit ignores attempts in flight': /"op":"(start|advance)_attempt"|I12/,
  'an answer leaves out what came due': /GET .*balance at version|R7/,
  'entries are sent as if none was lost': /I10/,
}

describe('the simulation notices that', () => {
  for (const build of Object.keys(BUILDS) as Build[]) {
    if (build === 'as it is') continue
    it(build, async () => {
      // A second thread would look for, and shrink, a violation of its own.
      const { violations } = await simulateSeeds({ seed: SEED, seeds: SEEDS_OF_A_BROKEN_BUILD, threads: 1, build })
      expect(violations[0]?.violation).toMatch(FOUND_OUT_BY[build])
      // And says which few steps show it.
      expect(violations[0]?.fewest.length).toBeLessThan(40)
    })
  }
})
