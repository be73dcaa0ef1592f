/**
 * One repository as one customer: an account of its own, credits, and runners that review its commits side by side.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Accuracy, Api, Audit, Balance, Tier } from './api.ts'
import { Purse } from './purse.ts'
import { isKilled, type Review } from './review.ts'
import { type Reviewed, Runner } from './runner.ts'

/** A killed runner's hold lives for a minute; the rest is for an alarm that comes late. */
const EXPIRED_WITHIN_MS = 90_000
/** History and what is learned trail by about 2 s; more than that means that something is wrong. */
const HISTORY_WITHIN_MS = 30_000
const BETWEEN_LOOKS_MS = 500
const TRIAL_CREDITS = 100

export interface Customer {
  readonly account: string
  readonly reviewed: readonly Reviewed[]
  readonly granted: number
  readonly timesEmpty: number
  readonly callsRepeated: number
  readonly balance: Balance
  readonly audit: Audit
  readonly accuracy: Accuracy
}

interface Options {
  readonly api: Api
  readonly account: string
  readonly name: string
  readonly reviews: readonly Review[]
  readonly runners: number
  readonly tiers: readonly Tier[]
  /** Whether to stay until the holds of killed runners have expired. */
  readonly waits: boolean
  readonly onReviewed: (reviewed: Reviewed) => void
  readonly onWait: (what: string) => void
}

export async function playCustomer(options: Options): Promise<Customer> {
  const { api, account, name, reviews, runners, waits, onReviewed } = options
  const path = `/v1/accounts/${account}`
  await api.asOperator('PUT', path, { name, trial: { credits: TRIAL_CREDITS, days: 14 } })
  const purse = new Purse(api, path)
  // What the rate card says is typical: for some histories it is enough, others run out.
  await purse.grant(Math.max(TRIAL_CREDITS, typicalCredits(options) - TRIAL_CREDITS), 'for what is typical')
  const runner = new Runner(api, path, name, purse)
  const reviewed = new Map<string, Reviewed>()
  const record = (result: Reviewed) => {
    reviewed.set(result.review.id, result)
    onReviewed(result)
  }
  const queue = reviews.values()
  const work = async () => {
    for (const review of queue) record(await runner.review(review))
  }
  await Promise.all(Array.from({ length: runners }, work))
  if (waits && reviews.some(isKilled)) {
    await untilNothingIsHeld(options, path)
    for (const review of reviews.filter(isKilled)) {
      const before = reviewed.get(review.id)
      if (before !== undefined) reviewed.set(review.id, { ...before, reservation: await runner.comeBack(review) })
    }
  }
  const audit = await completeAudit(options, path)
  return {
    account,
    reviewed: reviews.flatMap((review) => reviewed.get(review.id) ?? []),
    granted: TRIAL_CREDITS + purse.granted,
    timesEmpty: purse.timesEmpty,
    callsRepeated: runner.callsRepeated,
    balance: await api.asRunner<Balance>('GET', `${path}/balance`),
    audit,
    accuracy: await completeAccuracy(options, path, audit.checked.entries),
  }
}

function typicalCredits({ reviews, tiers }: Options): number {
  const typical = new Map(tiers.map((tier) => [tier.id, tier.typical]))
  return reviews.reduce((sum, { facts }) => sum + (typical.get(facts.tier) ?? 0), 0)
}

async function untilNothingIsHeld({ api, onWait }: Options, path: string): Promise<void> {
  const deadline = Date.now() + EXPIRED_WITHIN_MS
  while (Date.now() < deadline) {
    const { reserved } = await api.asRunner<Balance>('GET', `${path}/balance`)
    if (reserved === 0) return
    onWait(`waiting for the holds of killed runners to expire, at most a minute: ${reserved}`)
    await pause(BETWEEN_LOOKS_MS)
  }
  throw new Error(`Credits were still held ${EXPIRED_WITHIN_MS / 1000} s after their runners were killed.`)
}

/** Once history has every entry, so that all of them are compared. */
async function completeAudit({ api, onWait }: Options, path: string): Promise<Audit> {
  const deadline = Date.now() + HISTORY_WITHIN_MS
  for (;;) {
    const audit = await api.asOperator<Audit>('GET', `${path}/audit`)
    const { entries, history } = audit.checked
    if (entries === history) return audit
    if (Date.now() > deadline) throw new Error(`History has only ${history} of ${entries} entries.`)
    onWait(`waiting for history: ${history} of ${entries} entries`)
    await pause(BETWEEN_LOOKS_MS)
  }
}

/** Once every entry was learned from. */
async function completeAccuracy({ api, onWait }: Options, path: string, entries: number): Promise<Accuracy> {
  const deadline = Date.now() + HISTORY_WITHIN_MS
  for (;;) {
    const accuracy = await api.asOperator<Accuracy>('GET', `${path}/estimates/accuracy`)
    if (accuracy.complete_to >= entries) return accuracy
    if (Date.now() > deadline) throw new Error(`Only ${accuracy.complete_to} of ${entries} entries were learned from.`)
    onWait(`waiting for what is learned: ${accuracy.complete_to} of ${entries} entries`)
    await pause(BETWEEN_LOOKS_MS)
  }
}
