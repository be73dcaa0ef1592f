/**
 * The parts of the dashboard that change while it is looked at. Each has an id, and stands alone in the fragment that
 * assets/static/live.js fetches after a change, so that the server alone writes words and numbers.
 */
import type { Child, FC } from 'hono/jsx'
import type { AutoTopUpView } from '../account/topping-up.ts'
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import type { Balance } from '../ledger/balance.ts'
import type { Reservation } from '../ledger/reservation.ts'
import { topUpWords } from './billing/top-up-words.ts'
import { tierName } from './charts.tsx'
import { credits, day, time, worth } from './format.ts'
import type { MonthSoFar } from './past.ts'
import { numbered } from './usage-tables.tsx'

/** As the documentation says: a review that is still processing after more than 15 minutes is stuck. */
const STUCK_AFTER_MS = 15 * 60_000
const MINUTE_MS = 60_000

/** The longest running that are shown, so that no stuck one is missed; more than this many at once is rare. */
export const MAX_HELD = 50

/** Where credits come from, where that matters: what ends, and what is owed. */
export const BalanceParts: FC<{ account: string; balance: Balance }> = ({ account, balance }) => {
  const { trial, promotional, debt } = balance
  return (
    <div id="balance-parts" data-part data-account={account}>
      {debt > 0 ? (
        <p class="note bad">
          You owe {credits(debt)} credits: a refund or a dispute took back what was already spent, or a review cost more
          than you had. The next credits pay for it first.
        </p>
      ) : null}
      <ul class="parts">
        {trial === null ? null : <li>{trialWords(trial.available + trial.reserved, trial.expiresAt)}</li>}
        {promotional.nextExpiresAt === null ? null : (
          <li>
            <strong>{credits(promotional.available + promotional.reserved)}</strong> promotional credits; the first of
            them end on {time(promotional.nextExpiresAt)}
          </li>
        )}
      </ul>
    </div>
  )
}

function trialWords(left: Millicredits, expiresAt: EpochMs): Child {
  if (left === 0) return `Your trial credits are used up; the trial ends on ${time(expiresAt)}`
  return (
    <>
      <strong>{credits(left)}</strong> trial credits, used before any others, until {time(expiresAt)}
    </>
  )
}

export const InProgress: FC<{ held: readonly Reservation[]; now: EpochMs }> = ({ held, now }) => (
  <section class="card" id="in-progress" data-part aria-labelledby="in-progress-title">
    <h2 id="in-progress-title">Reviews in progress</h2>
    {held.length === 0 ? (
      <p class="empty">No review is running. What one will cost is held here while it runs.</p>
    ) : (
      <ul class="reviews">
        {held.slice(0, MAX_HELD).map((reservation) => (
          <Review reservation={reservation} now={now} />
        ))}
      </ul>
    )}
    {held.length > MAX_HELD ? <p class="soft">The {MAX_HELD} that run for longest are shown; there are more.</p> : null}
  </section>
)

const Review: FC<{ reservation: Reservation; now: EpochMs }> = ({ reservation, now }) => {
  const { tier, mode, held, metadata, createdAt, expiresAt, onExpiry } = reservation
  const isStuck = now - createdAt > STUCK_AFTER_MS
  const subject = subjectOf(metadata)
  return (
    <li>
      <div class="what">
        <strong>{tier === null ? 'Review' : tierName(tier)}</strong>
        {isStuck ? (
          <>
            {' '}
            <span class="badge warn">Stuck</span>
          </>
        ) : null}
        <a class="subject" href={`/billing/reviews/${encodeURIComponent(reservation.id)}`}>
          {subject ?? reservation.id}
        </a>
      </div>
      <div class="amount">
        {mode === 'byok' ? <span class="badge">BYOK</span> : <strong>{credits(held)}</strong>}
        {mode === 'byok' ? null : ' held'}
      </div>
      <div class="times soft">
        Since <time datetime={new Date(createdAt).toISOString()}>{time(createdAt)}</time>, until{' '}
        <time datetime={new Date(expiresAt).toISOString()}>{time(expiresAt)}</time> at the latest
      </div>
      {isStuck ? (
        <p class="words">
          It has been running for {Math.floor((now - createdAt) / MINUTE_MS)} minutes, longer than reviews take.{' '}
          {ending(mode === 'byok' ? null : onExpiry)}
        </p>
      ) : null}
    </li>
  )
}

/** What becomes of a stuck review's credits if nothing more is heard of it. */
function ending(onExpiry: Reservation['onExpiry'] | null): string {
  if (onExpiry === null) return 'It holds no credits.'
  return onExpiry === 'release'
    ? 'Unless it ends before, all its credits come back to you then.'
    : 'Unless it ends before, you are then charged what it has used so far, and the rest comes back to you.'
}

/** `acme/api #118` */
function subjectOf(metadata: Reservation['metadata']): string | null {
  const { repository, pull_request: pullRequest } = metadata
  const parts = [repository ?? '', numbered(pullRequest ?? '')].filter((part) => part !== '')
  return parts.length === 0 ? null : parts.join(' ')
}

/** `null` where history could not be read. */
export const Month: FC<{ month: MonthSoFar | null }> = ({ month }) => (
  <Tile id="month" title="Used this month">
    {month === null ? (
      <p class="note warn">History cannot be read at the moment. Your balance is not affected.</p>
    ) : (
      <>
        <p class="big">
          {credits(month.charged)} <span class="unit">credits</span>
        </p>
        <p class="soft">
          {worth(month.charged)} of AI API cost since {day(month.from)}
          {month.complete ? '.' : '; the latest changes are being added.'}
        </p>
        {month.byokCost === 0 ? null : (
          <p class="saved">
            Your own key saved you <strong>{credits(month.byokCost)}</strong> credits.
          </p>
        )}
        <p>
          <a href="/usage">See what used them</a>
        </p>
      </>
    )}
  </Tile>
)

export const TopUp: FC<{ view: AutoTopUpView; byok: boolean }> = ({ view, byok }) => {
  const { tone, word, title, sentence, link } = topUpWords(view)
  // What is said of credits that run out would not be true of reviews that need none.
  const isNeedless = byok && view.state === 'off'
  return (
    <Tile id="top-up" title="Auto top-up">
      <p>
        <span class={`badge ${tone}`}>{word}</span> {title}
      </p>
      <p>{isNeedless ? 'Reviews run on your own key, so they need no credits.' : sentence}</p>
      <p>
        <a href="/billing/auto-top-up">{link}</a>
      </p>
    </Tile>
  )
}

const Tile: FC<{ id: string; title: string; children?: Child }> = ({ id, title, children }) => (
  <section class="card" id={id} data-part aria-labelledby={`${id}-title`}>
    <h2 id={`${id}-title`}>{title}</h2>
    {children}
  </section>
)
