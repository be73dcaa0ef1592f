/** Auto top-up: what was agreed, what it is doing, and how the customer changes it. */
import type { Context } from 'hono'
import { askAccount } from '../../account/client.ts'
import type { AutoTopUpView } from '../../account/topping-up.ts'
import { toMillicredits } from '../commands.ts'
import type { Configuration } from '../configuration.ts'
import { IDEMPOTENCY_KEY, idempotencyKeyOf } from '../idempotency.ts'
import { AutoTopUp } from '../payment-answers.ts'
import { AutoTopUpBody } from '../payment-contract.ts'
import { paymentLinks } from '../payment-links.ts'
import { presentAutoTopUp } from '../present.ts'
import { json, refusal, written } from '../respond.ts'
import { type Http, OWNERS, READERS, type Route, route } from '../route.ts'

const PATH = '/v1/accounts/:account/auto-top-up'

export const autoTopUpRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: PATH,
    operation: 'getAutoTopUp',
    group: 'Auto top-up',
    summary: 'What was agreed, and in one word what it is doing',
    scopes: READERS,
    answers: { 200: { description: 'Auto top-up as it now is.', schema: AutoTopUp } },
    async handle({ env, account, caller, context, configuration }) {
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'autoTopUp', null))
      if (!answer.ok) return refusal(answer.refusal, account)
      return json(await present(answer.view, account, context, configuration))
    },
  }),
  route({
    method: 'put',
    path: PATH,
    operation: 'changeAutoTopUp',
    group: 'Auto top-up',
    summary: 'Switch it on or off, and say when it buys what, and for how much a month',
    description:
      'Only the customer switches it on: they agree to the pack at its present price and to the default card as it is now; with `card`, only to the one they were shown. Agreeing again lifts a suspension.',
    scopes: OWNERS,
    body: AutoTopUpBody,
    headers: IDEMPOTENCY_KEY,
    answers: { 200: { description: 'Auto top-up as it now is.', schema: AutoTopUp } },
    problems: ['payment_provider_unavailable', 'conflict'],
    async handle({ env, account, caller, body, context, configuration }) {
      const idempotencyKey = idempotencyKeyOf(context)
      if (idempotencyKey instanceof Response) return idempotencyKey
      const { enabled, threshold, pack = null, monthly_limit_cents: monthlyLimitCents = null, card = null } = body
      const inMillicredits = threshold === undefined ? null : toMillicredits(threshold)
      const asked = { enabled, threshold: inMillicredits, pack, monthlyLimitCents, card, request: body, idempotencyKey }
      const answer = await askAccount(env, account, (object) => object.desk(caller, 'changeAutoTopUp', asked))
      if (!answer.ok) return refusal(answer.refusal, account)
      return written(await present(answer.view, account, context, configuration), answer.replayed, 200)
    },
  }),
]

async function present(view: AutoTopUpView, account: string, context: Context<Http>, configuration: Configuration) {
  if (view.actionFor === null) return presentAutoTopUp(view, null)
  const links = await paymentLinks(new URL(context.req.url).origin, account, configuration.signingSecrets)
  return presentAutoTopUp(view, `${links}/${view.actionFor.id}`)
}
