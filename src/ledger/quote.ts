/** Quotes: a price that was promised before is kept for one reservation, once. */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { Decision, Reserve, View } from './commands.ts'
import { refuse } from './refusals.ts'

/** Why a quote makes no reservation. */
export type QuoteReason = 'expired' | 'forged' | 'used' | 'mismatch'

/** What was found of the quote that a reserve brings. The price that it locked is in the command's own amount and cap. */
export type QuoteFound =
  | { readonly verdict: 'forged' | 'mismatch' }
  | {
      readonly verdict: 'good'
      /** What the quote is known by once it is used. */
      readonly key: string
      readonly maxCredits: Millicredits
      readonly expiresAt: EpochMs
    }

/** What is wrong with the quote itself. Judged before all but the id, so that nothing is ever stored for it. */
export function checkQuote({ quote, maxCredits }: Reserve): Decision | null {
  if (quote === null) return null
  if (quote.verdict !== 'good') return refuse({ code: 'quote_invalid', reason: quote.verdict, usedBy: null })
  if (maxCredits <= quote.maxCredits) return null
  // Named by the runner: the customer was promised less.
  return refuse({ code: 'invalid', field: 'max_credits', message: 'is more than the quote promises' })
}

/** Whether a quote that is good may still make a reservation. */
export function checkQuoteIsOpen(view: View, { quote }: Reserve, now: EpochMs): Decision | null {
  if (quote?.verdict !== 'good') return null
  if (view.quotedBy !== null) return refuse({ code: 'quote_invalid', reason: 'used', usedBy: view.quotedBy })
  if (now >= quote.expiresAt) return refuse({ code: 'quote_invalid', reason: 'expired', usedBy: null })
  return null
}
