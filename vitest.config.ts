import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Bound by hand, so that a developer's own .dev.vars does not decide what tests find. */
const secrets = {
  OPERATOR_KEYS: 'operator-test-key-newest,operator-test-key-older',
  RUNNER_KEYS: 'runner-test-key-newest,runner-test-key-older',
  SIGNING_SECRETS: 'signing-secret-newest-0123456789abcdef,signing-secret-older-0123456789abcdef',
}
// In a fresh clone without .dev.vars, wrangler looks for the required secrets here.
Object.assign(process.env, secrets, { CLOUDFLARE_CF_FETCH_ENABLED: 'false' })

/** CI reads the true totals from here. */
const totals = ['json', { outputFile: '.state/vitest.json' }] satisfies [string, object]

export default defineConfig(async () => {
  const migrations = await readD1Migrations('migrations/history')
  return {
    test: {
      reporters: ['default', ...(process.env['CI'] ? [totals] : [])],
      projects: [
        // Plain Node: the pure core, and what can be said of the source.
        { test: { name: 'core', include: ['test/core/**/*.test.ts'], testTimeout: 120_000 } },
        // Inside workerd, with the real object and D1.
        {
          plugins: [
            cloudflareTest({
              wrangler: { configPath: './wrangler.toml' },
              miniflare: { bindings: { ...secrets, TEST_MIGRATIONS: migrations } },
            }),
          ],
          test: {
            name: 'workerd',
            include: ['test/workerd/**/*.test.ts'],
            setupFiles: ['test/workerd/setup.ts'],
            testTimeout: 60_000,
            // Tests make D1 fail a hundred times; each time the account says so, as it should.
            onConsoleLog: (log: string) => !log.includes('history is behind'),
          },
        },
        // Stripe's double, as the SDK and Stripe's own CLI see it.
        { test: { name: 'stripe', include: ['test/stripe/**/*.test.ts'], testTimeout: 60_000 } },
        // The whole system from outside, as users start it.
        {
          test: {
            name: 'system',
            include: ['test/system/**/*.test.ts'],
            testTimeout: 120_000,
            hookTimeout: 120_000,
            fileParallelism: false,
          },
        },
      ],
    },
  }
})
