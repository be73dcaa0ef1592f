/** The stretch of days that a page is asked for. Days are UTC, as history has them; both ends are counted. */
import type { EpochMs } from '../ledger/amounts.ts'
import { DAY_MS, dayOf } from './charts.tsx'
import { monthStart } from './past.ts'

export const LAST_DAYS = 30
/** A year of days is a page that can still be read, and a chart that can still be drawn. */
export const MAX_DAYS = 366

export type PeriodName = 'month' | 'days' | 'own'

export interface Period {
  readonly name: PeriodName
  /** The first instants of its first and last day. */
  readonly first: EpochMs
  readonly last: EpochMs
  /** Why it is not the one that was asked for. */
  readonly problem: string | null
}

/** The period of a query: `from` and `to`, or `period=days`, or else this month. What makes no sense is this month too. */
export function periodOf(query: Readonly<Record<string, string | undefined>>, now: EpochMs): Period {
  const { from = '', to = '', period } = query
  const today = dayOf(now)
  const month: Period = { name: 'month', first: monthStart(now), last: today, problem: null }
  if (from === '' && to === '') {
    return period === 'days' ? { ...month, name: 'days', first: today - (LAST_DAYS - 1) * DAY_MS } : month
  }
  const last = to === '' ? today : parseDay(to)
  const first = from === '' ? (last === null ? null : monthStart(last)) : parseDay(from)
  if (first === null || last === null) return { ...month, problem: 'Please write both days as year, month and day.' }
  if (first > last) return { ...month, problem: 'The first day is after the last one.' }
  if ((last - first) / DAY_MS >= MAX_DAYS) return { ...month, problem: 'Please choose a year at most.' }
  return { name: 'own', first, last, problem: null }
}

/** `2026-11-24`; `null` for anything else, the 31st of February with it. */
function parseDay(text: string): EpochMs | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null
  const at = Date.parse(`${text}T00:00:00Z`)
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text ? null : at
}
