/** Accounts: opened, described, listed, audited. */
import * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import { readDirectory } from '../../history/read.ts'
import { Account, Audit, DirectoryLine, listOf } from '../answers.ts'
import { toMillicredits } from '../commands.ts'
import { AccountBody, PageQuery } from '../contract.ts'
import { AgePosition, fromCursor, toPage } from '../cursor.ts'
import { presentAccount, presentDirectoryLine } from '../present.ts'
import { problemResponse } from '../problems.ts'
import { json, refusal, written } from '../respond.ts'
import { OPERATORS, type Route, route } from '../route.ts'

const DEFAULT_TRIAL = { credits: 100, days: 14 }
const DAY_MS = 24 * 60 * 60 * 1000

export const accountRoutes: readonly Route[] = [
  route({
    method: 'put',
    path: '/v1/accounts/:account',
    operation: 'openAccount',
    group: 'Accounts',
    summary: 'Open an account, or change what may change of it',
    description:
      'The trial is decided once, at creation. `region` is where the account is asked to live; it cannot change. What is not named stays as it is.',
    scopes: OPERATORS,
    body: AccountBody,
    answers: {
      201: { description: 'The new account.', schema: Account },
      200: { description: 'The account as it now is.', schema: Account },
    },
    problems: ['conflict'],
    async handle({ env, account, body }) {
      const { credits, days } = body.trial ?? DEFAULT_TRIAL
      const trial = body.trial === null ? null : { credits: toMillicredits(credits), lastsMs: days * DAY_MS }
      const { name, email, region, allow_debt: allowDebt } = body
      const request = { id: account, name, email, region, allowDebt, trial }
      const answer = await askAccount(env, account, (object) => object.open(request), region)
      if (!answer.ok) return refusal(answer.refusal, account)
      const opened = presentAccount(answer.details, answer.balance)
      return written(opened, !answer.changed, answer.created ? 201 : 200)
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account',
    operation: 'getAccount',
    group: 'Accounts',
    summary: 'One account and its balance',
    scopes: OPERATORS,
    answers: { 200: { description: 'The account.', schema: Account } },
    async handle({ env, account, caller }) {
      const answer = await askAccount(env, account, (object) => object.describe(caller))
      return answer.ok ? json(presentAccount(answer.details, answer.balance)) : refusal(answer.refusal, account)
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts',
    operation: 'listAccounts',
    group: 'Accounts',
    summary: 'The directory of accounts, newest first',
    description: 'From history: a new account appears in it after a moment.',
    scopes: OPERATORS,
    query: PageQuery,
    answers: { 200: { description: 'A page.', schema: listOf(DirectoryLine) } },
    async handle({ env, query }) {
      const cursor = fromCursor(query.cursor, AgePosition)
      if (!cursor.ok) return problemResponse(cursor.problem)
      const lines = await readDirectory(env.HISTORY, cursor.position, query.limit + 1)
      const { data, next_cursor } = toPage(lines, query.limit, ({ createdAt, id }) => ({ createdAt, id }))
      return json({ data: data.map(presentDirectoryLine), next_cursor })
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account/audit',
    operation: 'audit',
    group: 'Accounts',
    summary: 'Derive the account from its entries, compare, and list every difference',
    scopes: OPERATORS,
    answers: { 200: { description: 'What was checked and what differs.', schema: Audit } },
    async handle({ env, account, caller }) {
      const answer = await askAccount(env, account, (object) => object.audit(caller))
      if (!answer.ok) return refusal(answer.refusal, account)
      const { checked, byokSecret, differences } = answer.audit
      return json({ ok: differences.length === 0, checked, byok_secret: byokSecret, differences })
    },
  }),
  route({
    method: 'post',
    path: '/v1/accounts/:account/history/rebuild',
    operation: 'rebuildHistory',
    group: 'Accounts',
    summary: 'Send all entries of the account to history once more',
    scopes: OPERATORS,
    answers: { 202: { description: 'It has begun.', schema: z.strictObject({ entries: z.int() }) } },
    async handle({ env, account, caller }) {
      const answer = await askAccount(env, account, (object) => object.rebuildHistory(caller))
      return answer.ok ? json({ entries: answer.entries }, 202) : refusal(answer.refusal, account)
    },
  }),
]
