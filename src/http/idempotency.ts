/** The `Idempotency-Key` of the few calls that make something without a caller's id. */
import type { Context } from 'hono'
import { CallerId } from './fields.ts'
import { invalidField, problemResponse } from './problems.ts'
import type { Http } from './route.ts'

export const IDEMPOTENCY_KEY = { 'Idempotency-Key': 'Your id of this call: repeated under it, nothing is done twice.' }

/** `null` without one; the answer to one that is no id. */
export function idempotencyKeyOf(context: Context<Http>): string | null | Response {
  const key = context.req.header('Idempotency-Key') ?? null
  if (key === null || CallerId.safeParse(key).success) return key
  return problemResponse(invalidField('Idempotency-Key', 'must be 1 to 128 of A-Z, a-z, 0-9 and . _ : @ ~ -'))
}
