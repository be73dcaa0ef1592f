/** Sums of usage as tables: what was reviewed, what was charged for it, and who paid for the rest. */
import type { FC } from 'hono/jsx'
import { type Dearest, LOOKS } from '../history/overview.ts'
import type { UsageGroup, UsageLine } from '../history/read.ts'
import { tierName } from './charts.tsx'
import { count, credits, day, time, worth } from './format.ts'
import { Heading } from './table.tsx'

interface Column {
  readonly title: string
  readonly cell: (line: UsageLine) => string
  /** Columns that say nothing about any line are left out, which phones are thankful for. */
  readonly tells?: (line: UsageLine) => boolean
}

const COLUMNS: readonly Column[] = [
  { title: 'Credits', cell: (line) => credits(line.charged) },
  { title: 'Reviews', cell: (line) => count(line.reviews) },
  { title: 'AI API cost', cell: (line) => worth(line.cost) },
  { title: 'Absorbed', cell: (line) => credits(line.absorbed), tells: (line) => line.absorbed !== 0 },
  { title: 'With own key', cell: (line) => count(line.byokReviews), tells: (line) => line.byokReviews !== 0 },
  { title: 'Own key cost', cell: (line) => worth(line.byokCost), tells: (line) => line.byokReviews !== 0 },
]

const HEADS: Readonly<Record<UsageGroup, string>> = { day: 'Day', tier: 'Tier', repository: 'Repository' }

export const UsageTable: FC<{ title: string; by: UsageGroup; lines: readonly UsageLine[] }> = ({
  title,
  by,
  lines,
}) => {
  const id = `by-${by}`
  // Days come in their order; whoever reads them looks for the last ones.
  const ordered = by === 'day' ? lines.toReversed() : lines
  const columns = COLUMNS.filter(({ tells }) => tells === undefined || lines.some(tells))
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {lines.length === 0 ? (
        <p class="empty">No reviews in this period.</p>
      ) : (
        <section class="table tall" tabindex={0} aria-label={`${title}, in numbers`}>
          <table class="stack sums">
            <thead>
              <tr>
                <Heading name={HEADS[by]} />
                {columns.map((column) => (
                  <Heading name={column.title} number />
                ))}
              </tr>
            </thead>
            <tbody>
              {ordered.map((line) => (
                <tr>
                  <th scope="row" class="name">
                    {nameOf(by, line.group)}
                  </th>
                  {columns.map((column) => (
                    <td class="number" data-name={column.title}>
                      {column.cell(line)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  )
}

function nameOf(by: UsageGroup, group: string): string {
  if (by === 'day') return day(Date.parse(`${group}T00:00:00Z`))
  if (by === 'tier') return tierName(group)
  return group === '' ? 'No repository named' : group
}

/** The whole period in figures; the tiers together are all of it. */
export const Summary: FC<{ lines: readonly UsageLine[] }> = ({ lines }) => {
  const sum = (of: (line: UsageLine) => number) => lines.reduce((total, line) => total + of(line), 0)
  const byokReviews = sum((line) => line.byokReviews)
  const byokCost = sum((line) => line.byokCost)
  const absorbed = sum((line) => line.absorbed)
  return (
    <section class="card" aria-label="The period in sum">
      <dl class="figures">
        <Figure title="Reviews" value={count(sum((line) => line.reviews) + byokReviews)} />
        <Figure title="Credits charged" value={credits(sum((line) => line.charged))} />
        <Figure title="Worth" value={worth(sum((line) => line.charged))} />
        {absorbed === 0 ? null : <Figure title="Absorbed" value={credits(absorbed)} />}
        {byokReviews === 0 ? null : <Figure title="Own key cost" value={worth(byokCost)} />}
        {byokReviews === 0 ? null : <Figure title="Credits saved" value={credits(byokCost)} />}
      </dl>
      {byokReviews === 0 ? null : (
        <p class="soft words">
          {byokReviews === 1 ? 'One review' : `${count(byokReviews)} reviews`} ran on your own key and used no credits.
        </p>
      )}
      {absorbed === 0 ? null : (
        <p class="soft words">
          Absorbed is what reviews cost beyond what you had agreed to. Nobody charged you for it.
        </p>
      )}
    </section>
  )
}

const Figure: FC<{ title: string; value: string }> = ({ title, value }) => (
  <div>
    <dt>{title}</dt>
    <dd>{value}</dd>
  </div>
)

/** What is paid on an own key counts too: the last column is what both cost together. */
const DEAR_COLUMNS = ['Credits', 'Reviews', 'USD'] as const

export const DearestTable: FC<{ dearest: Dearest; further: string }> = ({ dearest, further }) => (
  <section class="card" aria-labelledby="dearest">
    <h2 id="dearest">The dearest pull requests</h2>
    {dearest.pullRequests.length === 0 ? (
      <p class="empty">No pull request was charged for in this period.</p>
    ) : (
      <section class="table tall" tabindex={0} aria-label="The dearest pull requests, in numbers">
        <table class="stack sums">
          <thead>
            <tr>
              <Heading name="Pull request" />
              {DEAR_COLUMNS.map((title) => (
                <Heading name={title} number />
              ))}
            </tr>
          </thead>
          <tbody>
            {dearest.pullRequests.map(({ repository, pullRequest, reviews, charged, byokCost }) => (
              <tr>
                <th scope="row" class="name">
                  {[repository, numbered(pullRequest)].filter((part) => part !== '').join(' ')}
                </th>
                {[credits(charged), count(reviews), worth(charged + byokCost)].map((value, index) => (
                  <td class="number" data-name={DEAR_COLUMNS[index]}>
                    {value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    )}
    {dearest.since === null ? null : (
      <p class="soft words">
        Of the newest {count(LOOKS[dearest.look])} changes of this period only, those since {time(dearest.since)}.{' '}
        {dearest.look === 'near' ? (
          <a href={further}>Look at {count(LOOKS.further)}</a>
        ) : (
          'Choose a shorter period to see what was before.'
        )}
      </p>
    )}
  </section>
)

/** `#118`; runners may name pull requests otherwise too. */
export function numbered(pullRequest: string): string {
  return /^\d+$/.test(pullRequest) ? `#${pullRequest}` : pullRequest
}
