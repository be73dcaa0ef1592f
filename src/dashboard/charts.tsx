/**
 * A chart as the page carries it: its data as JSON for the script, its legend, and the same numbers in a table for
 * whoever sees no chart. What draws it is assets/static/charts.js.
 */
import { raw } from 'hono/html'
import type { FC } from 'hono/jsx'
import { TIER_IDS, TIERS, type TierId } from '../catalog/tiers.ts'
import type { Moment, TierDay } from '../history/overview.ts'
import { type EpochMs, type Millicredits, millicreditsToCredits } from '../ledger/amounts.ts'
import { credits, day as dayName } from './format.ts'
import { Heading } from './table.tsx'

export const DAY_MS = 86_400_000

export interface Series {
  readonly name: string
  /** The class of its colour, `hue-` and a letter. */
  readonly hue: 'a' | 'b' | 'c' | 'd'
  /** One of each day; `null` where nothing is known. */
  readonly values: readonly (Millicredits | null)[]
}

interface ChartProps {
  readonly id: string
  readonly title: string
  /** Bars are stacked; lines are not. */
  readonly kind: 'bars' | 'lines'
  /** The first instants of the days. */
  readonly days: readonly EpochMs[]
  readonly series: readonly Series[]
  /** What stands in its place while there is nothing to show. */
  readonly empty: string
}

export const Chart: FC<ChartProps> = ({ id, title, kind, days, series, empty }) => (
  <section class="card" id={`${id}-card`} data-chart-card aria-labelledby={id}>
    <h2 id={id}>{title}</h2>
    {series.every(({ values }) => values.every((value) => value === null || value === 0)) ? (
      <p class="empty">{empty}</p>
    ) : (
      <>
        <div class="chart" data-chart={kind} aria-hidden="true">
          <div class="plot"></div>
          <p class="readout"></p>
          <ul class="legend">
            {series.map(({ name, hue }) => (
              <li>
                <span class={`swatch hue-${hue}`}></span>
                {name}
              </li>
            ))}
          </ul>
          <script type="application/json">{raw(chartJson(days, series))}</script>
        </div>
        <details>
          <summary>The same in numbers</summary>
          <ChartTable title={title} days={days} series={series} />
        </details>
      </>
    )}
  </section>
)

const ChartTable: FC<Pick<ChartProps, 'title' | 'days' | 'series'>> = ({ title, days, series }) => (
  <section class="table low" tabindex={0} aria-label={`${title}, in numbers`}>
    <table>
      <thead>
        <tr>
          <Heading name="Day" />
          {series.map(({ name }) => (
            <Heading name={name} number />
          ))}
        </tr>
      </thead>
      <tbody>
        {days
          .map((day, index) => (
            <tr>
              <th scope="row" class="number">
                {dayName(day)}
              </th>
              {series.map(({ values }) => (
                <td class="number">{cell(values[index])}</td>
              ))}
            </tr>
          ))
          .reverse()}
      </tbody>
    </table>
  </section>
)

function cell(value: Millicredits | null | undefined): string {
  return value === null || value === undefined ? '–' : credits(value)
}

/** Days are named here, so that the script needs no calendar. Without a `<` it cannot end the script element. */
function chartJson(days: readonly EpochMs[], series: readonly Series[]): string {
  const inCredits = (value: Millicredits | null) => (value === null ? null : millicreditsToCredits(value))
  const data = {
    days: days.map(dayName),
    series: series.map(({ name, values }) => ({ name, values: values.map(inCredits) })),
  }
  return JSON.stringify(data).replaceAll('<', '\\u003c')
}

/** The first instants of the days from one to another, both of them counted. */
export function daysBetween(first: EpochMs, last: EpochMs): EpochMs[] {
  return Array.from({ length: Math.round((last - first) / DAY_MS) + 1 }, (_, index) => first + index * DAY_MS)
}

/** The first instant of a day, in UTC. */
export function dayOf(at: EpochMs): EpochMs {
  return at - (at % DAY_MS)
}

/** `2026-11-24`, as history writes days. */
export function isoDay(at: EpochMs): string {
  return new Date(at).toISOString().slice(0, 10)
}

export function tierName(tier: string): string {
  return (TIERS as Partial<Record<string, { readonly name: string }>>)[tier]?.name ?? (tier === '' ? 'Other' : tier)
}

const HUES: Readonly<Record<TierId, Series['hue']>> = { quick_scan: 'a', code_review: 'b', deep_analysis: 'c' }

/** Credits charged on each day: a series of each tier, and one of what has no tier of ours, if there is any. */
export function useByTier(days: readonly EpochMs[], lines: readonly TierDay[]): Series[] {
  const known = new Set<string>(TIER_IDS)
  const valuesOf = (isOfSeries: (tier: string) => boolean) => {
    const sums = new Map<string, number>()
    for (const { day, tier, charged } of lines) {
      if (isOfSeries(tier)) sums.set(day, (sums.get(day) ?? 0) + charged)
    }
    return days.map((day) => sums.get(isoDay(day)) ?? 0)
  }
  const series: Series[] = TIER_IDS.map((id) => ({
    name: TIERS[id].name,
    hue: HUES[id],
    values: valuesOf((tier) => tier === id),
  }))
  const values = valuesOf((tier) => !known.has(tier))
  return values.every((value) => value === 0) ? series : [...series, { name: 'Other', hue: 'd', values }]
}

/** The balance at the end of each day: `ends` are the moments just before the next; nothing is known before the first entry. */
export function balanceByDay(ends: readonly Moment[]): Series[] {
  const valuesOf = (value: (end: Moment) => Millicredits) => ends.map((end) => (end.seq === 0 ? null : value(end)))
  return [
    { name: 'Available', hue: 'b', values: valuesOf((end) => end.available) },
    { name: 'Total', hue: 'c', values: valuesOf((end) => end.available + end.reserved) },
  ]
}
