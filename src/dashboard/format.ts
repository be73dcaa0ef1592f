/** How every number and time is written, on every page the same. In English, because the pages are. */
import { type EpochMs, type Millicredits, millicreditsToCredits } from '../ledger/amounts.ts'

const CREDITS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 })
const SIGNED_CREDITS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3, signDisplay: 'exceptZero' })
const DOLLARS = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' })
const PRECISE_DOLLARS = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 5,
})
const TIME = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
const DAY = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeZone: 'UTC' })

/** `1,234.5` */
export function credits(amount: Millicredits): string {
  return CREDITS.format(millicreditsToCredits(amount))
}

/** `+50` or `−12.5`; for changes. */
export function change(amount: Millicredits): string {
  return SIGNED_CREDITS.format(millicreditsToCredits(amount)).replace('-', '−')
}

/** `1,234`: of things, not of credits. */
export function count(of: number): string {
  return CREDITS.format(of)
}

/** `$19.00`, of cents. */
export function dollars(cents: number): string {
  return DOLLARS.format(cents / 100)
}

/** `$0.5031`: what credits are worth, to the last digit. */
export function worth(amount: Millicredits): string {
  return PRECISE_DOLLARS.format(millicreditsToCredits(amount) / 100)
}

/** `$0.0095`: what one credit of a pack costs. */
export function pricePerCredit(pack: { readonly priceCents: number; readonly credits: number }): string {
  return PRECISE_DOLLARS.format(pack.priceCents / pack.credits / 100)
}

/** `Nov 24, 2026, 10:48 PM UTC` */
export function time(at: EpochMs): string {
  return `${TIME.format(at)} UTC`
}

/** `Nov 24, 2026` */
export function day(at: EpochMs): string {
  return DAY.format(at)
}

/** `45 minutes`, `2 h 5 min`, `12 days 4 h`: two units at the most. */
export function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 120) return minutes === 1 ? '1 minute' : `${minutes} minutes`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} days ${hours % 24} h`
}
