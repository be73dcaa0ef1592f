/** The preview of auto top-up: what the last 30 days would have seen, by day, beside how it was. */
import type { FC } from 'hono/jsx'
import { ENOUGH_CREDITS, PREVIEW_DAYS, type ReadPreview } from '../../history/balances.ts'
import { MILLICREDITS_PER_CREDIT } from '../../ledger/amounts.ts'
import type { PreviewedCharge, PreviewTerms } from '../../ledger/top-up-preview.ts'
import { credits, day, dollars, duration } from '../format.ts'
import { Heading, Scrolling } from '../table.tsx'
import { packName } from './words.ts'

/** Without terms until it is asked for; without a preview where it could not be read. */
export const Preview: FC<{ terms: PreviewTerms | null; preview: ReadPreview | null }> = ({ terms, preview }) => (
  <section class="card" id="preview" aria-labelledby="preview-title">
    <h2 id="preview-title">With these settings, the last {PREVIEW_DAYS} days</h2>
    {terms === null ? (
      <p class="empty">
        Press “Preview” to see what they would have bought, and how long you would have been without credits.
      </p>
    ) : preview === null ? (
      <p class="empty">The preview cannot be shown right now. Everything else works.</p>
    ) : preview.completeTo === 0 ? (
      <p class="empty">There is nothing to look back on yet.</p>
    ) : (
      <Shown terms={terms} preview={preview} />
    )}
  </section>
)

const Shown: FC<{ terms: PreviewTerms; preview: ReadPreview }> = ({ terms, preview }) => {
  const { charges, from, to, isCut, withoutCreditsMs, withoutCreditsAsItWasMs } = preview
  const days = byDay(charges)
  const totalCents = charges.reduce((sum, { priceCents }) => sum + priceCents, 0)
  return (
    <>
      <dl class="figures pairs">
        <div class="small">
          <dt>Charges</dt>
          <dd>{credits(charges.length * MILLICREDITS_PER_CREDIT)}</dd>
        </div>
        <div class="small">
          <dt>In all</dt>
          <dd>{dollars(totalCents)}</dd>
        </div>
        <div class="small">
          <dt>Time without credits</dt>
          <dd>{duration(withoutCreditsMs)}</dd>
        </div>
        <div class="small">
          <dt>As it really was</dt>
          <dd>{duration(withoutCreditsAsItWasMs)}</dd>
        </div>
      </dl>
      {days.length === 0 ? (
        <p class="spaced">
          Nothing would have been bought: you never had fewer than {credits(terms.threshold)} credits.
        </p>
      ) : (
        <Scrolling name="Charges by day">
          <table>
            <thead>
              <tr>
                <Heading name="Day (UTC)" />
                <Heading name="Bought" />
                <Heading name="Charged" number />
              </tr>
            </thead>
            <tbody>
              {days.map(({ name, count, cents }) => (
                <tr>
                  <td class="date">{name}</td>
                  <td>{count === 1 ? packName(terms.pack) : `${count} × ${packName(terms.pack)}`}</td>
                  <td class="number">{dollars(cents)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolling>
      )}
      <p class="hint explained">
        From your own reviews, {day(from)} to {day(to)}, as if no charge had failed.{' '}
        {isCut ? 'You have more entries than are looked at here, so it begins with the newest of them. ' : null}
        You are without credits when fewer than {credits(ENOUGH_CREDITS * MILLICREDITS_PER_CREDIT)} are available: the
        smallest review takes that many. Reviews that were refused for want of credits are not known, so more might have
        been used.
      </p>
    </>
  )
}

function byDay(charges: readonly PreviewedCharge[]) {
  const days = new Map<string, { readonly name: string; count: number; cents: number }>()
  for (const { at, priceCents } of charges) {
    const name = day(at)
    const line = days.get(name) ?? { name, count: 0, cents: 0 }
    line.count += 1
    line.cents += priceCents
    days.set(name, line)
  }
  return [...days.values()]
}
