/** What a refusal for want of credits (402) says: an opaque one helps nobody. */
import { presentOptionalTime, presentTime } from '../account/present.ts'
import type { AccountRefusal } from '../account/requests.ts'
import type { AutoTopUpView } from '../account/topping-up.ts'
import { affordableTiers, estimate } from '../catalog/estimates.ts'
import { smallestPackFor } from '../catalog/packs.ts'
import { type EpochMs, millicreditsToCredits } from '../ledger/amounts.ts'
import { presentPack } from './present.ts'

type Insufficient = Extract<AccountRefusal, { code: 'insufficient_credits' }>

/** Says what is missing, what fits, what to buy, and when credits may be back: an opaque refusal helps nobody. */
export function explainInsufficient(
  refusal: Insufficient,
): [detail: string, figures: Readonly<Record<string, unknown>>] {
  const { requested, available, shortfall, debt, nextExpiry, autoTopUp, asOf } = refusal
  const pack = smallestPackFor(millicreditsToCredits(shortfall + debt))
  const detail = `${millicreditsToCredits(shortfall)} more credits are needed: ${millicreditsToCredits(requested)} were asked for, ${millicreditsToCredits(available)} are available.${explainTopUp(autoTopUp)}`
  const figures = {
    requested: millicreditsToCredits(requested),
    available: millicreditsToCredits(available),
    shortfall: millicreditsToCredits(shortfall),
    debt: millicreditsToCredits(debt),
    affordable_tiers: refusal.affordableTiers ?? affordableTiers(available, estimate),
    suggested_pack: pack === null ? null : presentPack(pack),
    auto_top_up: presentTopUp(autoTopUp),
    next_expiry:
      nextExpiry === null
        ? null
        : { at: presentTime(nextExpiry.at), credits: millicreditsToCredits(nextExpiry.credits) },
    retry_after_seconds: retryAfter([nextExpiry?.at ?? null, comesAt(autoTopUp, asOf)], asOf),
  }
  return [detail, figures]
}

/** How long a charge takes from its start to the credits, roughly: when it is worth to try again. */
const CHARGE_TAKES_MS = 3_000

/** When a top-up will have brought credits, if one is under way or about to be. */
function comesAt(autoTopUp: AutoTopUpView | null, asOf: EpochMs): EpochMs | null {
  if (autoTopUp?.state === 'charging') return asOf + CHARGE_TAKES_MS
  const at = autoTopUp?.state === 'armed' ? autoTopUp.nextAttemptAt : null
  return at === null ? null : Math.max(at, asOf) + CHARGE_TAKES_MS
}

function retryAfter(times: readonly (EpochMs | null)[], asOf: EpochMs): number | null {
  const known = times.filter((at) => at !== null)
  return known.length === 0 ? null : Math.max(1, Math.ceil((Math.min(...known) - asOf) / 1000))
}

function presentTopUp(autoTopUp: AutoTopUpView | null) {
  if (autoTopUp === null || autoTopUp.settings === null) return { state: 'off' }
  const { state, settings, openCents, nextAttemptAt } = autoTopUp
  const credits = millicreditsToCredits(settings.credits)
  return {
    state,
    pack: settings.pack,
    credits,
    open_cents: openCents,
    next_attempt_at: presentOptionalTime(nextAttemptAt),
  }
}

function explainTopUp(autoTopUp: AutoTopUpView | null): string {
  switch (autoTopUp?.state) {
    case 'charging':
      return ' A top-up is under way.'
    case 'limit_reached':
      return ' Auto top-up has reached its monthly limit.'
    case 'suspended':
    case 'needs_card':
    case 'needs_agreement':
    case 'action_required':
      return ' Auto top-up waits for the customer.'
    default:
      return ''
  }
}
