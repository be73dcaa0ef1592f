/** What the rounds say: ratios within each round, their median and spread, and whether each floor is kept. */
import type { LoadResult } from './load.ts'
import type { Measurement, Subject } from './measure.ts'
import { BUSY_CONNECTIONS } from './measure.ts'

export type Round = Readonly<Record<Subject, Measurement>>

export interface Ratio {
  readonly what: string
  /** One for each round. */
  readonly values: readonly number[]
  readonly median: number
  readonly floor: number
  readonly aim: number
  /** Whether less is better: floor and aim are then upper bounds. */
  readonly lessIsBetter: boolean
  readonly kept: boolean
}

export function ratiosOf(rounds: readonly Round[]): Ratio[] {
  const busy = `reserve, c=${BUSY_CONNECTIONS}, requests/s`
  return [
    ratio(
      rounds,
      `${busy}: real / noop`,
      { floor: 0.45, aim: 0.8 },
      ({ real, noop }) => real.busy.perSecond / noop.busy.perSecond,
    ),
    ratio(
      rounds,
      `${busy}: real / naive`,
      { floor: 1.8, aim: 3 },
      ({ real, naive }) => real.busy.perSecond / naive.busy.perSecond,
    ),
    ratio(
      rounds,
      'reserve, c=1, p50: real / naive',
      { floor: 1.25, aim: 1.05, lessIsBetter: true },
      ({ real, naive }) => real.quiet.p50Ms / naive.quiet.p50Ms,
    ),
  ]
}

export function table(rounds: readonly Round[], ratios: readonly Ratio[]): string {
  const c = `c=${BUSY_CONNECTIONS}`
  const line = (name: string, load: (round: Round) => LoadResult | null) => {
    const loads = rounds.flatMap((round) => load(round) ?? [])
    const of = (figure: (result: LoadResult) => number) => median(loads.map(figure))
    return [
      name,
      of(({ perSecond }) => perSecond).toFixed(0),
      of(({ p50Ms }) => p50Ms).toFixed(2),
      of(({ p99Ms }) => p99Ms).toFixed(2),
    ]
  }
  return [
    'Ratios, each within its round',
    columns([
      ['', 'median', 'lowest', 'highest', 'floor', 'aim', ''],
      ...ratios.map(({ what, values, median, floor, aim, lessIsBetter, kept }) => [
        what,
        median.toFixed(2),
        Math.min(...values).toFixed(2),
        Math.max(...values).toFixed(2),
        `${lessIsBetter ? '<=' : '>='} ${floor}`,
        String(aim),
        kept ? 'kept' : 'MISSED',
      ]),
    ]),
    '',
    'Medians on this machine, shared with the load; they say nothing about Cloudflare',
    columns([
      ['', 'requests/s', 'p50 ms', 'p99 ms'],
      line(`real, ${c}`, ({ real }) => real.busy),
      line(`real, ${c}, history too`, ({ real }) => real.sustained),
      line(`noop, ${c}`, ({ noop }) => noop.busy),
      line(`naive, ${c}`, ({ naive }) => naive.busy),
      line('real, c=1', ({ real }) => real.quiet),
      line('noop, c=1', ({ noop }) => noop.quiet),
      line('naive, c=1', ({ naive }) => naive.quiet),
    ]),
  ].join('\n')
}

function ratio(
  rounds: readonly Round[],
  what: string,
  { floor, aim, lessIsBetter = false }: { floor: number; aim: number; lessIsBetter?: boolean },
  of: (round: Round) => number,
): Ratio {
  const values = rounds.map(of)
  const middle = median(values)
  return {
    what,
    values,
    median: middle,
    floor,
    aim,
    lessIsBetter,
    kept: lessIsBetter ? middle <= floor : middle >= floor,
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** The first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
  return rows.map((row) => `  ${line(row).join('  ')}`.trimEnd()).join('\n')
}
