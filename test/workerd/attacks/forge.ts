/** Keys as attackers and as the past would make them. */
import { mintAccountKey } from '../../../src/http/account-keys.ts'
import { fromBase64Url, toBase64Url } from '../../../src/http/base64url.ts'
import type { AccountApi } from '../api.ts'

export const ACCOUNT_SCOPES = ['billing', 'runner', 'read'] as const
export type AccountScope = (typeof ACCOUNT_SCOPES)[number]

const UNKNOWN_SECRETS = ['a-secret-that-nobody-configured-0123456789']

/** A key of the account, as its owner mints it. */
export async function mint(account: AccountApi, scope: AccountScope, more: object = {}) {
  const { body } = await account.post('/keys', { scope, ...more })
  // Without a key a call would be the operator's, and serve for all the wrong reasons.
  if (typeof body.key !== 'string') throw new Error(`no key was minted: ${body.detail}`)
  return body as { id: string; key: string }
}

/** Every way of making a key for an account without its secret, from a real key of another account. */
export async function forgedKeys(account: string, real: string): Promise<Readonly<Record<string, string>>> {
  const { scope, payload, mac } = partsOf(real)
  const otherScope = scope === 'billing' ? 'runner' : 'billing'
  const flipped = fromBase64Url(mac) ?? new Uint8Array(1)
  flipped[0] = (flipped[0] ?? 0) ^ 1
  const forAccount = withAccount(payload, account)
  return {
    'with a bit of its MAC flipped': `assay_${scope}_${payload}.${toBase64Url(flipped)}`,
    'signed with an unknown secret': (await mintAccountKey(account, scope, UNKNOWN_SECRETS)).key,
    'with another account under the old MAC': `assay_${scope}_${forAccount}.${mac}`,
    'with another scope under the old MAC': `assay_${otherScope}_${payload}.${mac}`,
    'without a MAC': `assay_${scope}_${forAccount}.`,
    'with a MAC of zeros': `assay_${scope}_${forAccount}.${'A'.repeat(43)}`,
  }
}

export function partsOf(key: string): { scope: AccountScope; payload: string; mac: string } {
  const [, scope, payload, mac] = /^assay_([a-z]+)_(.+)\.(.+)$/.exec(key) ?? []
  if (scope === undefined || payload === undefined || mac === undefined) throw new Error('this is no account key')
  return { scope: scope as AccountScope, payload, mac }
}

function withAccount(payload: string, account: string): string {
  const text = new TextDecoder().decode(fromBase64Url(payload) ?? new Uint8Array())
  const [, ...rest] = JSON.parse(text) as unknown[]
  return toBase64Url(new TextEncoder().encode(JSON.stringify([account, ...rest])))
}
