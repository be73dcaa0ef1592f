/** Lines of the ledger as a table: what happened in words, and what it did to the balance. On a phone each is a card. */
import type { FC } from 'hono/jsx'
import type { HistoryEntry } from '../history/read.ts'
import { change, credits, time, worth } from './format.ts'
import { Heading } from './table.tsx'
import { explain } from './words.ts'

/** Where there is nothing to say. */
const NONE = '–'

interface LedgerProps {
  readonly caption: string
  readonly entries: readonly HistoryEntry[]
  /** On the page of a review its lines need no link to it. */
  readonly linked?: boolean
}

export const Ledger: FC<LedgerProps> = ({ caption, entries, linked = true }) => (
  <section class="card">
    <table class="ledger">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <Heading name="When" />
          <Heading name="What happened" />
          <Heading name="Change" number />
          <Heading name="Available" number />
          <Heading name="Reserved" number />
          <Heading name="USD" number />
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <Line entry={entry} linked={linked} />
        ))}
      </tbody>
    </table>
  </section>
)

const Line: FC<{ entry: HistoryEntry; linked: boolean }> = ({ entry, linked }) => (
  <tr>
    <td class="when">
      <time datetime={new Date(entry.at).toISOString()}>{time(entry.at)}</time>
    </td>
    <td class="what">
      {linked && entry.reservation !== null ? (
        <a class="quiet" href={reviewPath(entry.reservation)}>
          {explain(entry)}
        </a>
      ) : (
        explain(entry)
      )}{' '}
      <Marks entry={entry} />
    </td>
    <td class={`number ${entry.availableDelta > 0 ? 'more' : ''}`} data-name="Change">
      {entry.availableDelta === 0 ? NONE : change(entry.availableDelta)}
    </td>
    <td class="number" data-name="Available">
      {credits(entry.available)}
    </td>
    <td class="number" data-name="Reserved">
      {credits(entry.reserved)}
    </td>
    <td class={usdOf(entry) === NONE ? 'number none' : 'number'} data-name="USD">
      {usdOf(entry)}
    </td>
  </tr>
)

const Marks: FC<{ entry: HistoryEntry }> = ({ entry }) => (
  <>
    {entry.mode === 'byok' ? <span class="badge">BYOK</span> : null}{' '}
    {entry.late === 1 ? <span class="badge warn">late</span> : null}{' '}
    {entry.absorbed > 0 ? <span class="badge good">absorbed {credits(entry.absorbed)}</span> : null}{' '}
    {entry.debt > 0 ? <span class="badge bad">owed {credits(entry.debt)}</span> : null}
  </>
)

export function reviewPath(reservation: string): string {
  return `/billing/reviews/${encodeURIComponent(reservation)}`
}

/** What a review cost in dollars: in credits, or on the customer's own key. */
function usdOf({ mode, actual, charged }: HistoryEntry): string {
  if (mode === 'byok') return actual === null ? NONE : worth(actual)
  return charged === 0 ? NONE : worth(charged)
}
