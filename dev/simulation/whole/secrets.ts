/** What the simulated deployment is configured with. */
export const OPERATOR = 'operator-simulated-key'
export const RUNNER = 'runner-simulated-key-1'
export const WEBHOOK_SECRET = 'whsec_simulated_0123456789'

/** Each takes the place of the one before it, while the deployment is alive; more are not needed. */
export const BYOK_SECRETS = [1, 2, 3, 4].map((number) => `byok-secret-simulated-0123456789abcdef-${number}`)

export const SECRETS = {
  OPERATOR_KEYS: OPERATOR,
  RUNNER_KEYS: RUNNER,
  SIGNING_SECRETS: 'signing-secret-simulated-0123456789abcdef',
  STRIPE_SECRET_KEY: 'sk_test_0123456789abcdef',
  STRIPE_WEBHOOK_SECRETS: WEBHOOK_SECRET,
  BYOK_SECRETS: BYOK_SECRETS.join(),
} as const

/** An account's own key; by its last four characters, which are shown, it is known which of them it is. */
export function ownKeyOf(account: string, number: number): string {
  return `sk-ant-api03-${account}-simulated-key-${String(number).padStart(4, '0')}`
}
