/**
 * Settings: who is logged in, what was used this month, the customer's own Anthropic key, and the account's keys. A key
 * of ours is in one answer, once; one of theirs in none.
 */
import type { Hono } from 'hono'
import type { Child, FC } from 'hono/jsx'
import { askAccount } from '../../account/client.ts'
import type { AccountDetails, AccountKey, AccountRefusal } from '../../account/requests.ts'
import { readUsage } from '../../history/read.ts'
import { mintAccountKey } from '../../http/account-keys.ts'
import { AgePosition, fromCursor, toPage } from '../../http/cursor.ts'
import { refusalProblem } from '../../http/problems.ts'
import type { EpochMs, Millicredits } from '../../ledger/amounts.ts'
import type { Balance } from '../../ledger/balance.ts'
import { credits, time, worth } from '../format.ts'
import { KeyForm, KeyList, MintForm, SCOPE_NAMES } from '../keys.tsx'
import { OWN_KEY_PATH, OwnKey, OwnKeyForm } from '../own-key.tsx'
import { Frame, type PageContext, type Pages, show } from '../page.tsx'
import { refusedPage } from '../refusals.tsx'

const PATH = '/settings'
const KEYS_ON_A_PAGE = 20

export function settingsPages(app: Hono<Pages>): void {
  app.get(PATH, (context) => settingsPage(context))

  app.post(`${PATH}/keys`, async (context) => {
    const { account, caller } = context.get('visitor')
    const form = KeyForm.safeParse(await context.req.parseBody())
    if (!form.success)
      return settingsPage(context, problem('Please fill in the form once more: it was not valid.'), 422)
    const { scope, name, until, once } = form.data
    const { id, key, hash } = await mintAccountKey(account, scope, context.get('configuration').signingSecrets)
    const request = { id, hash, scope, name, expiresAt: until, idempotencyKey: `dashboard:${once}` }
    const answer = await askAccount(context.env, account, (object) => object.mintKey(caller, request))
    if (!answer.ok) return explain(context, answer.refusal)
    // The form was sent again, by a reload perhaps: no second key is made, and the first is not shown a second time.
    return settingsPage(context, answer.replayed ? SHOWN_BEFORE : <Minted minted={answer.key} secret={key} />)
  })

  app.post(`${PATH}/keys/:id/revoke`, async (context) => {
    const { account, caller } = context.get('visitor')
    const id = context.req.param('id')
    const answer = await askAccount(context.env, account, (object) => object.revokeKey(caller, id))
    return answer.ok ? context.redirect(PATH, 303) : refusedPage(context, answer.refusal)
  })

  app.post(OWN_KEY_PATH, async (context) => {
    const { account, caller } = context.get('visitor')
    const form = OwnKeyForm.safeParse(await context.req.parseBody())
    if (!form.success) return settingsPage(context, problem(NO_ANTHROPIC_KEY), 422)
    const answer = await askAccount(context.env, account, (object) => object.putByok(caller, form.data.api_key))
    // To another page: going back or reloading does not send the key once more.
    return answer.ok ? context.redirect(`${PATH}#own-key`, 303) : refusedPage(context, answer.refusal)
  })

  app.post(`${OWN_KEY_PATH}/remove`, async (context) => {
    const { account, caller } = context.get('visitor')
    const answer = await askAccount(context.env, account, (object) => object.removeByok(caller))
    return answer.ok ? context.redirect(`${PATH}#own-key`, 303) : refusedPage(context, answer.refusal)
  })
}

const NO_ANTHROPIC_KEY =
  'That is no Anthropic API key, so nothing was changed. One begins with sk-ant-; please copy all of it once more.'

/** Above everything else stands what became of a form that was sent. */
async function settingsPage(context: PageContext, outcome: Child = null, status: 200 | 422 = 200): Promise<Response> {
  const { account, caller } = context.get('visitor')
  const cursor = fromCursor(context.req.query('cursor'), AgePosition)
  if (!cursor.ok) return context.redirect(PATH, 303)
  const asked = { after: cursor.position, limit: KEYS_ON_A_PAGE + 1 }
  const [described, ownKey, listed] = await Promise.all([
    askAccount(context.env, account, (object) => object.describe(caller)),
    askAccount(context.env, account, (object) => object.byok(caller)),
    askAccount(context.env, account, (object) => object.listKeys(caller, asked)),
  ])
  if (!described.ok) return refusedPage(context, described.refusal)
  if (!ownKey.ok) return refusedPage(context, ownKey.refusal)
  if (!listed.ok) return refusedPage(context, listed.refusal)
  const { details, balance } = described
  const keys = toPage(listed.keys, KEYS_ON_A_PAGE, ({ createdAt, id }) => ({ createdAt, id }))
  return show(
    context,
    <Frame title="Settings" section={PATH} account={details.name ?? account}>
      {outcome}
      <div class="grid">
        <Who details={details} />
        <Use balance={balance} used={await usedThisMonth(context, balance.asOf)} />
      </div>
      <OwnKey byok={ownKey.byok} />
      <KeyList keys={keys.data} next={keys.next_cursor} isFirst={cursor.position === null} now={balance.asOf} />
      <MintForm now={balance.asOf} />
    </Frame>,
    status,
  )
}

/** What the customer can put right is said above the form; all else has a page of its own. */
function explain(context: PageContext, refusal: AccountRefusal): Promise<Response> {
  switch (refusal.code) {
    case 'invalid':
      return settingsPage(context, problem('The last day of a key cannot be in the past.'), 422)
    case 'too_many':
      return settingsPage(context, problem(refusalProblem(refusal, context.get('visitor').account).detail), 422)
    default:
      return refusedPage(context, refusal)
  }
}

function problem(text: string): Child {
  return (
    <p class="note bad" role="alert">
      {text}
    </p>
  )
}

const SHOWN_BEFORE = (
  <p class="note" role="status">
    That key was made already, and was shown then. If you have not copied it, revoke it and make another.
  </p>
)

const Minted: FC<{ minted: AccountKey; secret: string }> = ({ minted, secret }) => (
  <section class="card fresh" aria-labelledby="fresh">
    <h2 id="fresh">Your new key{minted.name === null ? '' : `: ${minted.name}`}</h2>
    <p role="status">Copy it now. It is shown this once; we keep only a fingerprint of it.</p>
    <p>
      <code class="secret">{secret}</code>
    </p>
    <p class="soft">
      {SCOPE_NAMES[minted.scope]}.{' '}
      {minted.expiresAt === null ? 'It holds until you revoke it.' : `It holds until ${time(minted.expiresAt)}.`}
    </p>
  </section>
)

const Who: FC<{ details: AccountDetails }> = ({ details }) => (
  <section class="card" aria-labelledby="who">
    <h2 id="who">Account</h2>
    <dl class="terms">
      <dt>Logged in to</dt>
      <dd>{details.name ?? details.id}</dd>
      <dt>Id</dt>
      <dd>
        <code>{details.id}</code>
      </dd>
      {details.email === null ? null : [<dt>Receipts go to</dt>, <dd>{details.email}</dd>]}
      <dt>Since</dt>
      <dd>{time(details.createdAt)}</dd>
    </dl>
  </section>
)

const Use: FC<{ balance: Balance; used: Millicredits }> = ({ balance, used }) => (
  <section class="card" aria-labelledby="use">
    <h2 id="use">Credits</h2>
    <dl class="figures">
      <div>
        <dt>Used this month</dt>
        <dd>{credits(used)}</dd>
      </div>
      <div>
        <dt>Balance</dt>
        <dd>{credits(balance.available + balance.reserved)}</dd>
      </div>
    </dl>
    <p class="soft">
      {worth(used)} of AI cost since the first of the month (UTC). <a href="/billing">Balance in detail</a>
    </p>
  </section>
)

async function usedThisMonth(context: PageContext, now: EpochMs): Promise<Millicredits> {
  const today = new Date(now).toISOString().slice(0, 10)
  const range = { from: `${today.slice(0, 8)}01`, to: today }
  const tiers = await readUsage(context.env.HISTORY, context.get('visitor').account, range, 'tier')
  return tiers.reduce((sum, { charged }) => sum + charged, 0)
}
