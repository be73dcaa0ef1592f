/**
 * The client's types against the contract, which `npm run typecheck` decides, and the client itself in Cloudflare's
 * runtime, against the real Worker.
 */
import { exports } from 'cloudflare:workers'
import { expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import type * as z from 'zod'
import type * as client from '../../src/client/contract.ts'
import { AssayCredits, type Runtime } from '../../src/client/index.ts'
import type * as answers from '../../src/http/answers.ts'
import type * as contract from '../../src/http/contract.ts'
import type { PROBLEMS } from '../../src/http/problems.ts'
import { newAccount, RUNNER } from './api.ts'

/** A type without what does not reach the wire: `readonly`, and `undefined` for what is left out. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { -readonly [Field in keyof T]: Plain<Exclude<T[Field], undefined>> }
    : T

/** Every field that any of the alternatives has, with all that it may be: the schemas name alternatives in their checks. */
type Fields<T> = {
  [Field in T extends unknown ? keyof T : never]: Plain<
    Exclude<T extends unknown ? (Field extends keyof T ? T[Field] : never) : never, undefined>
  >
}

test('what the client sends is what the contract takes, field for field', () => {
  expectTypeOf<Fields<client.ReserveBody>>().toEqualTypeOf<Fields<z.input<typeof contract.ReserveBody>>>()
  expectTypeOf<Plain<client.ReviewFacts>>().toEqualTypeOf<Plain<z.input<typeof contract.EstimateBody>>>()
  expectTypeOf<Plain<client.ReleaseBody>>().toEqualTypeOf<Plain<z.input<typeof contract.ReleaseBody>>>()
  expectTypeOf<Plain<client.ExtendBody>>().toEqualTypeOf<Plain<z.input<typeof contract.ExtendBody>>>()
  expectTypeOf<Fields<client.SettleBody>>().toEqualTypeOf<Fields<z.input<typeof contract.SettleBody>>>()
  type Of<Op> = Omit<Fields<Extract<client.BatchCommand, { readonly op: Op }>>, 'op' | 'id'>
  expectTypeOf<client.BatchCommand['op']>().toEqualTypeOf<z.output<typeof contract.BatchCommand>['op']>()
  expectTypeOf<Omit<Of<'reserve'>, 'wait_seconds'>>().toEqualTypeOf<Omit<Fields<client.ReserveBody>, 'wait_seconds'>>()
  expectTypeOf<Of<'settle'>>().toEqualTypeOf<Fields<client.SettleBody>>()
  expectTypeOf<Of<'release'>>().toEqualTypeOf<Fields<client.ReleaseBody>>()
  expectTypeOf<Of<'extend'>>().toEqualTypeOf<Fields<client.ExtendBody>>()
})

/** What a schema of the API answers; of one that is not there yet, what the client expects. */
type Answer<Name extends string, Expected> = typeof answers extends {
  readonly [_ in Name]: infer Schema extends z.ZodType
}
  ? Plain<z.output<Schema>>
  : Plain<Expected>

test('what the client reads is what the API answers, field for field', () => {
  expectTypeOf<Plain<client.Balance>>().toEqualTypeOf<Answer<'Balance', never>>()
  expectTypeOf<Plain<client.Reservation>>().toEqualTypeOf<Answer<'Reservation', never>>()
  expectTypeOf<Plain<client.Estimate>>().toEqualTypeOf<Answer<'Estimate', never>>()
  expectTypeOf<Plain<client.ReservationAnswer>>().toEqualTypeOf<Answer<'ReservationAnswer', never>>()
  expectTypeOf<Plain<client.Quote>>().toEqualTypeOf<Answer<'Quote', never>>()
  expectTypeOf<Plain<client.ByokKey>>().toEqualTypeOf<Answer<'ByokKey', client.ByokKey>>()
  type Result<T extends { readonly results: readonly unknown[] }> = Omit<Fields<T['results'][number]>, 'problem'>
  expectTypeOf<Result<client.BatchAnswer>>().toEqualTypeOf<Result<z.output<typeof answers.BatchAnswer>>>()
  expectTypeOf<keyof client.BatchAnswer>().toEqualTypeOf<keyof z.output<typeof answers.BatchAnswer>>()
  expectTypeOf<client.ProblemCode>().toEqualTypeOf<keyof typeof PROBLEMS>()
})

/** A client whose network is the Worker itself. */
function connect(): AssayCredits {
  const runtime = { fetch: (url, init) => exports.default.fetch(new Request(url, init)) } satisfies Partial<Runtime>
  return new AssayCredits({ url: 'https://credits.test', key: RUNNER, runtime })
}

test('a review runs in a Worker from its reservation to its settlement', async () => {
  const { id } = await newAccount(100)
  const assay = connect()
  const account = assay.account(id)
  const facts = { tier: 'code_review', diff_lines: 150, files: 6 } as const
  expect(await account.estimate(facts)).toEqual(await assay.estimate(facts))
  const { result, settlement } = await account.withReservation(facts, async (review) => {
    expect(review.reservation).toMatchObject({ state: 'held', credits: 62.5 })
    expect((await review.extend({ credits: 70 })).reservation.credits).toBe(70)
    return { cost_usd: 0.1 + 0.2, findings: 3 }
  })
  expect(result.findings).toBe(3)
  expect(settlement).toMatchObject({ state: 'settled', reservation: { charged: 30, cost_usd: '0.3' } })
  expect(await account.balance()).toMatchObject({ available: 70, reserved: 0 })
  const { results } = await account.batch([
    { op: 'reserve', id: 'one', credits: 20 },
    { op: 'settle', id: 'one', credits: 10 },
    { op: 'release', id: 'none' },
  ])
  expect(results).toMatchObject([{ status: 201 }, { reservation: { charged: 10 } }, { problem: { code: 'not_found' } }])
  expect(await account.getReservation('one')).toMatchObject({ state: 'settled' })
  await expect(account.reserve('two', { credits: 61 })).rejects.toMatchObject({
    code: 'insufficient_credits',
    problem: { requested: 61, available: 60, shortfall: 1, affordable_tiers: ['quick_scan'], next_expiry: null },
  })
})

test('a quote is reserved by its id, and what it costs above is absorbed', async () => {
  const { id } = await newAccount(100)
  const account = connect().account(id)
  const quote = await account.quote({ tier: 'quick_scan', diff_lines: 10, files: 1 })
  const { settlement } = await account.withReservation({ quote: quote.id }, async (review) => {
    expect(review.reservation).toMatchObject({ credits: quote.reserve, max_credits: quote.max_credits })
    return { credits: quote.max_credits + 5 }
  })
  expect(settlement).toMatchObject({ reservation: { charged: quote.max_credits, absorbed: 5 } })
  await expect(account.reserve('again', { quote: quote.id })).rejects.toMatchObject({
    code: 'quote_invalid',
    problem: { reason: 'used' },
  })
})

test('work that outlives its hold is told so, and is settled late all the same', async () => {
  const { id } = await newAccount(100)
  onTestFinished(() => void vi.useRealTimers())
  const { settlement } = await connect()
    .account(id)
    .withReservation({ credits: 50, ttl_seconds: 60 }, async (review) => {
      // For the account an hour passes, in which it has heard of no heartbeat.
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
      review.report({ accrued: 10 })
      await vi.waitFor(() => expect(review.signal.aborted).toBe(true), { timeout: 10_000 })
      expect(review.signal.reason).toMatchObject({ code: 'reservation_expired' })
      return { credits: 20 }
    })
  expect(settlement).toMatchObject({ state: 'settled', reservation: { charged: 20, late: true } })
})
