/** Signatures by the deployment's secrets: what we gave out is known again without looking anything up. */
import { fromBase64Url, toBase64Url } from './base64url.ts'

/** The purpose is part of the key: a signature made for one thing is not one of another. */
export type Purpose = 'account-key' | 'payment-link' | 'dashboard-link' | 'dashboard-session' | 'quote'

/** Base64url of the MAC by the newest secret: 43 characters. */
export async function sign(purpose: Purpose, text: string, [newest]: readonly string[]): Promise<string> {
  if (newest === undefined) throw new Error('no signing secret')
  const mac = await crypto.subtle.sign('HMAC', await macKey(purpose, newest), new TextEncoder().encode(text))
  return toBase64Url(new Uint8Array(mac))
}

/** Whether one of our secrets signed it. No I/O. */
export async function isSigned(
  purpose: Purpose,
  text: string,
  mac: string,
  secrets: readonly string[],
): Promise<boolean> {
  const signature = fromBase64Url(mac)
  if (signature === null) return false
  const signed = new TextEncoder().encode(text)
  for (const secret of secrets) {
    if (await crypto.subtle.verify('HMAC', await macKey(purpose, secret), signature, signed)) return true
  }
  return false
}

/** In hex: what is kept of a secret that was given out. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Imported once per secret: importing is the dearer part of a verification. */
const macKeys = new Map<string, Promise<CryptoKey>>()

function macKey(purpose: Purpose, secret: string): Promise<CryptoKey> {
  const name = `${purpose}:${secret}`
  const known = macKeys.get(name)
  if (known !== undefined) return known
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = crypto.subtle.importKey('raw', new TextEncoder().encode(name), algorithm, false, ['sign', 'verify'])
  macKeys.set(name, imported)
  return imported
}
