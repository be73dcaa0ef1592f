/** One review's whole story: what was held for it, what it cost, what came back, and what another run would cost now. */
import type { Hono } from 'hono'
import type { FC } from 'hono/jsx'
import * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import type { Estimate, ReviewFacts } from '../../catalog/estimates.ts'
import { type HistoryEntry, readEntries } from '../../history/read.ts'
import { toFacts } from '../../http/commands.ts'
import { EstimateBody } from '../../http/contract.ts'
import { CALLER_ID } from '../../http/ids.ts'
import { parseQuote } from '../../http/quotes.ts'
import type { EpochMs, Millicredits } from '../../ledger/amounts.ts'
import type { RequestFields, Reservation } from '../../ledger/reservation.ts'
import { Ledger } from '../entries.tsx'
import { credits, time, worth } from '../format.ts'
import { Frame, type Pages, show } from '../page.tsx'
import { notFound, refusedPage } from '../refusals.tsx'
import { capitalized, nameOfReview, STATE_NAMES } from '../words.ts'

/** A runner that raises its hold with every heartbeat writes many lines; the newest tell the end of the story. */
const MAX_LINES = 200

/** The facts among all that a request says. */
const Facts = z.object(EstimateBody.shape)

export function reviewPages(app: Hono<Pages>): void {
  app.get('/billing/reviews/:id', async (context) => {
    const { account, caller } = context.get('visitor')
    const id = context.req.param('id')
    if (!CALLER_ID.test(id)) return notFound(context)
    const [described, found] = await Promise.all([
      askAccount(context.env, account, (object) => object.describe(caller)),
      askAccount(context.env, account, (object) => object.reservation(caller, id)),
    ])
    if (!described.ok) return refusedPage(context, described.refusal)
    if (!found.ok) return refusedPage(context, found.refusal)
    const { reservation } = found
    const facts = factsOf(reservation.request)
    const again =
      facts === null ? null : await askAccount(context.env, account, (object) => object.estimate(caller, facts))
    if (again?.ok === false) return refusedPage(context, again.refusal)
    // Its own id: it may have been asked for under another of its names.
    const filter = { reservation: reservation.id }
    const entries = await readEntries(context.env.HISTORY, account, filter, null, MAX_LINES)
    const { details, balance } = described
    return show(
      context,
      <Frame
        title={capitalized(nameOfReview(reservation))}
        section="/billing/history"
        account={details.name ?? account}
      >
        <p class="row">
          <State reservation={reservation} now={balance.asOf} />
          <span class="soft">
            <code>{reservation.id}</code>
          </span>
          <a href="/billing/history">All history</a>
        </p>
        <Figures reservation={reservation} />
        <div class="grid">
          <Terms reservation={reservation} />
          <AnotherRun estimate={again?.estimate ?? null} />
        </div>
        <Story reservation={reservation} entries={entries} />
      </Frame>,
    )
  })
}

const State: FC<{ reservation: Reservation; now: EpochMs }> = ({ reservation, now }) => {
  const { state, mode, late, createdAt } = reservation
  const tones = { held: 'badge', settled: 'badge good', released: 'badge', expired: 'badge warn' } as const
  return (
    <>
      <span class={tones[state]}>{STATE_NAMES[state]}</span>
      {state === 'held' && now - createdAt > STUCK_AFTER_MS ? <span class="badge warn">stuck</span> : null}
      {mode === 'byok' ? <span class="badge">BYOK</span> : null}
      {late ? <span class="badge warn">reported late</span> : null}
    </>
  )
}

/** Longer than any review should take. */
const STUCK_AFTER_MS = 15 * 60_000

const Figures: FC<{ reservation: Reservation }> = ({ reservation }) => {
  const { mode, held, charged, returned, absorbed, actual, maxCredits, quote } = reservation
  const beyondQuote = quote === null ? 0 : Math.max(0, (actual ?? 0) - maxCredits)
  if (mode === 'byok') {
    return (
      <section class="card" aria-label="What it cost">
        <dl class="figures">
          <Figure name="Credits used" text="0" />
          <Figure name="Credits saved" text={ofCredits(actual)} />
          <Figure name="Cost on your own key" text={actual === null ? '–' : worth(actual)} />
        </dl>
      </section>
    )
  }
  return (
    <section class="card" aria-label="What it cost">
      <dl class="figures">
        <Figure name="Credits used" text={ofCredits(charged)} />
        <Figure name="In USD" text={charged === null ? '–' : worth(charged)} />
        <Figure name="Held" text={credits(held)} />
        <Figure name="Returned" text={ofCredits(returned)} />
        {absorbed === null || absorbed === 0 ? null : <Figure name="Absorbed" text={credits(absorbed)} />}
      </dl>
      {absorbed === null || absorbed === 0 ? null : (
        <p class="hint">
          {beyondQuote > 0
            ? `The review cost ${credits(beyondQuote)} credits more than was quoted. The quote was kept: you did not pay for them.`
            : 'Absorbed is what the review cost beyond its limit; you did not pay for it.'}
        </p>
      )}
    </section>
  )
}

const Figure: FC<{ name: string; text: string }> = ({ name, text }) => (
  <div>
    <dt>{name}</dt>
    <dd>{text}</dd>
  </div>
)

const Terms: FC<{ reservation: Reservation }> = ({ reservation }) => {
  const { createdAt, closedAt, expiresAt, maxCredits, overage, mode, metadata, state, quote } = reservation
  const beyond = {
    available: 'taken from your available credits',
    cap: 'absorbed, not charged',
    debt: 'taken from your available credits, then owed',
  }
  return (
    <section class="card" aria-labelledby="terms">
      <h2 id="terms">Terms</h2>
      <dl class="terms">
        <dt>Started</dt>
        <dd>{time(createdAt)}</dd>
        {closedAt === null ? null : [<dt>Ended</dt>, <dd>{time(closedAt)}</dd>]}
        {state === 'held'
          ? [<dt>{mode === 'byok' ? 'Ends at the latest' : 'Held until'}</dt>, <dd>{time(expiresAt)}</dd>]
          : null}
        {mode === 'byok'
          ? [<dt>Paid for</dt>, <dd>by you, on your own Anthropic key; no credits</dd>]
          : [<dt>Never costs more than</dt>, <dd>{credits(maxCredits)} credits</dd>, <dt>Cost above the hold</dt>]}
        {mode === 'byok' ? null : <dd>{beyond[overage]}</dd>}
        {mode === 'byok' || quote === null
          ? null
          : [<dt>Price</dt>, <dd>locked by a quote before it began; what it costs beyond is absorbed</dd>]}
        {Object.entries(metadata).map(([name, value]) => [<dt>{KNOWN_NAMES[name] ?? name}</dt>, <dd>{value}</dd>])}
      </dl>
    </section>
  )
}

/** What we know a runner's metadata by; the rest stands under the runner's own names. */
const KNOWN_NAMES: Readonly<Record<string, string>> = { repository: 'Repository', pull_request: 'Pull request' }

/** By what the account's own reviews did cost, and what will be held. */
const AnotherRun: FC<{ estimate: Estimate | null }> = ({ estimate }) => {
  if (estimate === null) {
    return (
      <section class="card" aria-labelledby="again">
        <h2 id="again">Another run</h2>
        <p class="soft">
          This review was asked for by an amount of credits, not by what there was to review, so there is no estimate.
          See <a href="/pricing">what reviews cost</a>.
        </p>
      </section>
    )
  }
  const { typical, low, high, reserve } = estimate
  return (
    <section class="card" aria-labelledby="again">
      <h2 id="again">Another run, today</h2>
      <dl class="figures">
        <Figure name="About" text={`${credits(typical)} credits`} />
      </dl>
      <p class="soft">
        {worth(typical)}; between {credits(low)} and {credits(high)} credits. {credits(reserve)} would be held while it
        runs.
      </p>
    </section>
  )
}

/** What there was to review: as it was named, or as the quote knows it. */
function factsOf(request: RequestFields): ReviewFacts | null {
  const { quote } = request
  if (typeof quote === 'string') return parseQuote(quote)?.facts ?? null
  const named = Facts.safeParse(request)
  return named.success ? toFacts(named.data) : null
}

const Story: FC<{ reservation: Reservation; entries: readonly HistoryEntry[] }> = ({ reservation, entries }) => {
  const isOver = reservation.state === 'held' || entries.some(({ at }) => at === reservation.closedAt)
  return (
    <>
      {isOver && entries.length > 0 ? null : (
        <p class="note" role="status">
          The newest lines of this story are still on the way here. What stands above counts them already.
        </p>
      )}
      {entries.length === 0 ? null : (
        <Ledger
          caption="The whole story, oldest first; amounts are credits"
          entries={[...entries].reverse()}
          linked={false}
        />
      )}
      {entries.length < MAX_LINES ? null : (
        <p class="soft">
          Only the last {MAX_LINES} lines are shown.{' '}
          <a href={`/billing/history.csv?review=${encodeURIComponent(reservation.id)}`}>The CSV has them all.</a>
        </p>
      )}
    </>
  )
}

function ofCredits(amount: Millicredits | null): string {
  return amount === null ? '–' : credits(amount)
}
