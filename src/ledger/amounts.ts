/**
 * Amounts of credits and of money. Inside, an amount of credits is an integer of millicredits; every conversion from
 * and to what people write happens here, exactly or not at all.
 */

/** An integer number of millicredits; 1,000 make one credit, which is $0.01 of AI API cost. */
export type Millicredits = number

/** Milliseconds since 1970, UTC. */
export type EpochMs = number

export const MILLICREDITS_PER_CREDIT = 1_000

/** R20: no amount and no sum leaves this range, so that every value is exact as a JSON number. */
export const MAX_MILLICREDITS: Millicredits = 1e15

/** One dollar is 100 credits. */
const MILLICREDITS_PER_USD = 100_000n

/** USD are accepted with up to 8 decimals: the finest price per token that model providers publish. */
const USD_DECIMALS = 8
const USD_PATTERN = /^(\d{1,11})(?:\.(\d{1,8}))?$/

/** Credits as written in JSON, to millicredits; `null` if not finite, finer than 3 decimals or out of range. */
export function creditsToMillicredits(credits: number): Millicredits | null {
  const amount = Math.round(credits * MILLICREDITS_PER_CREDIT)
  if (!(Math.abs(amount) <= MAX_MILLICREDITS)) return null
  // The quotient is the double nearest to the decimal, as is what JSON.parse made of the text: equal if it was exact.
  if (amount / MILLICREDITS_PER_CREDIT !== credits) return null
  return amount === 0 ? 0 : amount // -0 is 0
}

/** Millicredits to credits, a number with at most 3 decimals. */
export function millicreditsToCredits(amount: Millicredits): number {
  return amount / MILLICREDITS_PER_CREDIT
}

/** A decimal string of USD, to the cost in millicredits, rounded up; `null` if malformed or out of range. */
export function usdToMillicredits(usd: string): Millicredits | null {
  const match = USD_PATTERN.exec(usd)
  if (match === null) return null
  const scale = 10n ** BigInt(USD_DECIMALS)
  const scaled = BigInt(match[1] ?? '0') * scale + BigInt((match[2] ?? '').padEnd(USD_DECIMALS, '0'))
  const amount = (scaled * MILLICREDITS_PER_USD + scale - 1n) / scale
  return amount <= BigInt(MAX_MILLICREDITS) ? Number(amount) : null
}

/** The same decimal without leading or trailing zeros: `"00.50"` is `"0.5"`. */
export function canonicalUsd(usd: string): string {
  const [whole = '0', fraction = ''] = usd.split('.')
  const shortWhole = whole.replace(/^0+(?=\d)/, '')
  const shortFraction = fraction.replace(/0+$/, '')
  return shortFraction === '' ? shortWhole : `${shortWhole}.${shortFraction}`
}

/** What an amount of credits is worth, as an exact decimal string of USD. */
export function millicreditsToUsd(amount: Millicredits): string {
  const sign = amount < 0 ? '-' : ''
  const digits = String(Math.abs(amount)).padStart(6, '0')
  return sign + canonicalUsd(`${digits.slice(0, -5)}.${digits.slice(-5)}`)
}
