/**
 * The end of a run, when nothing is under way: the account as it stands on disk against the double's own books (I11, I12),
 * its entries against its state (I1-I7), and the pace of its attempts (R15).
 */
import type { OpenedAccount } from '../../src/account/opened.ts'
import type { Entry } from '../../src/ledger/entry.ts'
import { DECLINE_PAUSE_MS, DECLINES_IN_A_ROW, STARTS_WINDOW_MS } from '../../src/ledger/limits.ts'
import type { Purchase } from '../../src/ledger/purchase.ts'
import { grantFromRow, type Row } from '../../src/account/rows.ts'
import { checkAll } from '../../test/core/ledger/invariants.ts'
import { same } from '../../test/core/ledger/same.ts'
import { Violation } from './judge.ts'
import type { World } from './world.ts'

const PAGE = 1_000

export function judgeBooks(world: World): void {
  // Judged is what a new life of the object finds.
  world.host.kill()
  const { account } = world.host
  const purchases = purchasesOf(account)
  judgePayments(world, purchases)
  judgeMonths(world, purchases)
  const attempts = purchases.filter(({ kind }) => kind === 'auto_top_up')
  judgeOutcomes(world, attempts)
  const entries = entriesOf(account)
  judgePace(attempts, agreementsIn(entries))
  judgeLedger(world, account, entries, purchases)
  same('D1 has all entries', world.host.history.watermark, account.ledger.book.seq)
}

/** Oldest first. */
function purchasesOf({ ledger }: OpenedAccount): Purchase[] {
  const purchases: Purchase[] = []
  for (let page = ledger.store.purchases.page(null, PAGE); page.length > 0; ) {
    purchases.push(...page)
    page = ledger.store.purchases.page(page.at(-1)?.number ?? 0, PAGE)
  }
  return purchases.reverse()
}

function entriesOf({ ledger }: OpenedAccount): Entry[] {
  const entries: Entry[] = []
  for (let page = ledger.store.entriesAfter(0, PAGE); page.length > 0; ) {
    entries.push(...page)
    page = ledger.store.entriesAfter(entries.length, PAGE)
  }
  return entries
}

/** I11: granted is what Stripe was paid for, once each; taken back is what its refunds and disputes say. */
export function judgePayments({ bank }: Pick<World, 'bank'>, purchases: readonly Purchase[]): void {
  const byId = new Map(purchases.map((purchase) => [purchase.id, purchase]))
  const paid = new Set<string>()
  for (const { paymentIntent, metadata, charges, cents } of bank.control.chargedByIntent()) {
    const id = metadata['purchase'] ?? ''
    const purchase = byId.get(id)
    if (charges !== 1) throw new Violation(`I12: ${paymentIntent} was charged ${charges} times`)
    if (paid.has(id)) throw new Violation(`I12: ${id} was charged by more than one payment`)
    paid.add(id)
    same(`I11: state of ${id}, whose payment was paid`, purchase?.state, 'paid')
    same(`I11: payment of ${id}`, purchase?.paymentIntent, paymentIntent)
    same(`I11: price of ${id}`, purchase?.priceCents, cents)
  }
  for (const purchase of purchases) {
    if (purchase.state === 'paid' && !paid.has(purchase.id)) throw new Violation(`I11: nobody paid for ${purchase.id}`)
    same(`I11: taken back for ${purchase.id}`, purchase.refundTaken + purchase.disputeTaken, targetOf(bank, purchase))
  }
}

/** R13, by the books: refunds that are pending or have succeeded, and what disputes have withdrawn. */
function targetOf({ books }: World['bank'], { paymentIntent, credits, priceCents, state }: Purchase): number {
  if (state !== 'paid') return 0
  let lost = 0
  for (const { payment_intent: payment, status, amount } of books.newestFirst('refund')) {
    if (payment === paymentIntent && status !== 'failed' && status !== 'canceled') lost += amount
  }
  for (const { payment_intent: payment, balance_transactions: moves } of books.newestFirst('dispute')) {
    if (payment === paymentIntent) for (const { amount } of moves) lost -= amount
  }
  return Number((BigInt(credits) * BigInt(Math.min(lost, priceCents))) / BigInt(priceCents))
}

/** R14: the account counts in each month what Stripe charged in it. */
export function judgeMonths({ judge }: Pick<World, 'judge'>, purchases: readonly Purchase[]): void {
  const counted = new Map<string, number>()
  for (const { kind, chargedAt, priceCents } of purchases) {
    if (kind !== 'auto_top_up' || chargedAt === null) continue
    const month = new Date(chargedAt).toISOString().slice(0, 7)
    counted.set(month, (counted.get(month) ?? 0) + priceCents)
  }
  for (const month of new Set([...counted.keys(), ...judge.months.keys()])) {
    same(`R14: spent in ${month}`, counted.get(month) ?? 0, judge.months.get(month) ?? 0)
  }
}

/** Every attempt is over, and one that was not paid can never be. */
export function judgeOutcomes(
  { bank, counters }: { readonly bank: World['bank']; readonly counters: Pick<World['counters'], 'count'> },
  attempts: readonly Purchase[],
): void {
  for (const { id, stage, state, failure, paymentIntent } of attempts) {
    same(`stage of ${id}`, stage, null)
    if (state === 'paid') counters.count('outcome: paid')
    else if (failure !== null) counters.count(`outcome: ${failure.kind}`)
    if (state === 'paid' || paymentIntent === null) continue
    same(`payment of ${id}, which failed`, bank.books.get('payment_intent', paymentIntent)?.status, 'canceled')
  }
}

/** When the customer agreed, or agreed again, oldest first. */
export function agreementsIn(entries: readonly Entry[]): number[] {
  const agreed = entries.filter(({ kind, purchase }) => kind === 'auto_top_up_changed' && purchase === null)
  return agreed.map(({ at }) => at)
}

/** R15: two in 10 minutes, an hour after a decline, and after three declines in a row none without a new agreement. */
export function judgePace(attempts: readonly Purchase[], agreements: readonly number[]): void {
  for (const [at, { id, createdAt }] of attempts.entries()) {
    const before = attempts.slice(0, at)
    const second = before.at(-2)
    if (second !== undefined && createdAt - second.createdAt < STARTS_WINDOW_MS) {
      throw new Violation(`R15: ${id} is the third attempt in 10 minutes`)
    }
    const outcomes = before
      .filter(({ state, failure }) => state === 'paid' || stops(failure?.kind))
      .slice(-DECLINES_IN_A_ROW)
    const last = outcomes.at(-1)
    if (last?.failure?.kind === 'declined' && createdAt - (last.closedAt ?? 0) < DECLINE_PAUSE_MS) {
      throw new Violation(`R15: ${id} started within an hour after a decline`)
    }
    const agreedAt = agreements.findLast((agreed) => agreed <= createdAt) ?? 0
    const counted = outcomes.filter((each) => each.createdAt >= agreedAt)
    if (counted.at(-1)?.failure?.kind === 'authentication_required' && counted.at(-1)?.paidByCustomer === false) {
      throw new Violation(`R15: ${id} started although the bank wants the customer`)
    }
    const declined = counted.filter(({ failure, paidByCustomer }) => failure?.kind === 'declined' && !paidByCustomer)
    if (declined.length === DECLINES_IN_A_ROW) throw new Violation(`R15: ${id} started after three declines in a row`)
  }
}

function stops(kind: string | undefined): boolean {
  return kind === 'declined' || kind === 'authentication_required'
}

/** I1-I7, and that nothing was granted but what was paid for. */
function judgeLedger(
  { host, counters }: World,
  { ledger }: OpenedAccount,
  entries: readonly Entry[],
  purchases: readonly Purchase[],
): void {
  const { book } = ledger
  const { disk } = host
  const grants = new Map(disk.read('SELECT * FROM grants').map((row) => [String(row['id']), grantFromRow(row as Row)]))
  for (const grant of book.grants) {
    same(`grant ${grant.id} on disk`, JSON.stringify(grants.get(grant.id)), JSON.stringify(grant))
    grants.set(grant.id, grant)
  }
  const reservations = new Map(
    disk.read('SELECT id FROM reservations').flatMap(({ id }) => {
      const reservation = ledger.store.reservation(String(id))
      return reservation === null ? [] : [[reservation.id, reservation] as const]
    }),
  )
  const held = new Map([...reservations].filter(([, { state }]) => state === 'held'))
  checkAll({ book, entries, reservations, held, grants, purchases: new Map(purchases.map((each) => [each.id, each])) })
  const bought = purchases.reduce((sum, { state, credits }) => sum + (state === 'paid' ? credits : 0), 0)
  same('credits granted are those of payments that succeeded', book.totals.granted, bought)
  if (purchases.some(({ taken }) => taken.some(({ grant }) => grant === null))) {
    counters.count('money: taken back as debt')
  }
}
