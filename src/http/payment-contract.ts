/** The same as contract.ts for payments: what buying, refunds and auto top-up are asked with. */
import * as z from 'zod'
import { PACKS } from '../catalog/packs.ts'
import { pageUrl, positiveCredits, textUpTo } from './fields.ts'

const packId = z
  .string()
  .regex(/^[a-z0-9_-]{1,64}$/, 'is not the id of a pack')
  .meta({ description: `One of the packs that are sold: ${PACKS.map((pack) => pack.id).join(', ')}.` })

export const CheckoutBody = z
  .strictObject({
    pack: packId,
    success_url: pageUrl.optional().meta({ description: 'Where the customer comes back to; default: a page of ours.' }),
    cancel_url: pageUrl.optional(),
    save_card: z
      .boolean()
      .default(false)
      .meta({ description: 'The customer agrees that the card is kept, for auto top-up.' }),
  })
  .meta({ id: 'Checkout' })

export const PortalBody = z.strictObject({ return_url: pageUrl.optional() }).meta({ id: 'Portal' })

/** Stripe's largest charge. */
const MAX_CENTS = 99_999_999

export const RefundBody = z
  .strictObject({
    amount_cents: z.int().min(1).max(MAX_CENTS).optional().meta({ description: 'Default: all that is left.' }),
    keep_auto_top_up: z.boolean().default(false),
    reason: textUpTo(500).min(1),
  })
  .meta({ id: 'Refund' })

export const AutoTopUpBody = z
  .strictObject({
    enabled: z.boolean(),
    threshold: positiveCredits.optional(),
    pack: packId.optional(),
    monthly_limit_cents: z.int().min(1).max(MAX_CENTS).optional(),
    card: textUpTo(128).optional().meta({
      description:
        'The `fingerprint` of the `default_card` that the customer was shown. Where that is another by now, nothing changes.',
    }),
  })
  .meta({ id: 'ChangeAutoTopUp', description: 'What is not named stays as it was.' })

/** The body of a change serves as it is: a preview is always of settings that are on, and charges no card. */
export const AutoTopUpPreviewBody = AutoTopUpBody.partial({ enabled: true }).meta({
  id: 'PreviewAutoTopUp',
  description: 'What is not named is as it was agreed.',
})
