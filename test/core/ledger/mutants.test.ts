import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { simulate } from './simulate.ts'

/** A tenth of what the ledger itself must stand: a second or two. */
const OPERATIONS = 100_000

describe('the simulation notices that', () => {
  it.each(Object.entries(MUTANTS))('%s, and says with which seed and at which step', (_name, mutant) => {
    expect(() => simulate({ seed: 1, operations: OPERATIONS, ...mutant })).toThrow(/^seed 1, step \d+/)
  })
})
