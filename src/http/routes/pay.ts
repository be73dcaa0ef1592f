/** The page behind a payment link: what became of a purchase, and where to pay if the bank wanted the customer. */
import { askAccount } from '../../account/client.ts'
import type { Answer } from '../../account/requests.ts'
import type { Purchase } from '../../ledger/purchase.ts'
import { accountOfLink, PAYMENT_LINK, paymentLinks } from '../payment-links.ts'
import { paymentPage, unknownPaymentPage } from '../payment-page.tsx'
import { problem, problemResponse } from '../problems.ts'
import { refusal } from '../respond.ts'
import { type Call, type Route, route } from '../route.ts'

const PATH = '/pay/:link/:id'
const SERVICE = { kind: 'service' } as const
const UNKNOWN_LINK = problem('not_found', 'This link is not one of ours.')

export const payRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: PATH,
    operation: 'showPurchase',
    group: 'Buying',
    summary: 'A page for the customer: what became of a purchase',
    description: 'Where Checkout sends customers back to, unless it was told otherwise.',
    scopes: 'public',
    answers: {
      200: { description: 'A page.', contentType: 'text/html' },
      404: { description: 'A page that says that the link is not one of ours.', contentType: 'text/html' },
    },
    async handle(call) {
      const account = await accountOf(call)
      const answer = account === null ? null : await read(call.env, account, call.id)
      if (answer?.ok) return paymentPage(call.context, answer.purchase)
      if (answer !== null && answer.refusal.code === 'overloaded') return refusal(answer.refusal, account ?? '')
      return unknownPaymentPage(call.context)
    },
  }),
  route({
    method: 'post',
    path: PATH,
    operation: 'payPurchase',
    group: 'Buying',
    summary: 'On to the page where the customer pays',
    scopes: 'public',
    answers: { 303: { description: "On to Stripe's Checkout, or back to the page." } },
    problems: ['not_found', 'conflict', 'limit_exceeded', 'payment_provider_unavailable'],
    async handle(call) {
      const account = await accountOf(call)
      if (account === null) return problemResponse(UNKNOWN_LINK)
      const { env, id, context, configuration } = call
      const links = await paymentLinks(new URL(context.req.url).origin, account, configuration.signingSecrets)
      const answer = await askAccount(env, account, (object) => object.desk(SERVICE, 'pay', { id, links }))
      if (!answer.ok) return refusal(answer.refusal, account)
      return context.redirect(answer.purchase.url ?? `${links}/${id}`, 303)
    },
  }),
]

/** As Stripe now says it; as we last knew it while Stripe is away. */
async function read(env: Env, account: string, id: string): Promise<Answer<{ purchase: Purchase }>> {
  const synced = await askAccount(env, account, (object) => object.desk(SERVICE, 'sync', { id }))
  if (synced.ok || synced.refusal.code !== 'payment_provider_unavailable') return synced
  return askAccount(env, account, (object) => object.desk(SERVICE, 'purchase', { id }))
}

async function accountOf({ context, configuration }: Call<unknown, unknown>): Promise<string | null> {
  const link = context.req.param('link') ?? ''
  return PAYMENT_LINK.test(link) ? accountOfLink(link, configuration.signingSecrets) : null
}
