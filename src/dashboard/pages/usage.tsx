/** Usage: what reviews cost in a period, by day, tier and repository, and the dearest pull requests. */
import type { Hono } from 'hono'
import type { FC } from 'hono/jsx'
import { askAccount } from '../../account/client.ts'
import { type Look, readDearest, readTierDays } from '../../history/overview.ts'
import { readUsage, readWatermark } from '../../history/read.ts'
import { Chart, DAY_MS, daysBetween, isoDay, useByTier } from '../charts.tsx'
import { count, day } from '../format.ts'
import { Frame, type Pages, show } from '../page.tsx'
import { type Period, periodOf } from '../period.ts'
import { refusedPage } from '../refusals.tsx'
import { DearestTable, Summary, UsageTable } from '../usage-tables.tsx'

const MAX_PULL_REQUESTS = 20

export function usagePages(app: Hono<Pages>): void {
  app.get('/usage', async (context) => {
    const { account, caller } = context.get('visitor')
    const described = await askAccount(context.env, account, (object) => object.describe(caller))
    if (!described.ok) return refusedPage(context, described.refusal)
    const { details, balance } = described
    const period = periodOf(context.req.query(), balance.asOf)
    const look = context.req.query('look') === 'further' ? 'further' : 'near'
    const usage = await readAll(context.env.HISTORY, account, period, look)
    const days = daysBetween(period.first, period.last)
    return show(
      context,
      <Frame title="Usage" section="/usage" account={details.name ?? account} scripts={['vendor/uPlot.iife.min.js']}>
        <Choice period={period} />
        {usage.completeTo < balance.version ? <Behind missing={balance.version - usage.completeTo} /> : null}
        <Summary lines={usage.byTier} />
        <Chart
          id="use-by-day"
          title="Credits used, by day and tier"
          kind="bars"
          days={days}
          series={useByTier(days, usage.tierDays)}
          empty="No credits were used in these days."
        />
        <UsageTable title="By tier" by="tier" lines={usage.byTier} />
        <UsageTable title="By repository" by="repository" lines={usage.byRepository} />
        <DearestTable dearest={usage.dearest} further={furtherOf(period)} />
        <UsageTable title="By day" by="day" lines={usage.byDay} />
        <script type="module" src="/static/charts.js"></script>
      </Frame>,
      period.problem === null ? 200 : 422,
    )
  })
}

/** The same days once more, with more of them looked at. */
function furtherOf({ first, last }: Period): string {
  return `/usage?from=${isoDay(first)}&to=${isoDay(last)}&look=further#dearest`
}

async function readAll(db: D1Database, account: string, { first, last }: Period, look: Look) {
  // Before the sums, so that it never claims more than they have.
  const completeTo = await readWatermark(db, account)
  const range = { from: isoDay(first), to: isoDay(last) }
  const [byDay, byTier, byRepository, tierDays, dearest] = await Promise.all([
    readUsage(db, account, range, 'day'),
    readUsage(db, account, range, 'tier'),
    readUsage(db, account, range, 'repository'),
    readTierDays(db, account, range.from, range.to),
    readDearest(db, account, { from: first, to: last + DAY_MS }, MAX_PULL_REQUESTS, look),
  ])
  return { completeTo, byDay, byTier, byRepository, tierDays, dearest }
}

const Choice: FC<{ period: Period }> = ({ period }) => (
  <section class="card choice" aria-label="Period">
    <p class="row">
      <a href="/usage" class="pill" aria-current={period.name === 'month' ? 'true' : undefined}>
        This month
      </a>
      <a href="/usage?period=days" class="pill" aria-current={period.name === 'days' ? 'true' : undefined}>
        Last 30 days
      </a>
    </p>
    <form method="get" action="/usage" class="row">
      <label>
        From
        <input type="date" name="from" value={isoDay(period.first)} />
      </label>
      <label>
        To
        <input type="date" name="to" value={isoDay(period.last)} />
      </label>
      <button type="submit" class="second">
        Show
      </button>
    </form>
    {period.problem === null ? null : (
      <p class="note bad" role="alert">
        {period.problem} This month is shown.
      </p>
    )}
    <p class="soft">
      {day(period.first)} to {day(period.last)}, days in UTC
    </p>
  </section>
)

const Behind: FC<{ missing: number }> = ({ missing }) => (
  <p class="note warn">
    History is catching up: the latest {missing === 1 ? 'change is' : `${count(missing)} changes are`} not in these
    numbers yet. Your balance is up to date all the same.
  </p>
)
