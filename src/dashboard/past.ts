/**
 * What the dashboard shows of history. It is read beside the balance and never in its way: where history cannot be read,
 * that is logged, and the page says so and shows the rest.
 */
import { readMoments, readTierDays, type TierDay } from '../history/overview.ts'
import { readWatermark } from '../history/read.ts'
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import type { Balance } from '../ledger/balance.ts'
import { balanceByDay, DAY_MS, dayOf, daysBetween, isoDay, type Series, useByTier } from './charts.tsx'

const CHART_DAYS = 30

/** What was used this month. */
export interface MonthSoFar {
  readonly charged: Millicredits
  /** What reviews on the customer's own key would have come to. */
  readonly byokCost: Millicredits
  readonly from: EpochMs
  /** Whether history has every entry that the balance has. */
  readonly complete: boolean
}

export interface Past {
  readonly month: MonthSoFar
  readonly days: readonly EpochMs[]
  readonly use: readonly Series[]
  readonly balance: readonly Series[]
}

export async function readMonth(db: D1Database, account: string, balance: Balance): Promise<MonthSoFar | null> {
  return orNull(account, async () => {
    const from = monthStart(balance.asOf)
    // Before the sums, so that it never claims more than they have.
    const watermark = await readWatermark(db, account)
    return monthSoFar(await readTierDays(db, account, isoDay(from), isoDay(balance.asOf)), from, watermark, balance)
  })
}

/** The last 30 days, today with them, and this month, which is at most a day longer. */
export async function readPast(db: D1Database, account: string, balance: Balance): Promise<Past | null> {
  return orNull(account, async () => {
    const today = dayOf(balance.asOf)
    const days = daysBetween(today - (CHART_DAYS - 1) * DAY_MS, today)
    const month = monthStart(balance.asOf)
    const watermark = await readWatermark(db, account)
    const first = Math.min(month, days[0] ?? today)
    const [lines, ends] = await Promise.all([
      readTierDays(db, account, isoDay(first), isoDay(today)),
      // Today ends with the balance itself, which history may not have yet.
      readMoments(db, account, days.slice(1)),
    ])
    const { available, reserved, version } = balance
    const now = { before: balance.asOf, seq: version, available, reserved }
    return {
      month: monthSoFar(lines, month, watermark, balance),
      days,
      use: useByTier(days, lines),
      balance: balanceByDay([...ends, now]),
    }
  })
}

function monthSoFar(lines: readonly TierDay[], from: EpochMs, watermark: number, balance: Balance): MonthSoFar {
  const first = isoDay(from)
  const sum = (of: (line: TierDay) => Millicredits) =>
    lines.reduce((total, line) => (line.day >= first ? total + of(line) : total), 0)
  const [charged, byokCost] = [sum((line) => line.charged), sum((line) => line.byokCost)]
  return { charged, byokCost, from, complete: watermark >= balance.version }
}

/** The first instant of the month, in UTC. */
export function monthStart(at: EpochMs): EpochMs {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

async function orNull<T>(account: string, read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    console.error({ message: 'history was not read', account, error: String(error) })
    return null
  }
}
