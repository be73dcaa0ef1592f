/** Buying: the packs, on to Checkout, and back to what became of the purchase. */
import type { Context, Hono } from 'hono'
import type { FC } from 'hono/jsx'
import { askAccount } from '../../account/client.ts'
import type { Answer } from '../../account/requests.ts'
import { discountPercent, findPack, PACKS, type Pack } from '../../catalog/packs.ts'
import { CALLER_ID } from '../../http/ids.ts'
import { paymentLinks } from '../../http/payment-links.ts'
import { MILLICREDITS_PER_CREDIT } from '../../ledger/amounts.ts'
import type { Balance } from '../../ledger/balance.ts'
import type { Purchase } from '../../ledger/purchase.ts'
import { PurchaseView } from '../billing/purchase-view.tsx'
import { credits, dollars, pricePerCredit } from '../format.ts'
import { Frame, type Pages, show } from '../page.tsx'
import { refusedPage } from '../refusals.tsx'

/** A page that waits for a bank looks again by itself for a minute; whoever wants to go on waiting says so. */
const MAX_LOOKS = 12
const BETWEEN_LOOKS_SECONDS = 5

export function buyPages(app: Hono<Pages>): void {
  app.get('/billing/buy', (context) => packsPage(context, crypto.randomUUID(), null))

  app.post('/billing/buy', async (context) => {
    const { account, caller } = context.get('visitor')
    const form = await context.req.parseBody()
    const pack = findPack(String(form['pack'] ?? ''))
    const savesCard = form['save_card'] === 'yes'
    const rendering = String(form['key'] ?? '')
    if (pack === null) return packsPage(context, crypto.randomUUID(), 'Choose one of the packs.')
    // A double click is one purchase; the same page, gone back to for another pack, is another.
    const named = `dashboard:${rendering}:${pack.id}:${savesCard ? 'keep' : 'once'}`
    if (!CALLER_ID.test(named)) return packsPage(context, crypto.randomUUID(), 'Choose your pack once more.')
    const asked = {
      pack: pack.id,
      savesCard,
      request: { pack: pack.id, save_card: savesCard },
      idempotencyKey: named,
      links: purchasePages(context),
      successUrl: null,
      cancelUrl: null,
    }
    const answer = await askAccount(context.env, account, (object) => object.desk(caller, 'checkout', asked))
    if (answer.ok) return context.redirect(answer.purchase.url ?? pageOf(answer.purchase.id), 303)
    // Under the same key, so that what was begun is gone on with.
    if (answer.refusal.code === 'payment_provider_unavailable') return packsPage(context, rendering, STRIPE_IS_AWAY)
    if (answer.refusal.code === 'too_many') return packsPage(context, rendering, TOO_MANY_OPEN)
    return refusedPage(context, answer.refusal)
  })

  app.get('/billing/purchases/:id', async (context) => {
    const { account, caller } = context.get('visitor')
    const id = context.req.param('id')
    const [details, answer] = await Promise.all([
      askAccount(context.env, account, (object) => object.describe(caller)),
      readPurchase(context, id),
    ])
    if (!details.ok) return refusedPage(context, details.refusal)
    if (!answer.ok) return refusedPage(context, answer.refusal)
    const { purchase, balance } = answer
    const looks = Number(context.req.query('looks') ?? 0)
    const looksAgain = isUnderWay(purchase) && looks < MAX_LOOKS
    // As a header: a refresh in the page itself is read out by screen readers as one that cannot be stopped.
    if (looksAgain) context.header('Refresh', `${BETWEEN_LOOKS_SECONDS}; url=${pageOf(id)}?looks=${looks + 1}`)
    const { signingSecrets } = context.get('configuration')
    const links = await paymentLinks(new URL(context.req.url).origin, account, signingSecrets)
    const name = details.details.name ?? account
    return show(
      context,
      <PurchaseView purchase={purchase} balance={balance} account={name} links={links} looksAgain={looksAgain} />,
    )
  })
}

const STRIPE_IS_AWAY = 'Stripe cannot be reached right now. Nothing was charged; please try again in a moment.'
const TOO_MANY_OPEN =
  'Too many of your purchases wait to be paid. Pay one of them under Billing, or try again tomorrow.'

/** What is decided elsewhere, without the customer. A Checkout that is open waits for them. */
function isUnderWay({ state, kind }: Purchase): boolean {
  return state === 'processing' || (state === 'open' && kind === 'auto_top_up')
}

/** As Stripe now says it; as we last knew it while Stripe is away. */
async function readPurchase(
  context: Context<Pages>,
  id: string,
): Promise<Answer<{ purchase: Purchase; balance: Balance }>> {
  const { account, caller } = context.get('visitor')
  const synced = await askAccount(context.env, account, (object) => object.desk(caller, 'sync', { id }))
  if (synced.ok || synced.refusal.code !== 'payment_provider_unavailable') return synced
  return askAccount(context.env, account, (object) => object.desk(caller, 'purchase', { id }))
}

function purchasePages(context: Context<Pages>): string {
  return `${new URL(context.req.url).origin}/billing/purchases`
}

function pageOf(id: string): string {
  return `/billing/purchases/${encodeURIComponent(id)}`
}

async function packsPage(context: Context<Pages>, key: string, problem: string | null): Promise<Response> {
  const { account, caller } = context.get('visitor')
  const answer = await askAccount(context.env, account, (object) => object.describe(caller))
  if (!answer.ok) return refusedPage(context, answer.refusal)
  return show(
    context,
    <Frame title="Buy Credits" section="/billing/buy" account={answer.details.name ?? account}>
      {problem === null ? null : (
        <p class="note bad" role="alert">
          {problem}
        </p>
      )}
      <p>
        You have <strong>{credits(answer.balance.available)} credits</strong>. One credit is $0.01 of AI cost. What you
        buy never expires.
      </p>
      <form method="post">
        <input type="hidden" name="key" value={key} />
        <label class="check card">
          <input type="checkbox" name="save_card" value="yes" />
          <span>
            Keep my card for auto top-up
            <br />
            <span class="soft">
              Stripe keeps the card. It is charged without you only if you switch on auto top-up yourself.
            </span>
          </span>
        </label>
        <ul class="pack-list">
          {PACKS.map((pack) => (
            <PackCard pack={pack} />
          ))}
        </ul>
      </form>
      <p class="soft">You pay on a page of Stripe's. Nothing is charged before you confirm it there.</p>
    </Frame>,
    problem === null ? 200 : problem === STRIPE_IS_AWAY ? 503 : 422,
  )
}

const PackCard: FC<{ pack: Pack }> = ({ pack }) => {
  const discount = discountPercent(pack)
  return (
    <li class="card pack-card">
      <h2>{pack.name}</h2>
      <p class="pack-amount">
        {credits(pack.credits * MILLICREDITS_PER_CREDIT)} <span class="pack-unit">credits</span>
      </p>
      <p class="pack-price">{dollars(pack.priceCents)}</p>
      <p class="pack-line soft">{pricePerCredit(pack)} a credit</p>
      <p class="pack-discount">{discount === 0 ? null : <span class="badge good">{discount}% off</span>}</p>
      <button type="submit" class="pack-buy" name="pack" value={pack.id}>
        Buy {pack.name}
      </button>
    </li>
  )
}
