/** Grants by the operator: promotional credits and adjustments. */
import { askAccount } from '../../account/client.ts'
import { presentBalance } from '../../account/present.ts'
import type { Answer, LedgerAnswer } from '../../account/requests.ts'
import { Grant, GrantAnswer, listOf } from '../answers.ts'
import { toGrant } from '../commands.ts'
import { GrantBody, PageQuery } from '../contract.ts'
import { fromCursor, NumberPosition, toPage } from '../cursor.ts'
import { GrantId } from '../fields.ts'
import { presentGrant } from '../present.ts'
import { problemResponse } from '../problems.ts'
import { json, refusal, written } from '../respond.ts'
import { OPERATORS, READERS, type Route, route } from '../route.ts'

const PATH = '/v1/accounts/:account/grants/:id'
const DONE = { description: 'The grant as it now is, and the balance.', schema: GrantAnswer }

export const grantRoutes: readonly Route[] = [
  route({
    method: 'put',
    path: PATH,
    operation: 'giveGrant',
    group: 'Grants',
    summary: 'Grant promotional credits, or adjust',
    description: 'A negative adjustment takes free credits in burn order.',
    scopes: OPERATORS,
    idSchema: GrantId,
    body: GrantBody,
    answers: { 201: DONE, 200: { ...DONE, description: 'A replay: the grant as it now is.' } },
    problems: ['insufficient_credits', 'conflict', 'limit_exceeded'],
    async handle({ env, account, caller, id, body }) {
      return presentWrite(
        await askAccount(env, account, (object) => object.execute(caller, toGrant(id, body))),
        account,
        201,
      )
    },
  }),
  route({
    method: 'delete',
    path: PATH,
    operation: 'voidGrant',
    group: 'Grants',
    summary: 'Void a grant: its free part at once, its held part when it returns',
    scopes: OPERATORS,
    answers: { 200: DONE },
    async handle({ env, account, caller, id }) {
      const command = { op: 'void_grant', id } as const
      return presentWrite(await askAccount(env, account, (object) => object.execute(caller, command)), account, 200)
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account/grants',
    operation: 'listGrants',
    group: 'Grants',
    summary: 'Grants and what is left of each, newest first',
    scopes: READERS,
    query: PageQuery,
    answers: { 200: { description: 'A page.', schema: listOf(Grant) } },
    async handle({ env, account, caller, query }) {
      const cursor = fromCursor(query.cursor, NumberPosition)
      if (!cursor.ok) return problemResponse(cursor.problem)
      const page = { before: cursor.position, limit: query.limit + 1 }
      const answer = await askAccount(env, account, (object) => object.grants(caller, page))
      if (!answer.ok) return refusal(answer.refusal, account)
      const { data, next_cursor } = toPage(answer.grants, query.limit, (grant) => grant.ordinal)
      return json({ data: data.map(presentGrant), next_cursor })
    },
  }),
]

function presentWrite(answer: Answer<LedgerAnswer>, account: string, made: 200 | 201): Response {
  if (!answer.ok) return refusal(answer.refusal, account)
  const grant = answer.grant === null ? null : presentGrant(answer.grant)
  return written({ grant, balance: presentBalance(answer.balance) }, answer.replayed, made)
}
