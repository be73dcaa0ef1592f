/** A balance as the API writes it. It stands here because the object itself sends it over live connections. */
import { millicreditsToCredits as credits } from '../ledger/amounts.ts'
import type { Balance, BalancePart } from '../ledger/balance.ts'

export function presentBalance(balance: Balance) {
  const { available, reserved, debt, trial, promotional, purchased, version, asOf } = balance
  return {
    available: credits(available),
    reserved: credits(reserved),
    total: credits(available + reserved),
    debt: credits(debt),
    trial: trial === null ? null : { ...presentPart(trial), expires_at: presentTime(trial.expiresAt) },
    promotional: { ...presentPart(promotional), next_expires_at: presentOptionalTime(promotional.nextExpiresAt) },
    purchased: presentPart(purchased),
    version,
    as_of: presentTime(asOf),
  }
}

/** RFC 3339 in UTC with milliseconds. */
export function presentTime(at: number): string {
  return new Date(at).toISOString()
}

export function presentOptionalTime(at: number | null): string | null {
  return at === null ? null : presentTime(at)
}

function presentPart(part: BalancePart) {
  return { available: credits(part.available), reserved: credits(part.reserved) }
}
