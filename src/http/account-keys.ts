/**
 * Account keys: `assay_<scope>_<payload>.<mac>`. The payload names the account, so a key finds its object; the MAC of a
 * deployment secret is checked here, so a forged key wakes no object; the random part is known to the object only as a
 * hash, so a stolen signing secret alone makes no key.
 */
import type { AccountScope } from '../account/requests.ts'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { ACCOUNT_ID } from './ids.ts'

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
  const [newest] = secrets
  if (newest === undefined) throw new Error('no signing secret')
  const mac = await crypto.subtle.sign('HMAC', await macKey(newest), new TextEncoder().encode(signed))
  const key = `${signed}.${toBase64Url(new Uint8Array(mac))}`
  return { id, key, hash: await sha256(key) }
}

/** The key's account, scope and id if one of our secrets signed it; `null` otherwise. No I/O. */
export async function verifyAccountKey(key: string, secrets: readonly string[]): Promise<VerifiedKey | null> {
  const match = KEY_PATTERN.exec(key)
  const [, scope, payload, mac] = match ?? []
  if (scope === undefined || payload === undefined || mac === undefined) return null
  const signed = new TextEncoder().encode(key.slice(0, key.lastIndexOf('.')))
  const signature = fromBase64Url(mac)
  if (signature === null) return null
  for (const secret of secrets) {
    if (!(await crypto.subtle.verify('HMAC', await macKey(secret), signature, signed))) continue
    const named = parsePayload(payload)
    return named === null ? null : { ...named, scope: scope as AccountScope, hash: await sha256(key) }
  }
  return null
}

/** Imported once per secret: importing is the dearer part of a verification. */
const macKeys = new Map<string, Promise<CryptoKey>>()

function macKey(secret: string): Promise<CryptoKey> {
  const known = macKeys.get(secret)
  if (known !== undefined) return known
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  // The purpose is part of the key: a signature made for anything else is not one of an account key.
  const bytes = new TextEncoder().encode(`account-key:${secret}`)
  const imported = crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify'])
  macKeys.set(secret, imported)
  return imported
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

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
