import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { stripeWire } from './test/stripe/wire.ts'

/** Bound by hand, so that a developer's own .dev.vars does not decide what tests find. */
const secrets = {
  OPERATOR_KEYS: 'operator-test-key-newest,operator-test-key-older',
  RUNNER_KEYS: 'runner-test-key-newest,runner-test-key-older',
  SIGNING_SECRETS: 'signing-secret-newest-0123456789abcdef,signing-secret-older-0123456789abcdef',
  STRIPE_SECRET_KEY: 'sk_test_0123456789abcdef',
  BYOK_SECRETS: 'byok-secret-newest-0123456789abcdef,byok-secret-older-0123456789abcdef',
  STRIPE_WEBHOOK_SECRETS: 'whsec_newest_0123456789abcdef,whsec_older_0123456789abcdef',
}
// In a fresh clone without .dev.vars, wrangler looks for the required secrets here.
Object.assign(process.env, secrets, { CLOUDFLARE_CF_FETCH_ENABLED: 'false' })

/** CI reads the true totals from here. */
const totals = ['json', { outputFile: '.state/vitest.json' }] satisfies [string, object]

export default defineConfig(async () => {
  const migrations = await readD1Migrations('migrations/history')
  const bindings = { ...secrets, TEST_MIGRATIONS: migrations }
  /** The real Worker in workerd. Every call that leaves it reaches Stripe's double, or nobody. */
  const workerd = () =>
    cloudflareTest({
      wrangler: { configPath: './wrangler.toml' },
      // Miniflare's own Request and Response are those of Node, by another name.
      miniflare: { bindings, outboundService: stripeWire() as never },
    })
  const inWorkerd = {
    setupFiles: ['test/workerd/setup.ts'],
    testTimeout: 60_000,
    // Without this, the SDK's missing source maps are 170 lines of warnings.
    deps: { optimizer: { ssr: { enabled: true, include: ['stripe'] } } },
    // Tests make D1 and Stripe fail a hundred times; each time the account says so, as it should.
    onConsoleLog: (log: string) =>
      !/history is behind|has another past|Stripe was asked in vain|Stripe would not/.test(log),
  }
  return {
    test: {
      // Files at a time. By default it would be one on two cores; and with more, systems wait for each other to start.
      maxWorkers: 2,
      reporters: ['default', ...(process.env['CI'] ? [totals] : [])],
      projects: [
        // Plain Node: the pure core, and what can be said of the source.
        { test: { name: 'core', include: ['test/core/**/*.test.ts'], testTimeout: 120_000 } },
        // Inside workerd, with the real object and D1.
        {
          plugins: [workerd()],
          test: {
            name: 'workerd',
            include: ['test/workerd/*.test.ts', 'test/workerd/attacks/*.test.ts'],
            ...inWorkerd,
          },
        },
        // The same with Stripe's double: each file has its own, orders its faults and moves its clock.
        {
          plugins: [workerd()],
          test: {
            name: 'payments',
            include: ['test/workerd/payments/*.test.ts'],
            ...inWorkerd,
          },
        },
        // Stripe's double, as the SDK and Stripe's own CLI see it.
        { test: { name: 'stripe', include: ['test/stripe/**/*.test.ts'], testTimeout: 60_000 } },
        // The whole system from outside, as users start it, and as they see it in a browser.
        {
          test: {
            name: 'system',
            include: ['test/system/**/*.test.ts', 'test/browser/**/*.test.ts'],
            testTimeout: 120_000,
            hookTimeout: 120_000,
          },
        },
      ],
    },
  }
})
