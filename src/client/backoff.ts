/** How long to wait before the same is asked again: longer each time, never in step with others, as long as was asked. */

export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
}

/** A server that asks for more is asked again after this all the same: it may mean well and be wrong. */
export const MAX_RETRY_AFTER_MS = 300_000

/** Doubles up to here; further it would only overflow. */
const MAX_DOUBLINGS = 30

/**
 * Full jitter: anywhere between nothing and the limit, which doubles. Many runners fail at one moment, and must not come
 * back at one moment; so it comes on top of what the server asked for, too.
 */
export function pauseMs(backoff: Backoff, failures: number, retryAfterMs: number | null, random: () => number): number {
  const limit = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, MAX_DOUBLINGS))
  return Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS) + random() * limit
}

/**
 * Seconds, or an HTTP date. A date is the server's, so it is compared with the server's own clock where the answer has
 * it: ours may be a day off. `null` without one, or if it cannot be read.
 */
export function readRetryAfter(retryAfter: string | null, date: string | null, nowMs: number): number | null {
  if (retryAfter === null) return null
  const text = retryAfter.trim()
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const at = Date.parse(text)
  if (!Number.isFinite(at)) return null
  const now = date === null ? Number.NaN : Date.parse(date)
  return Math.max(0, at - (Number.isFinite(now) ? now : nowMs))
}
