/** The ledger read back, and what was used. From D1: it trails the balance by a moment and says how far it goes. */
import * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import { readEntries, readUsage, readWatermark } from '../../history/read.ts'
import { Entry, listOf, UsageLine } from '../answers.ts'
import { EntriesQuery, UsageQuery } from '../contract.ts'
import { csvOfEntries } from '../csv.ts'
import { fromCursor, NumberPosition, toPage } from '../cursor.ts'
import { presentEntry, presentUsage } from '../present.ts'
import { problemResponse } from '../problems.ts'
import { json, refusal } from '../respond.ts'
import { READERS, type Route, route } from '../route.ts'

export const historyRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/v1/accounts/:account/entries',
    operation: 'listEntries',
    group: 'History',
    summary: 'The ledger, newest first',
    description:
      '`complete_to` is the number of the last entry that history has. With `Accept: text/csv` the whole selection is streamed.',
    scopes: READERS,
    query: EntriesQuery,
    answers: {
      200: {
        description: 'A page.',
        schema: z.strictObject({ ...listOf(Entry).shape, complete_to: z.int() }).meta({ id: 'EntryPage' }),
      },
    },
    async handle({ env, account, caller, query, context }) {
      const cursor = fromCursor(query.cursor, NumberPosition)
      if (!cursor.ok) return problemResponse(cursor.problem)
      const admitted = await askAccount(env, account, (object) => object.admit(caller))
      if (!admitted.ok) return refusal(admitted.refusal, account)
      const { kind, reservation } = query
      const filter = { kind, reservation, from: optionalTime(query.from), to: optionalTime(query.to) }
      if (acceptsCsv(context.req.header('Accept'))) return csvOfEntries(env.HISTORY, account, filter)
      // Before the page, so that it never claims more than the page could show.
      const completeTo = await readWatermark(env.HISTORY, account)
      const found = await readEntries(env.HISTORY, account, filter, cursor.position, query.limit + 1)
      const { data, next_cursor } = toPage(found, query.limit, (entry) => entry.seq)
      return json({ data: data.map(presentEntry), next_cursor, complete_to: completeTo })
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account/usage',
    operation: 'getUsage',
    group: 'History',
    summary: 'Reviews and what they cost, by day, tier or repository',
    description: 'From one day (UTC) to another, both counted.',
    scopes: READERS,
    query: UsageQuery,
    answers: {
      200: { description: 'The sums.', schema: z.strictObject({ data: z.array(UsageLine), complete_to: z.int() }) },
    },
    async handle({ env, account, caller, query }) {
      const admitted = await askAccount(env, account, (object) => object.admit(caller))
      if (!admitted.ok) return refusal(admitted.refusal, account)
      const { from, to, group_by } = query
      const completeTo = await readWatermark(env.HISTORY, account)
      const lines = await readUsage(env.HISTORY, account, { from, to }, group_by)
      return json({ data: lines.map((line) => presentUsage(line, group_by)), complete_to: completeTo })
    },
  }),
]

function optionalTime(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time)
}

function acceptsCsv(accept: string | undefined): boolean {
  return accept?.split(',').some((each) => /^text\/csv\s*(;|$)/i.test(each.trim())) ?? false
}
