/** Auto Top-Up: what it is doing, the form with which its customer agrees, what it would have done, what it did. */
import type { Context, Hono } from 'hono'
import { askAccount } from '../../account/client.ts'
import { findPack } from '../../catalog/packs.ts'
import { type ReadPreview, readPreview } from '../../history/balances.ts'
import { CALLER_ID } from '../../http/ids.ts'
import { paymentLinks } from '../../http/payment-links.ts'
import type { Card } from '../../ledger/auto-top-up.ts'
import type { PreviewTerms } from '../../ledger/top-up-preview.ts'
import { Attempts } from '../billing/attempts.tsx'
import { Preview } from '../billing/preview.tsx'
import { asAgreed, consentTo, type Errors, readTerms, type Typed, typedIn } from '../billing/top-up-form.ts'
import { StateOfTopUp } from '../billing/top-up-state.tsx'
import { TopUpSettings } from '../billing/top-up-settings.tsx'
import { cardName } from '../billing/words.ts'
import { Frame, type Pages, show } from '../page.tsx'
import { refusedPage } from '../refusals.tsx'

const PATH = '/billing/auto-top-up'
/** In which attempts are looked for; older ones stand on the Billing page. */
const NEWEST_PURCHASES = 50

export function autoTopUpPages(app: Hono<Pages>): void {
  app.get(PATH, (context) => page(context, context.req.query(), null))

  app.post(PATH, async (context) => {
    const { account, caller } = context.get('visitor')
    const form = await context.req.parseBody({ all: true })
    const key = form['key']
    const answer = await askAccount(context.env, account, (object) => object.desk(caller, 'autoTopUp', null))
    if (!answer.ok) return refusedPage(context, answer.refusal)
    const typed = typedIn(form, asAgreed(answer.view.settings))
    const read = readTerms(typed)
    if ('errors' in read) return page(context, typed, read.errors)
    const { threshold, pack, monthlyLimitCents } = read.terms
    const { defaultCard = null } = answer.view
    if (defaultCard === null || !isConsent(form['consent'], read.terms, defaultCard)) {
      return page(context, typed, { consent: missingConsent(defaultCard) })
    }
    if (typeof key !== 'string' || !CALLER_ID.test(key)) return page(context, typed, { consent: SEND_AGAIN })
    const card = defaultCard.fingerprint
    const asked = { enabled: true, threshold, pack, monthlyLimitCents, card }
    const request = { enabled: true, threshold, pack, monthly_limit_cents: monthlyLimitCents, card }
    const changed = await askAccount(context.env, account, (object) =>
      object.desk(caller, 'changeAutoTopUp', { ...asked, request, idempotencyKey: `dashboard:${key}` }),
    )
    if (!changed.ok) {
      const { refusal } = changed
      const { code } = refusal
      // Stripe's cards were read once more just now.
      if (refusal.code === 'card_changed') return page(context, typed, { consent: missingConsent(refusal.card) })
      if (code === 'payment_provider_unavailable') return page(context, typed, { consent: STRIPE_IS_AWAY })
      if (code === 'changed_field') return page(context, typed, { consent: SEND_AGAIN })
      return refusedPage(context, changed.refusal)
    }
    return context.redirect(PATH, 303)
  })

  app.post(`${PATH}/off`, async (context) => {
    const off = await switchOff(context)
    return off.ok ? context.redirect(PATH, 303) : refusedPage(context, off.refusal)
  })
}

const SEND_AGAIN = 'This form was sent before. Please look at it, agree, and send it once more.'
const STRIPE_IS_AWAY = 'Stripe cannot be reached right now, so your card could not be looked at. Nothing has changed.'

function switchOff(context: Context<Pages>) {
  const { account, caller } = context.get('visitor')
  const off = { enabled: false, threshold: null, pack: null, monthlyLimitCents: null, card: null }
  const asked = { ...off, request: { enabled: false }, idempotencyKey: null }
  return askAccount(context.env, account, (object) => object.desk(caller, 'changeAutoTopUp', asked))
}

/** Each pack has a box of its own, so one that was ticked for another pack, price or card agrees to nothing here. */
function isConsent(ticked: unknown, terms: PreviewTerms, card: Card): boolean {
  const pack = findPack(terms.pack)
  return pack !== null && [ticked].flat().includes(consentTo(pack, card))
}

function missingConsent(card: Card | null): string {
  return card === null
    ? 'There is no card to charge yet: buy a pack once and keep the card.'
    : `It is switched on only when you tick this: your ${cardName(card)} would be charged without asking you again.`
}

/** With what was typed, if anything was; `errors` are of a form that was sent. */
async function page(
  context: Context<Pages>,
  fields: Partial<Readonly<Record<keyof Typed, unknown>>>,
  errors: Errors | null,
): Promise<Response> {
  const { account, caller } = context.get('visitor')
  const newest = { before: null, limit: NEWEST_PURCHASES }
  const [overview, bought] = await Promise.all([
    askAccount(context.env, account, (object) => object.overview(caller, 0)),
    askAccount(context.env, account, (object) => object.desk(caller, 'purchases', newest)),
  ])
  if (!overview.ok) return refusedPage(context, overview.refusal)
  if (!bought.ok) return refusedPage(context, bought.refusal)
  const { details, autoTopUp: view } = overview
  const typed: Typed = typedIn(fields, asAgreed(view.settings))
  const read = readTerms(typed)
  // Thousands of entries are read for a preview: not each time that somebody only looks at the page.
  const isAsked = errors === null && fields.threshold !== undefined
  const terms = isAsked && 'terms' in read ? read.terms : null
  const preview = terms === null ? null : await previewOf(context, terms)
  const { signingSecrets } = context.get('configuration')
  const links = await paymentLinks(new URL(context.req.url).origin, account, signingSecrets)
  const wrong = { ...('errors' in read ? read.errors : {}), ...errors }
  const attempts = bought.purchases.filter(({ kind }) => kind === 'auto_top_up')
  return show(
    context,
    <Frame title="Auto Top-Up" section={PATH} account={details.name ?? account}>
      <StateOfTopUp view={view} links={links} />
      <div class="columns">
        <TopUpSettings typed={typed} errors={wrong} view={view} formKey={crypto.randomUUID()} />
        <Preview terms={terms} preview={preview} />
      </div>
      <Attempts attempts={attempts} />
    </Frame>,
    errors === null ? 200 : 422,
  )
}

/** History may be away; then all but the preview works. */
async function previewOf(context: Context<Pages>, terms: PreviewTerms): Promise<ReadPreview | null> {
  try {
    return await readPreview(context.env.HISTORY, context.get('visitor').account, terms, Date.now())
  } catch (error) {
    console.error({ message: 'no preview', request: context.get('requestId'), error: String(error) })
    return null
  }
}
