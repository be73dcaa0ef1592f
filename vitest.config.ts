import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

// Tests must not see a developer's own .dev.vars: what stands in the environment comes first.
process.env['OPERATOR_KEYS'] = 'op_test_newest,op_test_older'
process.env['RUNNER_KEYS'] = 'run_test_newest,run_test_older'
process.env['SIGNING_SECRETS'] = 'signing-secret-newest-0123456789abcdef,signing-secret-older-0123456789abcdef'
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false'

export default defineConfig({
  test: {
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.state/vitest.json' }]] : ['default'],
    projects: [
      // Plain Node: the pure core, and the whole system from outside.
      { test: { name: 'core', include: ['test/core/**/*.test.ts'], testTimeout: 60_000 } },
      // Inside workerd, with the real object and D1.
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: { name: 'workerd', include: ['test/workerd/**/*.test.ts'], testTimeout: 60_000 },
      },
      { test: { name: 'system', include: ['test/system/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 } },
    ],
  },
})
