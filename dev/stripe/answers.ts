/**
 * Idempotency: the first answer to a key is kept for 24 hours by the double's clock and given again, whatever it was,
 * unless the request never began. Then the key is free, and the same key charges again.
 */
import { createHash } from 'node:crypto'
import type { Books } from './books.ts'
import { Refusal } from './refusal.ts'

export interface StoredAnswer {
  readonly route: string
  readonly request: string
  readonly status: number
  readonly body: string
  readonly requestId: string
  readonly at: number
}

const KEPT_FOR_MS = 24 * 60 * 60 * 1000
const MAX_KEY_LENGTH = 255

/** The path and the parameters, in one word. */
export function fingerprint(path: string, body: string): string {
  return createHash('sha256').update(`${path}\n${body}`).digest('hex')
}

/** The answer that this key has already got; a refusal if the key was for something else. */
export function storedAnswer(
  books: Books,
  key: string,
  path: string,
  request: string,
  nowMs: number,
): StoredAnswer | undefined {
  if (key.length > MAX_KEY_LENGTH) {
    throw idempotency(400, `The Idempotency-Key may have up to ${MAX_KEY_LENGTH} characters.`)
  }
  const stored = books.note('answer', key)
  if (stored === undefined || stored.at + KEPT_FOR_MS <= nowMs) return undefined
  if (stored.route !== path) {
    throw idempotency(
      400,
      `Keys for idempotent requests can only be used for the same endpoint they were first used for ('${path}' vs '${stored.route}'). Try using a key other than '${key}' if you meant to execute a different request.`,
    )
  }
  if (stored.request !== request) {
    throw idempotency(
      400,
      `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
    )
  }
  return stored
}

export function keyInUse(key: string): Refusal {
  const message = `There is currently another in-progress request using this Stripe Key or Idempotent Key: ${key}.`
  return idempotency(409, message, 'idempotency_key_in_use')
}

function idempotency(status: number, message: string, code?: 'idempotency_key_in_use'): Refusal {
  return new Refusal(status, { type: 'idempotency_error', message, ...(code === undefined ? {} : { code }) })
}
