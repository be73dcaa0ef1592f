/** Who is asking. Service keys are compared here; account keys are verified here and admitted by their object. */
import type { AccountScope, Caller } from '../account/requests.ts'
import { verifyAccountKey } from './account-keys.ts'
import type { Configuration } from './configuration.ts'

export type Scope = 'operator' | AccountScope

export interface Principal {
  readonly scope: Scope
  /** The only account that the key is for; `null` for a service key, which is for all. */
  readonly account: string | null
  readonly caller: Caller
}

/** The name of a scheme is case-insensitive (RFC 9110, 11.1). */
const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i

/** `null` without a credential, with two, or with one that is not valid. */
export async function authenticate(
  header: string | undefined,
  configuration: Configuration,
): Promise<Principal | null> {
  const token = BEARER.exec(header ?? '')?.[1]
  if (token === undefined) return null
  const bytes = encoder.encode(token)
  // Runners first: theirs is the hot path.
  if (isAmong(bytes, configuration.runnerKeys)) return RUNNER
  if (isAmong(bytes, configuration.operatorKeys)) return OPERATOR
  const key = await verifyAccountKey(token, configuration.signingSecrets)
  if (key === null) return null
  return { scope: key.scope, account: key.account, caller: { kind: 'account_key', id: key.id, hash: key.hash } }
}

const encoder = new TextEncoder()

const RUNNER: Principal = { scope: 'runner', account: null, caller: { kind: 'service' } }
const OPERATOR: Principal = { scope: 'operator', account: null, caller: { kind: 'service' } }

/** In a time that depends on the lengths only. */
function isAmong(token: Uint8Array, keys: readonly Uint8Array[]): boolean {
  let found = false
  for (const key of keys) {
    if (key.byteLength === token.byteLength && crypto.subtle.timingSafeEqual(key, token)) found = true
  }
  return found
}
