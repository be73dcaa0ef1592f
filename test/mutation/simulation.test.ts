import { expect, test } from 'vitest'
import { simulate } from '../core/ledger/simulate.ts'

/** Enough for every command to meet every state; some 50 ms, because each mutant has to stand it. */
const OPERATIONS = 4_000

test('a short run of commands meets no difference from the naive model', () => {
  expect(simulate({ seed: 7, operations: OPERATIONS }).operations).toBe(OPERATIONS)
})
