/** Time in tests of payments: the Worker's and Stripe's go on together, and only when they are told to. */
import { vi } from 'vitest'
import { control } from './stripe.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS

/** From here on it is so late, for the Worker and for a double that is new. Call `vi.useRealTimers` in the end. */
export async function stopClocksAt(now: number): Promise<void> {
  const { nowMs } = await control('/clock', {}, 'GET')
  await control('/clock', { advanceMs: now - nowMs })
  vi.useFakeTimers({ toFake: ['Date'], now })
}

export async function passTime(ms: number): Promise<void> {
  await control('/clock', { advanceMs: ms })
  vi.setSystemTime(Date.now() + ms)
}

/** Noon in the middle of the month that comes next, so that no test depends on the day on which it runs. */
export function midMonth(): number {
  const today = new Date()
  return Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 14, 12)
}

/** The first instant of the month after the one of `at`. */
export function nextMonth(at: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}
