/** What auto top-up would have done in the last 30 days. It changes nothing, and it is no promise: the past is known. */
import type * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import { presentTime } from '../../account/present.ts'
import { findPack } from '../../catalog/packs.ts'
import { type ReadPreview, readPreview } from '../../history/balances.ts'
import { MILLICREDITS_PER_CREDIT, millicreditsToCredits } from '../../ledger/amounts.ts'
import type { AutoTopUp } from '../../ledger/auto-top-up.ts'
import type { PreviewTerms } from '../../ledger/top-up-preview.ts'
import { toMillicredits } from '../commands.ts'
import { AutoTopUpPreview } from '../payment-answers.ts'
import { AutoTopUpPreviewBody } from '../payment-contract.ts'
import { invalidField, problemResponse } from '../problems.ts'
import { json, refusal } from '../respond.ts'
import { OWNERS, type Route, route } from '../route.ts'

const MINUTE_MS = 60_000

export const previewRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/accounts/:account/auto-top-up/preview',
    operation: 'previewAutoTopUp',
    group: 'Auto top-up',
    summary: 'What the last 30 days would have seen with these settings',
    description:
      "From the account's own entries: which charges there would have been, when, and how long credits would have been missing. It takes for granted that no card is declined; reviews that were refused are not known.",
    scopes: OWNERS,
    body: AutoTopUpPreviewBody,
    answers: { 200: { description: 'The charges, and the time without credits.', schema: AutoTopUpPreview } },
    async handle({ env, account, caller, body }) {
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'autoTopUp', null))
      if (!answer.ok) return refusal(answer.refusal, account)
      const terms = toTerms(body, answer.view.settings)
      if ('missing' in terms) return problemResponse(invalidField(terms.missing, 'is missing'))
      return json(present(await readPreview(env.HISTORY, account, terms, Date.now())))
    },
  }),
]

/** At the price of today: that is what would be agreed to. */
function toTerms(
  body: z.output<typeof AutoTopUpPreviewBody>,
  agreed: AutoTopUp | null,
): PreviewTerms | { readonly missing: string } {
  const threshold = body.threshold === undefined ? agreed?.threshold : toMillicredits(body.threshold)
  const monthlyLimitCents = body.monthly_limit_cents ?? agreed?.monthlyLimitCents
  const pack = findPack(body.pack ?? agreed?.pack ?? '')
  if (threshold === undefined) return { missing: 'threshold' }
  if (pack === null) return { missing: 'pack' }
  if (monthlyLimitCents === undefined) return { missing: 'monthly_limit_cents' }
  const { id, priceCents } = pack
  return { threshold, pack: id, credits: pack.credits * MILLICREDITS_PER_CREDIT, priceCents, monthlyLimitCents }
}

function present({ from, to, charges, completeTo, isCut, ...times }: ReadPreview) {
  return {
    from: presentTime(from),
    to: presentTime(to),
    charges: charges.map(({ at, priceCents, credits }) => ({
      at: presentTime(at),
      price_cents: priceCents,
      credits: millicreditsToCredits(credits),
    })),
    total_cents: charges.reduce((sum, { priceCents }) => sum + priceCents, 0),
    minutes_without_credits: Math.round(times.withoutCreditsMs / MINUTE_MS),
    minutes_without_credits_as_it_was: Math.round(times.withoutCreditsAsItWasMs / MINUTE_MS),
    complete_to: completeTo,
    cut: isCut,
  }
}
