/** What a review cost, as runners have it, made into what the API takes: nothing is lost to the noise of floats. */
import type { SettleBody } from './contract.ts'

/** Exactly one of them. USD as a decimal string, or as the number that a sum of prices came to. */
export type Cost =
  | { readonly cost_usd: string | number; readonly credits?: never }
  | { readonly credits: number; readonly cost_usd?: never }

const USD_DECIMALS = 8
const MILLICREDITS_PER_CREDIT = 1_000
/** A sum of floats is off by far less than this part of a millicredit, and a true cost by more. */
const NOISE_MILLICREDITS = 1e-6

/** Throws a `TypeError` for what is no cost; the reservation can still be settled by its id. */
export function toSettleBody(cost: Cost): SettleBody {
  const { cost_usd: usd, credits } = (cost ?? {}) as { readonly cost_usd?: unknown; readonly credits?: unknown }
  if (usd !== undefined && credits !== undefined) throw new TypeError('the work returned both cost_usd and credits')
  if (typeof usd === 'string' && /^\d+(\.\d+)?$/.test(usd)) return { cost_usd: shorten(usd) }
  if (typeof usd === 'number' && isAmount(usd)) return { cost_usd: usd.toFixed(USD_DECIMALS) }
  if (typeof credits === 'number' && isAmount(credits)) return { credits: roundUp(credits) }
  throw new TypeError('the work returned no cost: { cost_usd } or { credits } that is not negative')
}

/** Up to the next millicredit, as the API rounds USD. */
export function roundUp(credits: number): number {
  return Math.ceil(credits * MILLICREDITS_PER_CREDIT - NOISE_MILLICREDITS) / MILLICREDITS_PER_CREDIT || 0
}

/** A decimal string is exact, so what is beyond the last decimal is cost and rounds up. */
function shorten(usd: string): string {
  const [whole = '0', fraction = ''] = usd.split('.')
  if (fraction.length <= USD_DECIMALS) return usd
  const scaled =
    BigInt(whole + fraction.slice(0, USD_DECIMALS)) + (/[1-9]/.test(fraction.slice(USD_DECIMALS)) ? 1n : 0n)
  const digits = String(scaled).padStart(USD_DECIMALS + 1, '0')
  return `${digits.slice(0, -USD_DECIMALS)}.${digits.slice(-USD_DECIMALS)}`
}

/** From 10^21 on a number is written with an exponent; the API says what is too much long before. */
function isAmount(value: number): boolean {
  return value >= 0 && value < 1e21
}
