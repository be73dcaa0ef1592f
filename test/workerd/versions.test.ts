/**
 * Old and new, as they meet during a deploy. The rule that these hold: an RPC gains fields, and never loses one or gives
 * one another meaning; what is new is optional on both sides. A recording of each release is kept while it may still run;
 * make one before a release with `npx vitest run --project workerd --mode record test/workerd/versions.test.ts -u`.
 */
/// <reference types="vite/types/importMeta.d.ts" />
import { afterEach, describe, expect, it, vi } from 'vitest'
import { aroundObject, perform, type Recorded, record, rpc } from './versions.ts'

/** The object's methods, by what the Worker may call (AccountMethods). */
const METHODS = [
  ...['open', 'execute', 'executeAll', 'desk', 'mintLink', 'enter', 'leave', 'overview', 'describe', 'balance'],
  ...['estimate', 'reservation', 'reservations', 'grants', 'mintKey', 'listKeys', 'revokeKey', 'admit'],
]
const FROM = Date.parse('2026-11-25T12:00:00.000Z')
/** Not the name of a release, but the day on which it was recorded. */
const TODAY = '2026-11-25'

const RELEASES = import.meta.glob<string>('../fixtures/rpc/*.json', { eager: true, import: 'default', query: '?raw' })
const recordings = Object.entries(RELEASES).map(([path, text]) => {
  return { name: path.split('/').at(-1), recorded: JSON.parse(text) as Recorded[] }
})

afterEach(() => {
  vi.useRealTimers()
})

it.runIf(import.meta.env.MODE === 'record')('is recorded', async () => {
  const text = `${JSON.stringify(await record(METHODS, FROM), null, 1)}\n`
  await expect(text).toMatchFileSnapshot(`../fixtures/rpc/${TODAY}.json`)
})

describe.runIf(import.meta.env.MODE !== 'record').each(recordings)('with the release of $name', ({ recorded }) => {
  it('this Worker understands its objects: every answer that lacks what is new becomes an answer of the contract', async () => {
    for (const { request, status, body, calls } of recorded) {
      const answers = calls.map(({ answer }) => answer).values()
      const restore = await aroundObject(METHODS, () => async () => structuredClone(answers.next().value))
      try {
        const answered = await perform(request)
        expect(answered.status, `${request.method} ${request.path}`).toBe(status)
        expect(answered.body).toMatchObject(body as object)
      } finally {
        restore()
      }
    }
  })

  it('these objects understand its Worker: every request that lacks what is new is done as it was, and answers no less', async () => {
    for (const { at, request, calls } of recorded) {
      vi.useFakeTimers({ toFake: ['Date'], now: at })
      for (const { method, args, answer } of calls) {
        expect(await rpc(method, args), `${method} for ${request.method} ${request.path}`).toMatchObject(
          answer as object,
        )
      }
    }
  })
})
