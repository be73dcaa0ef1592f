/** The schemas of what the API answers. They document; tests hold every answer against them. */
import * as z from 'zod'
import { ENTRY_KINDS } from '../ledger/entry.ts'
import { Metadata } from './fields.ts'
import { PROBLEMS, type ProblemCode } from './problems.ts'
import { MAX_QUOTE_ID_LENGTH } from './quotes.ts'

export const credits = z.number().meta({ description: 'Credits, with at most 3 decimals.' })
export const time = z.iso.datetime()
export const optionalTime = time.nullable()
const part = { available: credits, reserved: credits }

export const Balance = z
  .strictObject({
    ...part,
    total: credits,
    debt: credits,
    trial: z.strictObject({ ...part, expires_at: time }).nullable(),
    promotional: z.strictObject({ ...part, next_expires_at: optionalTime }),
    purchased: z.strictObject(part),
    version: z.int().min(0).meta({ description: 'The number of the last entry.' }),
    as_of: time,
  })
  .meta({ id: 'Balance' })

export const Reservation = z
  .strictObject({
    id: z.string(),
    account: z.string(),
    state: z.enum(['held', 'settled', 'released', 'expired']),
    mode: z.enum(['credits', 'byok']),
    tier: z.string().nullable(),
    credits,
    charged: credits.nullable(),
    returned: credits.nullable(),
    absorbed: credits.nullable(),
    cost_usd: z.string().nullable(),
    accrued: credits,
    max_credits: credits,
    overage: z.enum(['available', 'cap', 'debt']),
    on_expiry: z.enum(['release', 'settle_accrued']),
    late: z.boolean(),
    quote: z.string().nullable(),
    supersedes: z.string().nullable(),
    metadata: Metadata,
    created_at: time,
    expires_at: time,
    closed_at: optionalTime,
  })
  .meta({ id: 'Reservation' })

export const Grant = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['trial', 'purchase', 'top_up', 'promotional', 'adjustment']),
    credits,
    ...part,
    expires_at: optionalTime,
    voided: z.boolean(),
    reason: z.string().nullable(),
    created_at: time,
  })
  .meta({ id: 'Grant' })

export const Entry = z
  .strictObject({
    seq: z.int().min(1),
    at: time,
    kind: z.enum(ENTRY_KINDS),
    available_delta: credits,
    reserved_delta: credits,
    debt_delta: credits,
    available: credits,
    reserved: credits,
    debt: credits,
    charged: credits,
    absorbed: credits,
    cost_usd: z.string().nullable(),
    mode: z.enum(['credits', 'byok']),
    late: z.boolean(),
    reservation: z.string().nullable(),
    grants: z
      .array(z.strictObject({ id: z.string(), credits, held: credits }))
      .meta({ description: 'How what is left of each grant changed, and of that what is held.' }),
    purchase: z.string().nullable(),
    tier: z.string().nullable(),
    metadata: Metadata,
    detail: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'Entry' })

const details = {
  id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  region: z.string().nullable(),
  allow_debt: z.boolean(),
  created_at: time,
}
export const Account = z.strictObject({ ...details, balance: Balance }).meta({ id: 'Account' })
export const DirectoryLine = z.strictObject(details).meta({ id: 'DirectoryLine' })

export const Key = z
  .strictObject({
    id: z.string(),
    scope: z.enum(['billing', 'runner', 'read']),
    name: z.string().nullable(),
    created_at: time,
    expires_at: optionalTime,
    revoked_at: optionalTime,
  })
  .meta({ id: 'Key' })
export const MintedKey = z.strictObject({ ...Key.shape, key: z.string().optional() }).meta({
  id: 'MintedKey',
  description: 'The key itself is shown once; a replayed mint answers without it.',
})

export const Byok = z
  .strictObject({
    enabled: z.boolean(),
    preview: z.string().nullable().meta({ description: 'All of the key that is ever shown: `sk-ant-…wxyz`.' }),
    since: optionalTime,
    usable: z.boolean().meta({ description: 'Whether the key can still be opened. If not, put it again.' }),
  })
  .meta({ id: 'Byok' })
export const ByokKey = z.strictObject({ api_key: z.string() }).meta({ id: 'ByokKey' })

export const Pack = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    credits,
    price_cents: z.int(),
    discount_percent: z.number(),
  })
  .meta({ id: 'Pack' })
export const Tier = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    typical: credits,
    low: credits,
    high: credits,
    ttl_seconds: z.int(),
  })
  .meta({ id: 'Tier' })
export const Estimate = z
  .strictObject({ tier: z.string(), typical: credits, low: credits, high: credits, reserve: credits, usd: z.string() })
  .meta({ id: 'Estimate' })

export const Quote = z
  .strictObject({
    id: z.string().max(MAX_QUOTE_ID_LENGTH).meta({ description: 'Opaque; what a reservation brings as `quote`.' }),
    tier: z.string(),
    typical: credits,
    low: credits,
    high: credits,
    reserve: credits,
    max_credits: credits.meta({ description: 'The most that the review will be charged, whatever it costs.' }),
    expires_at: time,
  })
  .meta({ id: 'Quote' })

const share = z.number().min(0).max(1).nullable()
const accuracyFigures = z.strictObject({
  in_range: share.meta({
    description: 'Share of reviews whose cost lay within `low` and `high`; null if none was judged.',
  }),
  covered_by_hold: share.meta({ description: 'Share of reviews whose cost was not above `reserve`.' }),
  median_error: z
    .number()
    .min(0)
    .nullable()
    .meta({ description: 'Half of the reviews cost no more than this share of `typical` more or less than that.' }),
})
export const EstimateAccuracy = z
  .strictObject({
    data: z.array(
      z.strictObject({
        tier: z.string(),
        reviews: z.int().meta({ description: 'Settled reviews that had been asked for by their facts.' }),
        with_calibration: accuracyFigures.meta({ description: 'Of what was announced.' }),
        without_calibration: accuracyFigures.meta({
          description: 'Of what the plain formula says of the same reviews.',
        }),
      }),
    ),
    complete_to: z.int().meta({ description: 'The number of the last entry that was learned from.' }),
  })
  .meta({ id: 'EstimateAccuracy' })

const usageSums = {
  reviews: z.int(),
  charged: credits,
  absorbed: credits,
  cost_usd: z.string(),
  byok_reviews: z.int(),
  byok_cost_usd: z.string(),
}
export const UsageLine = z
  .strictObject({
    day: z.string().optional(),
    tier: z.string().optional(),
    repository: z.string().optional(),
    ...usageSums,
  })
  .meta({ id: 'UsageLine' })

export const Audit = z
  .strictObject({
    ok: z.boolean(),
    checked: z.strictObject({
      entries: z.int(),
      history: z.int(),
      reservations: z.int(),
      grants: z.int(),
      purchases: z.int(),
    }),
    byok_secret: z.enum(['newest', 'older', 'unlisted']).nullable().meta({
      description: "Which of BYOK_SECRETS seals the account's own key; null without one.",
    }),
    differences: z.array(z.string()),
  })
  .meta({ id: 'Audit' })

export const ReservationAnswer = z
  .strictObject({ reservation: Reservation, balance: Balance })
  .meta({ id: 'ReservationAnswer' })
export const GrantAnswer = z.strictObject({ grant: Grant, balance: Balance }).meta({ id: 'GrantAnswer' })

const problemCodes = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]
export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(problemCodes),
  })
  .meta({ id: 'Problem', description: 'RFC 9457; the numbers that belong to the code stand beside it.' })

export const BatchAnswer = z
  .strictObject({
    results: z.array(
      z.union([
        z.strictObject({ status: z.int(), reservation: Reservation }),
        z.strictObject({ status: z.int(), problem: Problem }),
      ]),
    ),
    balance: Balance,
  })
  .meta({ id: 'BatchAnswer' })

export function listOf(item: z.ZodType) {
  return z.strictObject({ data: z.array(item), next_cursor: z.string().nullable() })
}

export function allOf(item: z.ZodType) {
  return z.strictObject({ data: z.array(item) })
}
