/**
 * The contract: the schemas that validate every request and from which the OpenAPI document is made. Inside, what they
 * let through is trusted.
 */
import * as z from 'zod'
import { REGIONS } from '../account/client.ts'
import { COMPLEXITIES, SPECIALISTS } from '../catalog/estimates.ts'
import { TIER_IDS } from '../catalog/tiers.ts'
import { USAGE_GROUPS } from '../history/read.ts'
import { millicreditsToCredits, usdToMillicredits } from '../ledger/amounts.ts'
import { ENTRY_KINDS } from '../ledger/entry.ts'
import {
  CallerId,
  exactCredits,
  MAX_CREDITS,
  MAX_REVIEW_CREDITS,
  Metadata,
  pageUrl,
  positiveCredits,
  reviewCredits,
  spentCredits,
  textUpTo,
  timestamp,
} from './fields.ts'
import { MAX_QUOTE_ID_LENGTH } from './quotes.ts'

const reviewFacts = {
  tier: z.enum(TIER_IDS),
  diff_lines: z.int().min(0).max(10_000_000).meta({ description: 'Lines added plus lines removed.' }),
  files: z.int().min(0).max(1_000_000),
  repository_complexity: z.enum(COMPLEXITIES).default('medium'),
  specialists: z
    .array(z.enum(SPECIALISTS))
    .max(SPECIALISTS.length)
    .optional()
    .meta({ description: 'Deep Analysis only; all four unless some are named.' }),
  repository: textUpTo(500).min(1).optional(),
}

export const EstimateBody = z.strictObject(reviewFacts).meta({ id: 'ReviewFacts' })

const ttlSeconds = z.int().min(60).max(86_400)

const reserveFields = z.strictObject({
  credits: reviewCredits
    .optional()
    .meta({ description: 'These, or `quote`, or `tier` and the other facts of the review.' }),
  quote: textUpTo(MAX_QUOTE_ID_LENGTH)
    .min(1)
    .optional()
    .meta({ description: 'The id of a quote: holds its `reserve`, and never costs more than its `max_credits`.' }),
  ...z.object({ ...reviewFacts, repository_complexity: z.enum(COMPLEXITIES) }).partial().shape,
  ttl_seconds: ttlSeconds.optional().meta({ description: 'Default by tier: 300, 900, 2700; without one 900.' }),
  max_credits: reviewCredits.optional().meta({
    description:
      'Default: twice the upper end of the tier, or twice `credits`; of a quote its own, which is also the most.',
  }),
  overage: z
    .enum(['available', 'cap', 'debt'])
    .default('available')
    .meta({ description: 'Cost above the hold: takes free credits, is absorbed, or is owed where the account may.' }),
  supersedes: CallerId.optional().meta({ description: 'A reservation that is released in the same step.' }),
  on_expiry: z
    .enum(['release', 'settle_accrued'])
    .default('release')
    .meta({ description: 'When time runs out: return all, or all but what was last reported as `accrued`.' }),
  wait_seconds: z.int().min(0).max(30).optional().meta({
    description: 'How long this call waits for credits before it is refused. No part of what is reserved.',
  }),
  dedupe_key: CallerId.optional().meta({
    description: 'A reservation made with the same key in the last 60 s, and not released, is the answer.',
  }),
  metadata: Metadata.default({}),
})

const FACTS_FIELDS = ['tier', 'diff_lines', 'files', 'repository_complexity', 'specialists', 'repository'] as const

export const ReserveBody = reserveFields.superRefine(checkReserve).meta({ id: 'Reserve' })
export type ReserveBody = z.output<typeof ReserveBody>

/** One of credits, a quote and facts; facts whole; no hold above the cap. */
function checkReserve(body: z.output<typeof reserveFields>, context: z.RefinementCtx): void {
  const differ = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
  const whole = (['credits', 'quote'] as const).find((field) => body[field] !== undefined)
  if (whole !== undefined) {
    for (const field of ['quote', ...FACTS_FIELDS] as const) {
      if (field !== whole && body[field] !== undefined) differ(field, `stands beside ${whole}; name one of them`)
    }
    if (body.credits !== undefined && body.max_credits !== undefined && body.max_credits < body.credits)
      differ('max_credits', 'is less than credits')
    return
  }
  if (body.tier === undefined) differ('credits', 'is missing, and so are quote and tier')
  else for (const field of ['diff_lines', 'files'] as const) if (body[field] === undefined) differ(field, 'is missing')
}

const MAX_REVIEW_USD = MAX_REVIEW_CREDITS / 100

function checkCost(usd: string, context: z.RefinementCtx): void {
  const cost = usdToMillicredits(usd)
  if (cost === null) {
    context.addIssue({ code: 'custom', message: 'must be a decimal of USD with at most 8 decimals' })
  } else if (millicreditsToCredits(cost) > MAX_REVIEW_CREDITS) {
    context.addIssue({ code: 'too_big', origin: 'number', maximum: MAX_REVIEW_USD, inclusive: true })
  }
}

export const SettleBody = z
  .strictObject({
    credits: spentCredits.optional(),
    cost_usd: z
      .string()
      .superRefine(checkCost)
      .optional()
      .meta({ description: 'A decimal string of USD, rounded up to the next thousandth of a credit.' }),
  })
  .refine(
    (body) => (body.credits === undefined) !== (body.cost_usd === undefined),
    'must have exactly one of credits and cost_usd',
  )
  .meta({ id: 'Settle' })

export const ReleaseBody = z.strictObject({ reason: textUpTo(500).optional() }).meta({ id: 'Release' })

export const ExtendBody = z
  .strictObject({
    ttl_seconds: ttlSeconds.optional(),
    credits: spentCredits.optional(),
    accrued: spentCredits.optional(),
  })
  .meta({ id: 'Extend' })

const MAX_BATCH = 1_000

/** Each command is validated by itself, so that one that is wrong does not take the others with it. */
export const BatchBody = z.strictObject({ commands: z.array(z.unknown()).min(1).max(MAX_BATCH) }).meta({
  id: 'Batch',
  description: 'Each command is `{ op, id, … }` with the fields of its single call but `wait_seconds`.',
})

export const BatchCommand = z.looseObject({ op: z.enum(['reserve', 'settle', 'release', 'extend']), id: CallerId })

export const AccountBody = z
  .strictObject({
    name: textUpTo(200).nullable().optional(),
    email: z.email().max(320).nullable().optional(),
    region: z.enum(REGIONS).optional(),
    allow_debt: z.boolean().optional(),
    trial: z
      .strictObject({ credits: positiveCredits, days: z.int().min(1).max(365) })
      .nullable()
      .optional()
      .meta({ description: 'Decided once, at creation. Default: 100 credits for 14 days; null for none.' }),
  })
  .meta({ id: 'OpenAccount' })

export const GrantBody = z
  .strictObject({
    kind: z.enum(['promotional', 'adjustment']),
    credits: exactCredits
      .min(-MAX_CREDITS)
      .max(MAX_CREDITS)
      .refine((credits) => credits !== 0, 'must not be 0'),
    expires_at: timestamp.nullable().default(null),
    reason: textUpTo(500).min(1),
  })
  .superRefine((body, context) => {
    if (body.credits >= 0) return
    if (body.kind !== 'adjustment')
      context.addIssue({ code: 'custom', path: ['credits'], message: 'is negative; only an adjustment may be' })
    if (body.expires_at !== null)
      context.addIssue({ code: 'custom', path: ['expires_at'], message: 'has no meaning for a negative adjustment' })
  })
  .meta({ id: 'GiveGrant' })

export const KeyBody = z
  .strictObject({
    scope: z.enum(['billing', 'runner', 'read']),
    name: textUpTo(100).optional(),
    expires_at: timestamp.optional(),
  })
  .meta({ id: 'MintKey' })

/** As Anthropic makes them, with room for how it may make them; what is sent is in no answer and no log. */
const API_KEY = /^sk-ant-[A-Za-z0-9_-]{20,200}$/
export const ByokBody = z
  .strictObject({
    api_key: z
      .string()
      .regex(API_KEY, 'is no Anthropic API key: sk-ant- and then 20 to 200 of A-Z, a-z, 0-9, _ and -')
      .meta({ description: "The customer's own Anthropic API key." }),
  })
  .meta({ id: 'PutByok' })

export const DashboardSessionBody = z
  .strictObject({
    return_url: pageUrl.optional().meta({ description: 'Where logging out leads to; https where the dashboard is.' }),
  })
  .meta({ id: 'DashboardSession' })

const page = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1_024).optional(),
}
export const PageQuery = z.strictObject(page)
export const ReservationsQuery = z.strictObject({
  ...page,
  state: z.enum(['held', 'settled', 'released', 'expired']).optional(),
})
export const EntriesQuery = z.strictObject({
  ...page,
  kind: z.enum(ENTRY_KINDS).optional(),
  from: timestamp.optional(),
  to: timestamp.optional(),
  reservation: CallerId.optional(),
})
const day = z.iso.date()
export const UsageQuery = z.strictObject({
  from: day.optional(),
  to: day.optional(),
  group_by: z.enum(USAGE_GROUPS).default('day'),
})
export const ByokKeyQuery = z.strictObject({ reservation: CallerId })
export const NoQuery = z.strictObject({})
