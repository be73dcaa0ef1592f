/** The first page: the balance, live, what is being reviewed, and the last 30 days. */
import type { Hono } from 'hono'
import type { FC } from 'hono/jsx'
import { askAccount } from '../../account/client.ts'
import type { Balance } from '../../ledger/balance.ts'
import { Chart } from '../charts.tsx'
import { credits, time } from '../format.ts'
import { BalanceParts, InProgress, MAX_HELD, Month, TopUp } from '../now.tsx'
import { Frame, type PageContext, type Pages, show } from '../page.tsx'
import { type Past, readMonth, readPast } from '../past.ts'
import { refusedPage } from '../refusals.tsx'

export function homePages(app: Hono<Pages>): void {
  app.get('/', (context) => context.redirect('/dashboard'))

  app.get('/dashboard', async (context) => {
    const { account } = context.get('visitor')
    const overview = await overviewOf(context)
    if (!overview.ok) return refusedPage(context, overview.refusal)
    const { balance, details, held, autoTopUp, byok } = overview
    const past = await readPast(context.env.HISTORY, account, balance)
    return show(
      context,
      <Frame
        title="Dashboard"
        section="/dashboard"
        account={details.name ?? account}
        scripts={['vendor/uPlot.iife.min.js']}
      >
        <BalanceCard account={account} balance={balance} />
        <InProgress held={held} now={balance.asOf} />
        <div class="grid">
          <Month month={past?.month ?? null} />
          <TopUp view={autoTopUp} byok={byok} />
        </div>
        {past === null ? null : <Charts past={past} />}
        <script type="module" src="/static/live.js"></script>
        <script type="module" src="/static/charts.js"></script>
      </Frame>,
    )
  })

  /** What changes on that page, to be put in place of what stands there; the charts only now and then. */
  app.get('/dashboard/now', async (context) => {
    const { account } = context.get('visitor')
    const overview = await overviewOf(context)
    if (!overview.ok) return refusedPage(context, overview.refusal)
    const { balance, held, autoTopUp, byok } = overview
    const { HISTORY } = context.env
    const past = context.req.query('charts') === undefined ? null : await readPast(HISTORY, account, balance)
    const month = past?.month ?? (await readMonth(HISTORY, account, balance))
    context.header('Cache-Control', 'no-store')
    return context.html(
      <>
        <BalanceParts account={account} balance={balance} />
        <InProgress held={held} now={balance.asOf} />
        <Month month={month} />
        <TopUp view={autoTopUp} byok={byok} />
        {past === null ? null : <Charts past={past} />}
      </>,
    )
  })
}

/** With one more than is shown, so that the page can say that there are more. */
function overviewOf(context: PageContext) {
  const { account, caller } = context.get('visitor')
  return askAccount(context.env, account, (object) => object.overview(caller, MAX_HELD + 1))
}

/** The figures are written by the script too, from the live connection; what they are is in `data-figure`. */
const BalanceCard: FC<{ account: string; balance: Balance }> = ({ account, balance }) => (
  <section class="card" id="balance" data-live="/dashboard/live" data-now="/dashboard/now" aria-label="Balance">
    <dl class="figures">
      <Figure name="available" title="Available" value={credits(balance.available)} />
      <Figure name="reserved" title="Reserved" value={credits(balance.reserved)} />
      <Figure name="total" title="Total" value={credits(balance.available + balance.reserved)} />
    </dl>
    <BalanceParts account={account} balance={balance} />
    <p class="connection soft" role="status">
      As of {time(balance.asOf)}
    </p>
    <p class="unseen" role="status" data-spoken></p>
  </section>
)

const Figure: FC<{ name: string; title: string; value: string }> = ({ name, title, value }) => (
  <div>
    <dt>{title}</dt>
    <dd data-figure={name}>{value}</dd>
  </div>
)

const Charts: FC<{ past: Past }> = ({ past }) => (
  <div class="grid charts">
    <Chart
      id="use-by-day"
      title="Credits used, by day and tier"
      kind="bars"
      days={past.days}
      series={past.use}
      empty="No credits were used in the last 30 days."
    />
    <Chart
      id="balance-by-day"
      title="Balance at the end of each day"
      kind="lines"
      days={past.days}
      series={past.balance}
      empty="At the end of each of the last 30 days there were no credits."
    />
  </div>
)
