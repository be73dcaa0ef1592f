/** Buying: packs in Checkout, what became of each purchase, Stripe's portal, refunds. */
import * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import { presentBalance } from '../../account/present.ts'
import { listOf } from '../answers.ts'
import { PageQuery } from '../contract.ts'
import { fromCursor, NumberPosition, toPage } from '../cursor.ts'
import { IDEMPOTENCY_KEY, idempotencyKeyOf } from '../idempotency.ts'
import { CheckoutAnswer, Purchase, PurchaseAnswer } from '../payment-answers.ts'
import { CheckoutBody, PortalBody, RefundBody } from '../payment-contract.ts'
import { paymentLinks } from '../payment-links.ts'
import { presentPurchase } from '../present.ts'
import { problemResponse } from '../problems.ts'
import { json, refusal, written } from '../respond.ts'
import { OPERATORS, OWNERS, READERS, type Route, route } from '../route.ts'

const PATH = '/v1/accounts/:account/purchases'
const STRIPE_MAY_BE_AWAY = ['payment_provider_unavailable'] as const

export const purchaseRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/accounts/:account/checkout',
    operation: 'checkout',
    group: 'Buying',
    summary: 'Buy a pack: a purchase, and the page where the customer pays for it',
    description: 'Price and credits are locked now. Send an Idempotency-Key, and a repeated call opens no second page.',
    scopes: OWNERS,
    body: CheckoutBody,
    headers: IDEMPOTENCY_KEY,
    answers: {
      201: { description: 'The purchase and where to pay.', schema: CheckoutAnswer },
      200: { description: 'A replay.', schema: CheckoutAnswer },
    },
    problems: [...STRIPE_MAY_BE_AWAY, 'conflict', 'limit_exceeded'],
    async handle({ env, account, caller, body, context, configuration }) {
      const idempotencyKey = idempotencyKeyOf(context)
      if (idempotencyKey instanceof Response) return idempotencyKey
      const { pack, success_url, cancel_url, save_card } = body
      const urls = { successUrl: success_url ?? null, cancelUrl: cancel_url ?? null }
      const links = await paymentLinks(new URL(context.req.url).origin, account, configuration.signingSecrets)
      const asked = { pack, savesCard: save_card, request: body, idempotencyKey, links, ...urls }
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'checkout', asked))
      if (!answer.ok) return refusal(answer.refusal, account)
      const { purchase, replayed } = answer
      return written({ purchase: presentPurchase(purchase), url: purchase.url }, replayed, 201)
    },
  }),
  route({
    method: 'get',
    path: PATH,
    operation: 'listPurchases',
    group: 'Buying',
    summary: 'Purchases and top-ups, newest first',
    scopes: READERS,
    query: PageQuery,
    answers: { 200: { description: 'A page.', schema: listOf(Purchase) } },
    async handle({ env, account, caller, query }) {
      const cursor = fromCursor(query.cursor, NumberPosition)
      if (!cursor.ok) return problemResponse(cursor.problem)
      const page = { before: cursor.position, limit: query.limit + 1 }
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'purchases', page))
      if (!answer.ok) return refusal(answer.refusal, account)
      const { data, next_cursor } = toPage(answer.purchases, query.limit, (purchase) => purchase.number)
      return json({ data: data.map(presentPurchase), next_cursor })
    },
  }),
  route({
    method: 'get',
    path: `${PATH}/:id`,
    operation: 'getPurchase',
    group: 'Buying',
    summary: 'One purchase',
    scopes: READERS,
    answers: { 200: { description: 'The purchase, and the page where the customer pays.', schema: CheckoutAnswer } },
    async handle({ env, account, caller, id }) {
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'purchase', { id }))
      if (!answer.ok) return refusal(answer.refusal, account)
      return json({ purchase: presentPurchase(answer.purchase), url: answer.purchase.url })
    },
  }),
  route({
    method: 'post',
    path: `${PATH}/:id/sync`,
    operation: 'syncPurchase',
    group: 'Buying',
    summary: 'Read the payment from Stripe again, and bring the account to what it says',
    scopes: OWNERS,
    answers: { 200: { description: 'The purchase as it now is.', schema: PurchaseAnswer } },
    problems: STRIPE_MAY_BE_AWAY,
    async handle({ env, account, caller, id }) {
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'sync', { id }))
      if (!answer.ok) return refusal(answer.refusal, account)
      return json({ purchase: presentPurchase(answer.purchase), balance: presentBalance(answer.balance) })
    },
  }),
  route({
    method: 'post',
    path: `${PATH}/:id/refund`,
    operation: 'refundPurchase',
    group: 'Buying',
    summary: 'Give money back, and take the credits back that it paid for',
    description:
      'Auto top-up goes off, unless `keep_auto_top_up` says otherwise. Credits already spent become debt. Without an Idempotency-Key the same request within a day is the same refund.',
    scopes: OPERATORS,
    body: RefundBody,
    headers: IDEMPOTENCY_KEY,
    answers: {
      201: { description: 'The purchase after the refund.', schema: PurchaseAnswer },
      200: { description: 'A replay.', schema: PurchaseAnswer },
    },
    problems: [...STRIPE_MAY_BE_AWAY, 'conflict', 'limit_exceeded'],
    async handle({ env, account, caller, id, body, context }) {
      const idempotencyKey = idempotencyKeyOf(context)
      if (idempotencyKey instanceof Response) return idempotencyKey
      const { amount_cents, keep_auto_top_up: keepsAutoTopUp } = body
      const amountCents = amount_cents ?? null
      const asked = { purchase: id, amountCents, keepsAutoTopUp, request: body, idempotencyKey }
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'refund', asked))
      if (!answer.ok) return refusal(answer.refusal, account)
      const presented = { purchase: presentPurchase(answer.purchase), balance: presentBalance(answer.balance) }
      return written(presented, answer.replayed, 201)
    },
  }),
  route({
    method: 'post',
    path: '/v1/accounts/:account/portal',
    operation: 'openPortal',
    group: 'Buying',
    summary: "Stripe's billing portal, where a customer looks after cards and receipts",
    scopes: OWNERS,
    body: PortalBody,
    answers: { 200: { description: 'Where it is.', schema: z.strictObject({ url: z.string() }) } },
    problems: STRIPE_MAY_BE_AWAY,
    async handle({ env, account, caller, body, context }) {
      const returnUrl = body.return_url ?? new URL('/billing', context.req.url).href
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'portal', { returnUrl }))
      return answer.ok ? json({ url: answer.url }) : refusal(answer.refusal, account)
    },
  }),
]
