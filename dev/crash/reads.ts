/** The final reads: everything through the API, as a doubting customer would read it. */
import { setTimeout as pause } from 'node:timers/promises'
import { ask, type Json, type Keys, thingOf } from './api.ts'
import type { Thing } from './command.ts'
import type { SeenEntry } from './judge.ts'

const PAGE = 200
/** Each page ends before the one before it; more than so many would be a cursor that goes round. */
const MAX_PAGES = 2_000
const READERS = 16
/** History trails by a second or two; a D1 that was killed with the rest is asked again after pauses of up to a minute. */
const COMPLETE_WITHIN_MS = 90_000
const BETWEEN_LOOKS_MS = 100

export async function read(keys: Keys, account: string, path: string): Promise<Json> {
  const answered = await ask(keys, 'operator', 'GET', `/v1/accounts/${account}${path}`)
  if (answered === null) throw new Error(`${path} of ${account} is not answered`)
  return answered.status === 404 ? null : answered.body
}

export async function readThings(keys: Keys, account: string, ids: readonly string[]): Promise<Map<string, Thing>> {
  const things = new Map<string, Thing>()
  const wanted = ids.filter((id) => id.startsWith('r-'))
  const next = wanted.values()
  const reader = async () => {
    for (const id of next) {
      const found = await read(keys, account, `/reservations/${id}`)
      if (found !== null) things.set(id, thingOf(found))
    }
  }
  await Promise.all(Array.from({ length: READERS }, reader))
  if (wanted.length === ids.length) return things
  for await (const grant of newestFirst(keys, account, '/grants')) things.set(grant.id, thingOf(grant))
  return things
}

/** Entries after the given one, oldest first. */
export async function readEntries(keys: Keys, account: string, after: number): Promise<SeenEntry[]> {
  const entries: SeenEntry[] = []
  for await (const entry of newestFirst(keys, account, '/entries')) {
    if (entry.seq <= after) break
    entries.push(entry)
  }
  return entries.reverse()
}

async function* newestFirst(keys: Keys, account: string, path: string): AsyncGenerator<Json> {
  let cursor: string | null = ''
  for (let page = 0; cursor !== null && page < MAX_PAGES; page += 1) {
    const body: Json = await read(keys, account, `${path}?limit=${PAGE}${cursor === '' ? '' : `&cursor=${cursor}`}`)
    yield* body.data
    cursor = body.next_cursor
  }
}

/** Waits until D1 has every entry, and asks for the audit. Returns what is wrong. */
export async function auditWhenComplete(keys: Keys, account: string): Promise<string[]> {
  const deadline = Date.now() + COMPLETE_WITHIN_MS
  for (;;) {
    const { version } = await read(keys, account, '/balance')
    const { complete_to: completeTo } = await read(keys, account, '/entries?limit=1')
    if (completeTo === version) break
    if (Date.now() > deadline) return [`${account}: D1 has ${completeTo} of ${version} entries`]
    await pause(BETWEEN_LOOKS_MS)
  }
  const { ok, checked, differences } = await read(keys, account, '/audit')
  if (!ok) return differences.map((difference: string) => `${account}: audit: ${difference}`)
  return checked.history === checked.entries ? [] : [`${account}: the audit found ${JSON.stringify(checked)}`]
}
