import { describe, expect, it } from 'vitest'
import { simulate } from './simulate.ts'
import { noCounts, SOMETIMES } from './sometimes.ts'

const SEEDS = 50
const OPERATIONS_PER_SEED = 20_000

describe('a million random commands', () => {
  const counters = noCounts()
  let operations = 0

  it('are all answered as the model says, and leave every invariant intact', () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const run = simulate({ seed, operations: OPERATIONS_PER_SEED })
      operations += run.operations
      for (const name of SOMETIMES) counters[name] += run.counters[name]
    }
    expect(operations).toBeGreaterThanOrEqual(1_000_000)
  })

  it('met everything that should happen sometimes', () => {
    expect(SOMETIMES.filter((name) => counters[name] === 0)).toEqual([])
  })

  it('are the same for the same seed', () => {
    const [first, second] = [simulate({ seed: 7, operations: 2_000 }), simulate({ seed: 7, operations: 2_000 })]
    expect(first).toEqual(second)
  })
})
