/** How long the client waits before it asks again. */
import { expect, test } from 'vitest'
import { MAX_RETRY_AFTER_MS, pauseMs, readRetryAfter } from '../../../src/client/backoff.ts'

const BACKOFF = { firstMs: 100, maxMs: 1_000 }

test('a pause is anywhere below a limit that doubles up to its maximum', () => {
  for (const [failures, limit] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1_000],
    [1_000_000, 1_000],
  ] as const) {
    expect(pauseMs(BACKOFF, failures, null, () => 0)).toBe(0)
    expect(pauseMs(BACKOFF, failures, null, () => 0.999)).toBeCloseTo(limit * 0.999)
  }
})

test('what the server asks for is waited for in full, within reason, and never in step with others', () => {
  expect(pauseMs(BACKOFF, 1, 5_000, () => 0)).toBe(5_000)
  expect(pauseMs(BACKOFF, 1, 5_000, () => 0.5)).toBe(5_050)
  expect(pauseMs(BACKOFF, 1, 1e12, () => 0)).toBe(MAX_RETRY_AFTER_MS)
})

test('Retry-After is read as seconds or as a date of the server, by the clock of the server', () => {
  const now = Date.parse('2026-11-25T00:00:00Z')
  expect(readRetryAfter(null, null, now)).toBeNull()
  expect(readRetryAfter(' 7 ', null, now)).toBe(7_000)
  expect(readRetryAfter('Wed, 25 Nov 2026 00:00:09 GMT', null, now)).toBe(9_000)
  expect(readRetryAfter('Thu, 26 Nov 2026 00:00:09 GMT', 'Thu, 26 Nov 2026 00:00:00 GMT', now), 'a day off').toBe(9_000)
  expect(readRetryAfter('Tue, 24 Nov 2026 00:00:00 GMT', null, now), 'past').toBe(0)
  for (const nonsense of ['', '-1', '1.5', 'soon'])
    expect(readRetryAfter(nonsense, null, now), nonsense).toSatisfy(isSafe)
})

/** Either nothing, or a time that is bounded anyway. */
function isSafe(value: unknown): boolean {
  return value === null || (typeof value === 'number' && value >= 0)
}
