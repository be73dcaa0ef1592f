/** What Stryker runs against each mutant of the ledger: the examples, and the simulation in a length that takes no time. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/core/ledger/*.test.ts', 'test/mutation/*.test.ts'],
    // Each of these runs for seconds. They are tests of the simulation, or the same in the length that a release needs.
    exclude: ['test/core/ledger/{simulation,mutants,shrinking}.test.ts'],
    testTimeout: 20_000,
  },
})
