/**
 * The deployment's secrets, read once per value. A list that is empty, or has an empty or guessable member, is not a
 * weaker configuration but a wrong one: the Worker then refuses to serve (an empty secret verifies everything).
 */

import { byokSecretsOf } from '../account/key-ring.ts'
import { stripeOf } from '../stripe/client.ts'

export interface Configuration {
  readonly operatorKeys: readonly Uint8Array[]
  readonly runnerKeys: readonly Uint8Array[]
  /** For account keys, payment links, passes into the dashboard and quotes; newest first: the first signs, all verify. */
  readonly signingSecrets: readonly string[]
  /** Of Stripe's webhook endpoint; newest first, all verify. */
  readonly webhookSecrets: readonly string[]
}

const MIN_KEY_LENGTH = 16
const MIN_SECRET_LENGTH = 32
const MIN_WEBHOOK_SECRET_LENGTH = 16

let cached: { readonly of: string; readonly configuration: Configuration } | null = null

/** Throws an error that names the variable, never its value. */
export function configurationOf(env: Env): Configuration {
  const { OPERATOR_KEYS, RUNNER_KEYS, SIGNING_SECRETS, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRETS, BYOK_SECRETS } = env
  const keysAndSecrets = [OPERATOR_KEYS, RUNNER_KEYS, SIGNING_SECRETS, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRETS]
  const of = JSON.stringify([...keysAndSecrets, BYOK_SECRETS])
  if (cached?.of === of) return cached.configuration
  // A deployment that cannot take money in should say so at once, not with its first customer.
  stripeOf(env)
  // Nor should one that cannot seal a key, or open those that were sealed.
  byokSecretsOf(env)
  const encoder = new TextEncoder()
  const keys = (name: string, value: string | undefined) =>
    listOf(name, value, MIN_KEY_LENGTH).map((key) => encoder.encode(key))
  const configuration = {
    operatorKeys: keys('OPERATOR_KEYS', OPERATOR_KEYS),
    runnerKeys: keys('RUNNER_KEYS', RUNNER_KEYS),
    signingSecrets: listOf('SIGNING_SECRETS', SIGNING_SECRETS, MIN_SECRET_LENGTH),
    webhookSecrets: listOf('STRIPE_WEBHOOK_SECRETS', STRIPE_WEBHOOK_SECRETS, MIN_WEBHOOK_SECRET_LENGTH),
  }
  cached = { of, configuration }
  return configuration
}

function listOf(name: string, value: string | undefined, minLength: number): string[] {
  const members = (value ?? '').split(',').map((member) => member.trim())
  for (const member of members) {
    if (member.length < minLength) throw new Error(`${name} has a member of fewer than ${minLength} characters`)
  }
  return members
}
