/** The customer's own Anthropic key (BYOK): put, shown as a preview, removed; and read by the runner of a held review. */
import { askAccount } from '../../account/client.ts'
import { Byok, ByokKey } from '../answers.ts'
import { ByokBody, ByokKeyQuery } from '../contract.ts'
import { presentByok } from '../present.ts'
import { problem, problemResponse } from '../problems.ts'
import { json, refusal, written } from '../respond.ts'
import { OWNERS, type Route, RUNNERS, route } from '../route.ts'

const PATH = '/v1/accounts/:account/byok'
const AS_IT_IS = { description: 'BYOK as it now is.', schema: Byok }

export const byokRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: PATH,
    operation: 'getByok',
    group: 'Own key',
    summary: "Whether reviews run on the customer's own Anthropic key",
    scopes: OWNERS,
    answers: { 200: AS_IT_IS },
    async handle({ env, account, caller }) {
      const answer = await askAccount(env, account, (object) => object.byok(caller))
      return answer.ok ? json(presentByok(answer.byok)) : refusal(answer.refusal, account)
    },
  }),
  route({
    method: 'put',
    path: PATH,
    operation: 'putByok',
    group: 'Own key',
    summary: "Run reviews on the customer's own Anthropic key from now on",
    description:
      'Reservations made from then on hold no credits and are charged none; what they cost is recorded. Another key takes the place of the one that is there. The key is kept encrypted and never shown again.',
    scopes: OWNERS,
    body: ByokBody,
    answers: { 200: AS_IT_IS },
    async handle({ env, account, caller, body }) {
      const answer = await askAccount(env, account, (object) => object.putByok(caller, body.api_key))
      return answer.ok ? written(presentByok(answer.byok), answer.replayed, 200) : refusal(answer.refusal, account)
    },
  }),
  route({
    method: 'delete',
    path: PATH,
    operation: 'removeByok',
    group: 'Own key',
    summary: 'Forget the key: reviews are paid for in credits again',
    description: 'Those that are held in mode `byok` stay in it, but their runners are not given a key any more.',
    scopes: OWNERS,
    answers: { 200: AS_IT_IS },
    async handle({ env, account, caller }) {
      const answer = await askAccount(env, account, (object) => object.removeByok(caller))
      return answer.ok ? written(presentByok(answer.byok), answer.replayed, 200) : refusal(answer.refusal, account)
    },
  }),
  route({
    method: 'get',
    path: `${PATH}/key`,
    operation: 'readByokKey',
    group: 'Own key',
    summary: 'The key itself, for a review that is held in mode `byok`',
    description: 'Each reading is an entry of the ledger, written before the key is given out.',
    scopes: RUNNERS,
    query: ByokKeyQuery,
    answers: { 200: { description: 'The key as it now is.', schema: ByokKey } },
    problems: ['reservation_settled', 'reservation_released', 'reservation_expired'],
    async handle({ env, context, account, caller, query }) {
      // Hono serves HEAD as GET without the body: the entry would speak of a key that nobody was given.
      if (context.req.method === 'HEAD') {
        return problemResponse(problem('method_not_allowed', 'Allowed: GET.'), { Allow: 'GET' })
      }
      const answer = await askAccount(env, account, (object) => object.readByok(caller, query.reservation))
      return answer.ok ? json({ api_key: answer.apiKey }) : refusal(answer.refusal, account)
    },
  }),
]
