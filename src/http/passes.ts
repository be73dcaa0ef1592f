/**
 * Passes into the dashboard: the one-time link, and the session's cookie. Each names its account and is signed, so that
 * a forged one wakes no object; the random part is known to the object only as a hash, like an account key's.
 */
import { ACCOUNT_ID } from '../account/requests.ts'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { isSigned, sha256, sign } from './signing.ts'

export type PassKind = 'dashboard-link' | 'dashboard-session'

export interface Pass {
  readonly account: string
  readonly id: string
  /** SHA-256 of the whole pass, in hex: what the object keeps. */
  readonly hash: string
}

const PASS = /^([A-Za-z0-9_-]{2,100})\.(ses_[A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{32})\.([A-Za-z0-9_-]{43})$/

export async function newPass(
  kind: PassKind,
  account: string,
  secrets: readonly string[],
  id = `ses_${random(12)}`,
): Promise<Pass & { readonly pass: string }> {
  const signed = `${toBase64Url(new TextEncoder().encode(account))}.${id}.${random(24)}`
  const pass = `${signed}.${await sign(kind, signed, secrets)}`
  return { account, id, pass, hash: await sha256(pass) }
}

/** What a pass names, if one of our secrets signed it. No I/O. */
export async function readPass(kind: PassKind, pass: string, secrets: readonly string[]): Promise<Pass | null> {
  const [, payload = '', id = '', , mac = ''] = PASS.exec(pass) ?? []
  if (mac === '' || !(await isSigned(kind, pass.slice(0, pass.lastIndexOf('.')), mac, secrets))) return null
  const bytes = fromBase64Url(payload)
  const account = bytes === null ? '' : new TextDecoder().decode(bytes)
  return ACCOUNT_ID.test(account) ? { account, id, hash: await sha256(pass) } : null
}

function random(bytes: number): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(bytes)))
}
