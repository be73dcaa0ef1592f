/** Opaque cursors: where the next page begins. They hold a position, never a permission. */
import * as z from 'zod'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { invalidField, type Problem } from './problems.ts'

export const NumberPosition = z.int().min(1)
/** Behind the thing of this id, in a list of the newest first. */
export const AgePosition = z.strictObject({ createdAt: z.int(), id: z.string() })

export function toCursor(position: unknown): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(position)))
}

/** The position in a cursor, `null` without one, or the problem with it. */
export function fromCursor<T>(
  cursor: string | undefined,
  schema: z.ZodType<T>,
): { readonly ok: true; readonly position: T | null } | { readonly ok: false; readonly problem: Problem } {
  if (cursor === undefined) return { ok: true, position: null }
  const parsed = schema.safeParse(decode(cursor))
  if (!parsed.success) return { ok: false, problem: invalidField('cursor', 'is not one of ours') }
  return { ok: true, position: parsed.data }
}

/** A page of what was read with one more than `limit`, so that the last page is known without counting. */
export function toPage<T>(items: readonly T[], limit: number, position: (item: T) => unknown) {
  const data = items.slice(0, limit)
  const last = data.at(-1)
  return { data, next_cursor: items.length > limit && last !== undefined ? toCursor(position(last)) : null }
}

function decode(cursor: string): unknown {
  try {
    const bytes = fromBase64Url(cursor)
    return bytes === null ? undefined : JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}
