/**
 * History: the ledger, newest first, filtered and paged by key. It is read from D1, which trails the account by a
 * moment; where it does, the page says so.
 */
import type { Hono } from 'hono'
import type { FC } from 'hono/jsx'
import * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import { type EntryFilter, type HistoryEntry, readEntries, readWatermark } from '../../history/read.ts'
import { csvOfEntries } from '../../http/csv.ts'
import { fromCursor, NumberPosition, toCursor } from '../../http/cursor.ts'
import { ENTRY_KINDS } from '../../ledger/entry.ts'
import { Ledger } from '../entries.tsx'
import { count } from '../format.ts'
import { Frame, type PageContext, type Pages, show } from '../page.tsx'
import { Pager } from '../pager.tsx'
import { refusedPage } from '../refusals.tsx'
import { KIND_NAMES } from '../words.ts'

const PATH = '/billing/history'
const PAGE = 50
const DAY_MS = 24 * 60 * 60 * 1000

/** What was asked for, as it stands in the form. What makes no sense counts as not said, and the form shows that. */
const FilterQuery = z.object({
  kind: z.enum(ENTRY_KINDS).optional().catch(undefined),
  from: z.iso.date().optional().catch(undefined),
  to: z.iso.date().optional().catch(undefined),
  review: z
    .string()
    .trim()
    .transform((id) => (id === '' ? undefined : id.slice(0, MAX_ID_LENGTH)))
    .optional(),
})
type Asked = z.output<typeof FilterQuery>

const MAX_ID_LENGTH = 128

export function historyPages(app: Hono<Pages>): void {
  app.get(PATH, async (context) => {
    const { account, caller } = context.get('visitor')
    const asked = FilterQuery.parse(context.req.query())
    const described = await askAccount(context.env, account, (object) => object.describe(caller))
    if (!described.ok) return refusedPage(context, described.refusal)
    const cursor = fromCursor(context.req.query('cursor'), NumberPosition)
    if (!cursor.ok) return context.redirect(PATH + toQuery(asked), 303)
    const { details, balance } = described
    // Before the page, so that it never claims more than the page could show.
    const completeTo = await readWatermark(context.env.HISTORY, account)
    const found = await readEntries(context.env.HISTORY, account, toFilter(asked), cursor.position, PAGE + 1)
    const entries = found.slice(0, PAGE)
    const last = found.length > PAGE ? entries.at(-1) : undefined
    return show(
      context,
      <Frame title="History" section={PATH} account={details.name ?? account}>
        <Filter asked={asked} />
        <Trailing missing={balance.version - completeTo} />
        <Found entries={entries} isFiltered={Object.values(asked).some((value) => value !== undefined)} />
        <Pager
          of="history"
          newest={cursor.position === null ? null : PATH + toQuery(asked)}
          older={last === undefined ? null : PATH + toQuery(asked, toCursor(last.seq))}
        />
      </Frame>,
    )
  })

  app.get(`${PATH}.csv`, async (context: PageContext) => {
    const { account, caller } = context.get('visitor')
    const admitted = await askAccount(context.env, account, (object) => object.admit(caller))
    if (!admitted.ok) return refusedPage(context, admitted.refusal)
    return csvOfEntries(context.env.HISTORY, account, toFilter(FilterQuery.parse(context.req.query())))
  })
}

const Filter: FC<{ asked: Asked }> = ({ asked }) => (
  <form class="card filter" method="get" action={PATH}>
    <label>
      What
      <select name="kind">
        <option value="">Everything</option>
        {ENTRY_KINDS.map((kind) => (
          <option value={kind} selected={kind === asked.kind}>
            {KIND_NAMES[kind]}
          </option>
        ))}
      </select>
    </label>
    <label>
      From
      <input type="date" name="from" value={asked.from ?? ''} />
    </label>
    <label>
      Up to
      <input type="date" name="to" value={asked.to ?? ''} />
    </label>
    <label>
      Review
      <input name="review" value={asked.review ?? ''} maxlength={MAX_ID_LENGTH} autocomplete="off" />
    </label>
    <div class="row">
      <button type="submit">Show</button>
      <a class="button second" href={PATH}>
        Reset
      </a>
      <a class="button second" href={`${PATH}.csv${toQuery(asked)}`} download>
        CSV
      </a>
    </div>
    <p class="hint">Days are UTC, both counted. The CSV has every line of what is shown, on all pages.</p>
  </form>
)

const Trailing: FC<{ missing: number }> = ({ missing }) =>
  missing <= 0 ? null : (
    <p class="note" role="status">
      {missing === 1 ? 'The newest line is' : `The newest ${count(missing)} lines are`} still on the way here. Your
      balance counts {missing === 1 ? 'it' : 'them'} already.
    </p>
  )

const Found: FC<{ entries: readonly HistoryEntry[]; isFiltered: boolean }> = ({ entries, isFiltered }) => {
  if (entries.length > 0) return <Ledger caption="Newest first; amounts are credits" entries={entries} />
  return (
    <p class="card empty">
      {isFiltered ? (
        <>
          Nothing matches. <a href={PATH}>Show everything</a>
        </>
      ) : (
        'Nothing has happened yet. Credits that you buy and reviews that you run appear here.'
      )}
    </p>
  )
}

function toFilter({ kind, from, to, review }: Asked): EntryFilter {
  return {
    kind,
    reservation: review,
    from: from === undefined ? undefined : Date.parse(from),
    to: to === undefined ? undefined : Date.parse(to) + DAY_MS,
  }
}

/** The same filter again, in a link. */
function toQuery(asked: Asked, cursor?: string): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...asked, cursor })) if (value !== undefined) query.set(name, value)
  return query.size === 0 ? '' : `?${query}`
}
