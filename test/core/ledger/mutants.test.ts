import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { simulate } from './simulate.ts'

/** A tenth of what the ledger itself must stand: a second or two. */
const OPERATIONS = 100_000

/** Most are noticed at once; what only the turn of a month shows comes by in some of the seeds. */
const MAX_SEEDS = 5

describe('the simulation notices that', () => {
  it.each(Object.entries(MUTANTS))('%s, and says with which seed and at which step', (_name, mutant) => {
    const untilNoticed = () => {
      for (let seed = 1; seed <= MAX_SEEDS; seed += 1) simulate({ seed, operations: OPERATIONS, ...mutant })
    }
    expect(untilNoticed).toThrow(/^seed \d, step \d+/)
  })
})
