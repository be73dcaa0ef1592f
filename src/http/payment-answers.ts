/** The same as answers.ts for payments: purchases and auto top-up. */
import * as z from 'zod'
import { Balance, credits, optionalTime, time } from './answers.ts'

export const Purchase = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['checkout', 'auto_top_up']),
    pack: z.string(),
    credits,
    price_cents: z.int(),
    state: z.enum(['open', 'processing', 'paid', 'expired', 'failed', 'refunded', 'disputed']),
    refunded_cents: z.int(),
    disputed_cents: z.int(),
    failure: z.string().nullable().meta({ description: "Why it failed, in Stripe's word where there is one." }),
    receipt_url: z.string().nullable(),
    created_at: time,
    paid_at: optionalTime,
  })
  .meta({ id: 'Purchase' })
export const CheckoutAnswer = z
  .strictObject({ purchase: Purchase, url: z.string().nullable() })
  .meta({ id: 'CheckoutAnswer', description: '`url` is where the customer pays, while they can.' })
export const PurchaseAnswer = z.strictObject({ purchase: Purchase, balance: Balance }).meta({ id: 'PurchaseAnswer' })

const card = { brand: z.string(), last4: z.string() }
const keptCard = z.strictObject({ fingerprint: z.string(), ...card, exp_month: z.int(), exp_year: z.int() })
export const AutoTopUp = z
  .strictObject({
    enabled: z.boolean(),
    threshold: credits.nullable(),
    pack: z.string().nullable(),
    monthly_limit_cents: z.int().nullable(),
    state: z.enum([
      'off',
      'armed',
      'charging',
      'limit_reached',
      'suspended',
      'needs_card',
      'needs_agreement',
      'action_required',
    ]),
    spent_this_month_cents: z.int().meta({ description: 'Charged by auto top-up in this UTC month, before refunds.' }),
    open_cents: z.int().meta({ description: 'What a charge under way may still come to.' }),
    card: keptCard.nullable().meta({ description: 'The card that it charges.' }),
    default_card: keptCard.nullable().meta({ description: 'The card that agreeing now agrees to.' }),
    last_attempt: Purchase.nullable(),
    next_attempt_at: optionalTime.meta({ description: 'When it charges next at the soonest, if nothing changes.' }),
    action_url: z.string().nullable().meta({ description: 'In `action_required`: where the customer pays.' }),
    agreed: z
      .strictObject({ credits, price_cents: z.int(), card: z.strictObject(card).nullable(), at: time, by: z.string() })
      .nullable()
      .meta({ description: 'What the customer agreed to. Another price or card needs a new agreement.' }),
  })
  .meta({ id: 'AutoTopUp' })

export const AutoTopUpPreview = z
  .strictObject({
    from: time.meta({ description: 'Thirty days ago, or the first entry, or as far as was read.' }),
    to: time,
    charges: z.array(z.strictObject({ at: time, price_cents: z.int(), credits })),
    total_cents: z.int(),
    minutes_without_credits: z.int().meta({
      description: 'With these settings: how long fewer credits were available than the smallest review takes.',
    }),
    minutes_without_credits_as_it_was: z.int(),
    complete_to: z.int().meta({ description: 'The number of the last entry that was looked at.' }),
    cut: z.boolean().meta({ description: 'Only the newest entries were looked at, since `from`.' }),
  })
  .meta({ id: 'AutoTopUpPreview' })
