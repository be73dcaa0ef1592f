/** The account's own keys: minted, shown once, revoked at once. */
import { askAccount } from '../../account/client.ts'
import { mintAccountKey } from '../account-keys.ts'
import { Key, listOf, MintedKey } from '../answers.ts'
import { KeyBody, PageQuery } from '../contract.ts'
import { AgePosition, fromCursor, toPage } from '../cursor.ts'
import { idempotencyKeyOf } from '../idempotency.ts'
import { presentKey } from '../present.ts'
import { problemResponse } from '../problems.ts'
import { json, refusal, written } from '../respond.ts'
import { OWNERS, type Route, route } from '../route.ts'

export const keyRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/accounts/:account/keys',
    operation: 'mintKey',
    group: 'Keys',
    summary: 'Mint a key for this account',
    description:
      'The key is in this answer and nowhere else. Send an Idempotency-Key, and a repeated call mints no second one.',
    scopes: OWNERS,
    body: KeyBody,
    headers: { 'Idempotency-Key': 'Your id of this call; a repetition answers without the key.' },
    answers: {
      201: { description: 'The key, shown once.', schema: MintedKey },
      200: { description: 'A replay, without the key.', schema: MintedKey },
    },
    problems: ['conflict', 'limit_exceeded'],
    async handle({ env, account, caller, body, configuration, context }) {
      const idempotencyKey = idempotencyKeyOf(context)
      if (idempotencyKey instanceof Response) return idempotencyKey
      const { id, key, hash } = await mintAccountKey(account, body.scope, configuration.signingSecrets)
      const expiresAt = body.expires_at === undefined ? null : Date.parse(body.expires_at)
      const request = { id, hash, scope: body.scope, name: body.name ?? null, expiresAt, idempotencyKey }
      const answer = await askAccount(env, account, (object) => object.mintKey(caller, request))
      if (!answer.ok) return refusal(answer.refusal, account)
      return written(
        answer.replayed ? presentKey(answer.key) : { ...presentKey(answer.key), key },
        answer.replayed,
        201,
      )
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account/keys',
    operation: 'listKeys',
    group: 'Keys',
    summary: 'The keys of this account, without the keys themselves',
    scopes: OWNERS,
    query: PageQuery,
    answers: { 200: { description: 'A page, newest first.', schema: listOf(Key) } },
    async handle({ env, account, caller, query }) {
      const cursor = fromCursor(query.cursor, AgePosition)
      if (!cursor.ok) return problemResponse(cursor.problem)
      const page = { after: cursor.position, limit: query.limit + 1 }
      const answer = await askAccount(env, account, (object) => object.listKeys(caller, page))
      if (!answer.ok) return refusal(answer.refusal, account)
      const { data, next_cursor } = toPage(answer.keys, query.limit, ({ createdAt, id }) => ({ createdAt, id }))
      return json({ data: data.map(presentKey), next_cursor })
    },
  }),
  route({
    method: 'delete',
    path: '/v1/accounts/:account/keys/:id',
    operation: 'revokeKey',
    group: 'Keys',
    summary: 'Revoke a key: the next call with it is refused',
    scopes: OWNERS,
    answers: { 200: { description: 'The key, revoked.', schema: Key } },
    async handle({ env, account, caller, id }) {
      const answer = await askAccount(env, account, (object) => object.revokeKey(caller, id))
      return answer.ok ? written(presentKey(answer.key), answer.replayed, 200) : refusal(answer.refusal, account)
    },
  }),
]
