/** What the rounds say: ratios within each round, their median and spread, and whether each floor is kept. */
import { type HistoryRound, PASTS, type Past } from './history.ts'
import type { LatencyPoint } from './latency.ts'
import type { LoadResult } from './load.ts'
import { BUSY_CONNECTIONS, type Measurement } from './measure.ts'
import type { ManyDue } from './moments.ts'
import type { Profile } from './profile.ts'
import type { Subject } from './subject.ts'

export type Round = Readonly<Record<Subject, Measurement>> & { readonly postgres: LoadResult | null }
export type PastRound = Readonly<Record<Past, HistoryRound>>

/** All that one run found; what it was not asked for is empty. */
export interface Results {
  readonly rounds: readonly Round[]
  readonly pasts: readonly PastRound[]
  readonly latency: readonly LatencyPoint[]
  readonly due: readonly ManyDue[]
  readonly catchUpSeconds: number | null
  /** Reserves a second of the function alone, by one client and by 32. */
  readonly postgresAlone: { readonly one: number; readonly many: number } | null
  readonly profile: Profile | null
}

export interface Figure {
  readonly what: string
  /** One for each round. */
  readonly values: readonly number[]
  readonly median: number
  /** `null` where a figure is only for comparison. */
  readonly bound: Bound | null
  readonly kept: boolean
}

interface Bound {
  readonly floor: number
  readonly aim: number
  /** Whether less is better: floor and aim are then upper bounds. */
  readonly lessIsBetter?: boolean
}

export function figuresOf({ rounds, pasts, due, catchUpSeconds }: Results): Figure[] {
  const busy = `reserve, c=${BUSY_CONNECTIONS}, requests/s`
  const hot = (what: string, bound: Bound | null, of: (round: Round) => number) =>
    figure(what, rounds.map(of).filter(Number.isFinite), bound)
  const past = (what: string, bound: Bound | null, of: (round: PastRound) => number) =>
    figure(what, pasts.map(of), bound)
  const watched = (what: string, bound: Bound | null, of: (watch: ManyDue) => number) =>
    figure(what, due.map(of), bound)
  const longestAllowed = { floor: 50, aim: 50, lessIsBetter: true }
  const others = PASTS.filter((name) => name !== 'empty')
  return [
    hot(
      `${busy}: real / noop`,
      { floor: 0.45, aim: 0.8 },
      ({ real, noop }) => real.busy.perSecond / noop.busy.perSecond,
    ),
    hot(
      `${busy}: real / naive`,
      { floor: 1.8, aim: 3 },
      ({ real, naive }) => real.busy.perSecond / naive.busy.perSecond,
    ),
    hot(`${busy}: real, history too / naive`, null, ({ real, naive }) =>
      real.sustained === null ? Number.NaN : real.sustained.perSecond / naive.busy.perSecond,
    ),
    hot(
      'reserve, c=1, p50: real / naive',
      { floor: 1.25, aim: 1.05, lessIsBetter: true },
      ({ real, naive }) => real.quiet.p50Ms / naive.quiet.p50Ms,
    ),
    hot(`${busy}: real / PostgreSQL behind Hono on Node`, null, ({ real, postgres }) =>
      postgres === null ? Number.NaN : real.busy.perSecond / postgres.perSecond,
    ),
    ...others.map((name) =>
      past(
        `reviews/s, ${name} / empty`,
        name === '1,000,000 closed' ? { floor: 0.9, aim: 1 } : null,
        (round) => round[name].reviewsPerSecond / round.empty.reviewsPerSecond,
      ),
    ),
    ...others.map((name) =>
      past(
        `opening after eviction, ${name} / empty`,
        name === '1,000,000 closed' ? { floor: 1.5, aim: 1.1, lessIsBetter: true } : null,
        (round) => round[name].openingMs / round.empty.openingMs,
      ),
    ),
    watched('10,000 due at once: another account waits at most, ms', longestAllowed, ({ expiringMs }) => expiringMs),
    watched('before anything is due, ms', null, ({ beforeMs }) => beforeMs),
    watched('while history takes what that made, ms', null, ({ historyMs }) => historyMs),
    figure('history catches up on 100,000 entries, s', catchUpSeconds === null ? [] : [catchUpSeconds], {
      ...{ floor: 60, aim: 20, lessIsBetter: true },
    }),
  ].filter(({ values }) => values.length > 0)
}

export function report(results: Results, figures: readonly Figure[]): string {
  const parts = figures.length > 0 ? [table(figures)] : []
  if (results.rounds.length > 0) parts.push(rates(results))
  if (results.latency.length > 0) parts.push(latencies(results.latency))
  if (results.profile !== null) parts.push(stages(results.profile))
  return parts.join('\n\n')
}

function table(figures: readonly Figure[]): string {
  const line = ({ what, values, median, bound, kept }: Figure) => [
    what,
    median.toFixed(2),
    Math.min(...values).toFixed(2),
    Math.max(...values).toFixed(2),
    bound === null ? '' : `${bound.lessIsBetter === true ? '<=' : '>='} ${bound.floor}`,
    bound === null ? '' : String(bound.aim),
    bound === null ? '' : kept ? 'kept' : 'MISSED',
  ]
  const head = ['', 'median', 'lowest', 'highest', 'floor', 'aim', '']
  return `Ratios, each within its round\n${columns([head, ...figures.map(line)])}`
}

function rates({ rounds, postgresAlone }: Results): string {
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
  const hasPostgres = rounds.some(({ postgres }) => postgres !== null)
  const alone =
    postgresAlone === null
      ? []
      : [
          ['PostgreSQL, the function alone, c=1', postgresAlone.one.toFixed(0), '', ''],
          ['PostgreSQL, the function alone, c=32', postgresAlone.many.toFixed(0), '', ''],
        ]
  const lines = [
    ['', 'requests/s', 'p50 ms', 'p99 ms'],
    line(`real, ${c}`, ({ real }) => real.busy),
    line(`real, ${c}, history too`, ({ real }) => real.sustained),
    line(`noop, ${c}`, ({ noop }) => noop.busy),
    line(`naive, ${c}`, ({ naive }) => naive.busy),
    ...(hasPostgres ? [line(`PostgreSQL behind Hono on Node, ${c}`, ({ postgres }) => postgres)] : []),
    line('real, c=1', ({ real }) => real.quiet),
    line('noop, c=1', ({ noop }) => noop.quiet),
    line('naive, c=1', ({ naive }) => naive.quiet),
    ...alone,
  ]
  return `Medians on this machine, shared with the load; they say nothing about Cloudflare\n${columns(lines)}`
}

function latencies(points: readonly LatencyPoint[]): string {
  const lines = points.map(({ ratePerSecond, perSecond, p50Ms, p99Ms, dropped }) => [
    `${ratePerSecond} sent a second`,
    ...[perSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), String(dropped)],
  ])
  return `Latency against load\n${columns([['', 'answered/s', 'p50 ms', 'p99 ms', 'dropped'], ...lines])}`
}

function stages({ stages, samples, isolateShare }: Profile): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  const ofCpu = isolateShare === null ? '' : `, which is ${percent(isolateShare)} of workerd's CPU time`
  const lines = stages.map(({ stage, share }) => [stage, percent(share)])
  return `Where a reserve's time goes: ${samples} samples of our isolate${ofCpu}\n${columns(lines)}`
}

function figure(what: string, values: readonly number[], bound: Bound | null): Figure {
  const middle = median(values)
  const kept = bound === null || (bound.lessIsBetter === true ? middle <= bound.floor : middle >= bound.floor)
  return { what, values, median: middle, bound, kept }
}

export function median(values: readonly number[]): number {
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
