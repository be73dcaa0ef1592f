/** What credits cost and what reviews cost: public, the same for everybody, and so cacheable. */
import type { Hono } from 'hono'
import type { FC } from 'hono/jsx'
import { discountPercent, PACKS } from '../../catalog/packs.ts'
import { CAP_FACTOR, TIERS, type TierId } from '../../catalog/tiers.ts'
import { MILLICREDITS_PER_CREDIT } from '../../ledger/amounts.ts'
import { credits, dollars, pricePerCredit, worth } from '../format.ts'
import { Frame, type Pages, show } from '../page.tsx'
import { Heading } from '../table.tsx'

/** The catalogue changes with a deployment. */
const CACHED = 'public, max-age=300'

/** How long a review of each kind takes, as customers are told. */
const DURATIONS: Readonly<Record<TierId, string>> = {
  quick_scan: 'under a minute',
  code_review: '2 to 5 minutes',
  deep_analysis: '5 to 15 minutes',
}

const WHAT_MOVES_IT: Readonly<Record<TierId, string>> = {
  quick_scan: 'Size of the diff, number of files, complexity of the repository',
  code_review: 'Size of the diff, number of files, complexity of the repository',
  deep_analysis:
    'The same, and the specialists: Security, Performance, Quality and Test Coverage each add an eighth of the cost',
}

export function pricingPages(app: Hono<Pages>): void {
  app.get('/pricing', async (context) => {
    const response = await show(
      context,
      <Frame title="Pricing" section={null} account={null}>
        <p class="lead">
          One credit is $0.01 of underlying AI cost. You buy credits in packs, larger packs are cheaper per credit, and
          bought credits never expire.
        </p>
        <Packs />
        <Tiers />
        <p class="row">
          <a class="button" href="/dashboard">
            To the dashboard
          </a>
        </p>
      </Frame>,
    )
    response.headers.set('Cache-Control', CACHED)
    return response
  })
}

const Packs: FC = () => (
  <section aria-labelledby="packs">
    <h2 id="packs">Packs</h2>
    <ul class="packs">
      {PACKS.map((pack) => (
        <li class="card">
          <h3>{pack.name}</h3>
          <p class="price">{dollars(pack.priceCents)}</p>
          <p>{credits(pack.credits * MILLICREDITS_PER_CREDIT)} credits</p>
          <p class="soft">{pricePerCredit(pack)} per credit</p>
          <p>
            {discountPercent(pack) === 0 ? (
              <span class="badge">no discount</span>
            ) : (
              <span class="badge good">{discountPercent(pack)}% off</span>
            )}
          </p>
        </li>
      ))}
    </ul>
  </section>
)

const Tiers: FC = () => (
  <section class="card" aria-labelledby="tiers">
    <h2 id="tiers">What a review costs</h2>
    <table class="stacked">
      <thead>
        <tr>
          <Heading name="Tier" />
          <Heading name="Typically" number />
          <Heading name="Range" number />
          <Heading name="Takes" />
          <Heading name="What moves it" />
        </tr>
      </thead>
      <tbody>
        {Object.values(TIERS).map(({ id, name, typical, low, high }) => (
          <tr>
            <th scope="row">{name}</th>
            <td class="number" data-name="Typically">
              {credits(typical * MILLICREDITS_PER_CREDIT)} credits
              <br />
              <span class="soft">{worth(typical * MILLICREDITS_PER_CREDIT)}</span>
            </td>
            <td class="number" data-name="Range">
              {credits(low * MILLICREDITS_PER_CREDIT)} to {credits(high * MILLICREDITS_PER_CREDIT)}
            </td>
            <td class="keep" data-name="Takes">
              {DURATIONS[id]}
            </td>
            <td data-name="What moves it">{WHAT_MOVES_IT[id]}</td>
          </tr>
        ))}
      </tbody>
    </table>
    <p class="hint under">
      Before a review starts you see its estimate, and that much is held. When it is done you pay what it really cost
      and the rest returns at once; a review that fails costs nothing. Nobody pays more than {CAP_FACTOR} times the
      upper end of the range.
    </p>
  </section>
)
