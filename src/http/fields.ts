/** What the fields of the contract are made of: amounts, times, texts and ids, as they come in. */
import * as z from 'zod'
import { ACCOUNT_ID } from '../account/requests.ts'
import { creditsToMillicredits, MAX_MILLICREDITS, millicreditsToCredits } from '../ledger/amounts.ts'
import { CALLER_ID, OUR_GRANT_ID } from './ids.ts'

export const MAX_CREDITS = millicreditsToCredits(MAX_MILLICREDITS)
const SMALLEST_CREDITS = 0.001
/** Of one review: far above any, and far enough below all that an account can count (R20) for one mistake not to fill it. */
export const MAX_REVIEW_CREDITS = 1_000_000_000

/** Beyond the range it is for `max` to say so; beyond what JSON keeps exact, no number is what was meant. */
export const exactCredits = z
  .number()
  .refine((credits) => Math.abs(credits) <= Number.MAX_SAFE_INTEGER, 'is not a number that JSON keeps exact')
  .refine(
    (credits) => Math.abs(credits) > MAX_CREDITS || creditsToMillicredits(credits) !== null,
    'has more than 3 decimals',
  )
  .meta({ description: 'Credits, with at most 3 decimals.' })
export const positiveCredits = exactCredits.min(SMALLEST_CREDITS).max(MAX_CREDITS)
export const reviewCredits = positiveCredits.max(MAX_REVIEW_CREDITS)
export const spentCredits = exactCredits.min(0).max(MAX_REVIEW_CREDITS)

/** The last instant that RFC 3339 can write: an offset may reach beyond it, and the answer would then be no such time. */
const LAST_TIME_MS = Date.parse('9999-12-31T23:59:59.999Z')
export const timestamp = z.iso
  .datetime({ offset: true })
  .refine((time) => Date.parse(time) <= LAST_TIME_MS, 'is after the year 9999')
  .meta({ description: 'RFC 3339, for example 2026-11-22T10:00:00.000Z.' })

/** Half of a surrogate pair is stored as another character, so a repeated request would differ from the first (R3). */
export const textUpTo = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .refine((text) => text.isWellFormed(), 'is not well-formed Unicode')

export const AccountId = z
  .string()
  .regex(ACCOUNT_ID, 'must be 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit')
export const CallerId = z.string().regex(CALLER_ID, 'must be 1 to 128 of A-Z, a-z, 0-9 and . _ : @ ~ -')
export const GrantId = CallerId.refine((id) => !OUR_GRANT_ID.test(id), 'begins like the ids of our own grants')

const MAX_PAIRS = 16
const MAX_KEY_LENGTH = 40
export const Metadata = z
  .record(textUpTo(500).min(1), textUpTo(500))
  .superRefine((metadata, context) => {
    const tooBig = (maximum: number, path: string[]) =>
      context.addIssue({ code: 'too_big', origin: 'object', maximum, inclusive: true, path })
    if (Object.keys(metadata).length > MAX_PAIRS) tooBig(MAX_PAIRS, [])
    for (const key of Object.keys(metadata)) if (key.length > MAX_KEY_LENGTH) tooBig(MAX_KEY_LENGTH, [key])
  })
  .meta({
    maxProperties: MAX_PAIRS,
    propertyNames: { minLength: 1, maxLength: MAX_KEY_LENGTH },
    description: 'At most 16 pairs; `repository` and `pull_request` are the keys that usage groups by.',
  })

/** Where a browser is sent back to. */
export const pageUrl = z.url({ protocol: /^https?$/ }).max(2_000)
