/** The last attempts of auto top-up, with why those failed that did. */
import type { FC } from 'hono/jsx'
import type { Purchase } from '../../ledger/purchase.ts'
import { dollars, time } from '../format.ts'
import { Heading, Scrolling } from '../table.tsx'
import { StateBadge } from './tables.tsx'
import { packName, reasonOf } from './words.ts'

export const Attempts: FC<{ attempts: readonly Purchase[] }> = ({ attempts }) => (
  <section class="card" aria-labelledby="attempts-title">
    <h2 id="attempts-title">Last top-ups</h2>
    {attempts.length === 0 ? (
      <p class="empty">Auto top-up has not charged anything yet.</p>
    ) : (
      <Scrolling name="Attempts">
        <table class="stack">
          <thead>
            <tr>
              <Heading name="When" />
              <Heading name="Pack" />
              <Heading name="Price" number />
              <Heading name="What became of it" />
            </tr>
          </thead>
          <tbody>
            {attempts.map((attempt) => (
              <Line attempt={attempt} />
            ))}
          </tbody>
        </table>
      </Scrolling>
    )}
  </section>
)

const Line: FC<{ attempt: Purchase }> = ({ attempt }) => {
  const { id, pack, priceCents, createdAt, failure, paidByCustomer } = attempt
  return (
    <tr>
      <td class="date">{time(createdAt)}</td>
      <td data-name="Pack">
        <a href={`/billing/purchases/${id}`}>{packName(pack)}</a>
      </td>
      <td data-name="Price" class="number">
        {dollars(priceCents)}
      </td>
      <td data-name="What became of it" class="all">
        <StateBadge purchase={attempt} />
        {failure === null || paidByCustomer ? null : <div class="hint reason">{reasonOf(failure)}</div>}
      </td>
    </tr>
  )
}
