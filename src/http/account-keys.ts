/**
 * Account keys: `assay_<scope>_<payload>.<mac>`. The payload names the account, so a key finds its object; the MAC of a
 * deployment secret is checked here, so a forged key wakes no object; the random part is known to the object only as a
 * hash, so a stolen signing secret alone makes no key.
 */
import { ACCOUNT_ID, type AccountScope } from '../account/requests.ts'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { isSigned, sha256, sign } from './signing.ts'

export interface VerifiedKey {
  readonly account: string
  readonly scope: AccountScope
  readonly id: string
  /** SHA-256 of the whole key, in hex: what the object keeps. */
  readonly hash: string
}

const KEY_PATTERN = /^assay_(billing|runner|read)_([A-Za-z0-9_-]{16,256})\.([A-Za-z0-9_-]{43})$/

/** A new key for an account, to be shown once. */
export async function mintAccountKey(account: string, scope: AccountScope, secrets: readonly string[]) {
  const id = `key_${toBase64Url(crypto.getRandomValues(new Uint8Array(12)))}`
  const random = toBase64Url(crypto.getRandomValues(new Uint8Array(24)))
  const payload = toBase64Url(new TextEncoder().encode(JSON.stringify([account, id, random])))
  const signed = `assay_${scope}_${payload}`
  const key = `${signed}.${await sign('account-key', signed, secrets)}`
  return { id, key, hash: await sha256(key) }
}

/** The key's account, scope and id if one of our secrets signed it; `null` otherwise. No I/O. */
export async function verifyAccountKey(key: string, secrets: readonly string[]): Promise<VerifiedKey | null> {
  const match = KEY_PATTERN.exec(key)
  const [, scope, payload, mac] = match ?? []
  if (scope === undefined || payload === undefined || mac === undefined) return null
  if (!(await isSigned('account-key', key.slice(0, key.lastIndexOf('.')), mac, secrets))) return null
  const named = parsePayload(payload)
  return named === null ? null : { ...named, scope: scope as AccountScope, hash: await sha256(key) }
}

function parsePayload(payload: string): { account: string; id: string } | null {
  try {
    const bytes = fromBase64Url(payload)
    const parts: unknown = bytes === null ? null : JSON.parse(new TextDecoder().decode(bytes))
    if (!Array.isArray(parts)) return null
    const [account, id] = parts
    return typeof account === 'string' && ACCOUNT_ID.test(account) && typeof id === 'string' ? { account, id } : null
  } catch {
    return null
  }
}
