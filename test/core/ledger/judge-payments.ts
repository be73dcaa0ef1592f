/** The same for payments and auto top-up: what the ledger has of a purchase, its word for the state, and its alarm. */
import { autoTopUpState, nextAttemptAt } from '../../../src/ledger/auto-top-up.ts'
import type { Purchase } from '../../../src/ledger/purchase.ts'
import { type ModelPurchase, takenOf } from './model-purchase.ts'
import type { TopUp } from './model-top-up.ts'
import { same } from './same.ts'
import type { Store } from './store.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** What both sides keep under the same name. */
const FIELDS = [
  'number',
  'kind',
  'pack',
  'credits',
  'priceCents',
  'card',
  'paysFor',
  'createdAt',
  'state',
  'stage',
  'session',
  'paymentIntent',
  'url',
  'paidByCustomer',
  'chargedCents',
  'refundedCents',
  'keptCents',
  'disputedCents',
  'receiptUrl',
  'chargedAt',
  'paidAt',
  'closedAt',
] as const satisfies readonly (keyof Purchase & keyof ModelPurchase)[]

export function comparePurchases(actual: Purchase | undefined, expected: ModelPurchase): void {
  if (actual === undefined) throw new Error(`purchase ${expected.id} is missing`)
  for (const field of FIELDS) {
    if (actual[field] !== expected[field]) same(`${expected.id}.${field}`, actual[field], expected[field])
  }
  same('failure', actual.failure?.kind, expected.failure?.kind)
  same('taken back', actual.refundTaken + actual.disputeTaken, takenOf(expected))
  same('taken from', sourcesOf(actual.taken), sourcesOf(expected.taken.map(inLedgersWords)))
}

function inLedgersWords({ grant, amount }: ModelPurchase['taken'][number]): Purchase['taken'][number] {
  return { grant: grant?.id ?? null, credits: amount }
}

/** How much from where, in the order in which it was taken; two pieces in a row from one grant are one. */
export function sourcesOf(taken: Purchase['taken']): string {
  const sources: { grant: string | null; credits: number }[] = []
  for (const { grant, credits } of taken) {
    const last = sources.at(-1)
    if (last !== undefined && last.grant === grant) last.credits += credits
    else sources.push({ grant, credits })
  }
  return JSON.stringify(sources)
}

export function compareTopUp(store: Store, topUp: TopUp, now: number): void {
  const { book } = store
  same('agreement', JSON.stringify(book.autoTopUp), JSON.stringify(topUp.agreed))
  if (topUp.agreed === null) return
  const facts = store.topUpFacts()
  same('auto top-up', autoTopUpState(book, facts, now), topUp.state(now))
  const at = nextAttemptAt(book, facts, now)
  same('an attempt may start', at !== null && at <= now, topUp.hindrance(now) === null)
  alarmIsNotLate(topUp, at, now)
}

/** I8 for auto top-up: at no moment before its alarm may an attempt start. */
function alarmIsNotLate(topUp: TopUp, alarm: number | null, now: number): void {
  const last = alarm ?? Number.POSITIVE_INFINITY
  const moments = [now + 1, now + 10 * MINUTE, now + HOUR, nextMonth(now), nextMonth(now) + 5 * MINUTE, last - 1]
  for (const at of moments) {
    if (at <= now || at >= last || at === Number.POSITIVE_INFINITY) continue
    same(`I8 an attempt may start at ${at}, the alarm is at ${alarm}`, topUp.hindrance(at) === null, false)
  }
}

function nextMonth(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
