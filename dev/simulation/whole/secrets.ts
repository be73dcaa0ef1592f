/** What the simulated deployment is configured with. */
export const OPERATOR = 'operator-simulated-key'
export const RUNNER = 'runner-simulated-key-1'
export const WEBHOOK_SECRET = 'whsec_simulated_0123456789'

export const SECRETS = {
  OPERATOR_KEYS: OPERATOR,
  RUNNER_KEYS: RUNNER,
  SIGNING_SECRETS: 'signing-secret-simulated-0123456789abcdef',
  STRIPE_SECRET_KEY: 'sk_test_0123456789abcdef',
  STRIPE_WEBHOOK_SECRETS: WEBHOOK_SECRET,
  BYOK_SECRETS: 'byok-secret-simulated-0123456789abcdef',
} as const
