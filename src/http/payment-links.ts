/**
 * Payment links: a page of ours where a customer sees what became of a purchase, and pays for an attempt of auto top-up
 * that their bank wanted them for. A link is all they need: it names the account, signed, so that a forged one wakes no
 * object; and the purchase, whose id nobody can guess.
 */
import { ACCOUNT_ID } from '../account/requests.ts'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { isSigned, sign } from './signing.ts'

export const PAYMENT_LINK = /^[A-Za-z0-9_-]{2,100}\.[A-Za-z0-9_-]{43}$/

/** What the links of an account begin with; the purchase's id follows. */
export async function paymentLinks(origin: string, account: string, secrets: readonly string[]): Promise<string> {
  const payload = toBase64Url(new TextEncoder().encode(account))
  return `${origin}/pay/${payload}.${await sign('payment-link', payload, secrets)}`
}

/** The account that a link names, if one of our secrets signed it. */
export async function accountOfLink(link: string, secrets: readonly string[]): Promise<string | null> {
  const [payload = '', mac = ''] = link.split('.')
  if (!(await isSigned('payment-link', payload, mac, secrets))) return null
  const bytes = fromBase64Url(payload)
  const account = bytes === null ? '' : new TextDecoder().decode(bytes)
  return ACCOUNT_ID.test(account) ? account : null
}
