/** The balance: once, or live. */
import { askAccount, connectToAccount } from '../../account/client.ts'
import { presentBalance } from '../../account/present.ts'
import type { AccountRefusal } from '../../account/requests.ts'
import { Balance } from '../answers.ts'
import { invalidField, problemResponse } from '../problems.ts'
import { json, refusal } from '../respond.ts'
import { EVERYONE, type Route, route } from '../route.ts'

export const balanceRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/v1/accounts/:account/balance',
    operation: 'getBalance',
    group: 'Balance',
    summary: 'Available, reserved, total',
    description: 'With an ETag of its version: ask with If-None-Match, and an unchanged balance is a 304.',
    scopes: EVERYONE,
    answers: { 200: { description: 'The balance.', schema: Balance }, 304: { description: 'It has not changed.' } },
    async handle({ env, account, caller, context }) {
      const answer = await askAccount(env, account, (object) => object.balance(caller))
      if (!answer.ok) return refusal(answer.refusal, account)
      const tag = `W/"${answer.balance.version}"`
      const headers = { ETag: tag, 'Cache-Control': 'private, no-cache' }
      if (matches(context.req.header('If-None-Match'), tag)) return new Response(null, { status: 304, headers })
      return json(presentBalance(answer.balance), 200, headers)
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account/balance/live',
    operation: 'watchBalance',
    group: 'Balance',
    summary: 'A WebSocket: the balance at once and after every change',
    description: 'Each message is a Balance. Send "ping" to keep the connection; "pong" comes back.',
    scopes: EVERYONE,
    answers: { 101: { description: 'The connection is open.' } },
    problems: ['limit_exceeded'],
    async handle({ env, account, caller, context }) {
      if (context.req.header('Upgrade')?.toLowerCase() !== 'websocket') {
        return problemResponse(invalidField('Upgrade', 'must be websocket'))
      }
      const response = await connectToAccount(env, account, caller)
      if (response.status !== 101) return refusal((await response.json()) as AccountRefusal, account)
      // A response from elsewhere has immutable headers; ours get a Request-Id.
      return new Response(null, { status: 101, webSocket: response.webSocket })
    },
  }),
]

/** A weak comparison (RFC 9110): a list of tags, or any. */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  const opaque = (each: string) => each.trim().replace(/^W\//, '')
  return header.split(',').some((each) => each.trim() === '*' || opaque(each) === opaque(tag))
}
