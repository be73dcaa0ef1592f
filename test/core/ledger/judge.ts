/** Compares what the ledger answered, and what it left, with what the model says. */
import { type Balance, balanceOf } from '../../../src/ledger/balance.ts'
import type { Decision } from '../../../src/ledger/commands.ts'
import type { Grant } from '../../../src/ledger/grants.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'
import { comparePurchases } from './judge-payments.ts'
import type { Model, ModelReservation } from './model.ts'
import type { ModelGrant, Verdict } from './model-credits.ts'
import { same } from './same.ts'
import type { Store } from './store.ts'

export function compareAnswers(decision: Decision, verdict: Verdict): void {
  const outcome = !decision.ok ? 'refused' : decision.replayed ? 'replayed' : 'accepted'
  if (!decision.ok || verdict.outcome === 'refused') {
    same(
      'outcome',
      decision.ok ? outcome : decision.refusal.code,
      verdict.outcome === 'refused' ? verdict.code : outcome,
    )
    if (decision.ok || verdict.outcome !== 'refused') throw new Error(`outcome: is ${outcome}, not ${verdict.outcome}`)
    const refusal: Readonly<Record<string, unknown>> = decision.refusal
    for (const [figure, value] of Object.entries(verdict.figures)) same(`refusal's ${figure}`, refusal[figure], value)
    if (decision.refusal.code === 'conflict' && !verdict.fields?.includes(decision.refusal.field)) {
      throw new Error(`conflict in ${decision.refusal.field}, but what differs is ${verdict.fields}`)
    }
    return
  }
  same('outcome', outcome, verdict.outcome)
  same('answered reservation', decision.reservation?.id, verdict.reservation?.id)
  same('answered grant', decision.grant?.id, verdict.grant?.id)
  same('answered purchase', decision.purchase?.id, verdict.purchase?.id)
  if (decision.reservation !== null && verdict.reservation !== null) {
    compareReservations(decision.reservation, verdict.reservation)
  }
  if (decision.grant !== null && verdict.grant !== null) compareGrants(decision.grant, verdict.grant)
  if (decision.purchase && verdict.purchase) comparePurchases(decision.purchase, verdict.purchase)
}

/** What can have changed with any command: the balances, and everything that is open or live. */
export function compareStates(store: Store, model: Model, now: number): void {
  const { book } = store
  same('available', book.available, model.free)
  same('reserved', book.reserved, model.held)
  same('debt', book.debt, model.debt)
  same('byok', book.byok, model.byok)
  for (const [name, sum] of Object.entries(model.sums)) same(`total ${name}`, book.totals[name as 'granted'], sum)
  same('open reservations', store.held.size, model.open.length)
  for (const open of model.open) compareReservations(store.held.get(open.id), open)
  let live = 0
  for (const grant of model.grants) if (grant.free > 0) live += 1
  for (const grant of book.grants) if (grant.free === 0) live += 1
  same('live grants', book.grants.length, live)
  for (const { id, free } of model.grants) {
    const actual = store.grants.get(id)?.free
    if (actual !== free) same(`free of grant ${id}`, actual, free)
  }
  compareBalances(balanceOf(book, now), model, now)
}

/** Everything that there ever was. */
export function compareAll(store: Pick<Store, 'reservations' | 'grants' | 'purchases'>, model: Model): void {
  same('reservations', store.reservations.size, model.reservations.size)
  for (const each of model.reservations.values()) compareReservations(store.reservations.get(each.id), each)
  same('grants', store.grants.size, model.grants.length)
  for (const each of model.grants) {
    const stored = store.grants.get(each.id)
    compareGrants(stored, each)
    same(`held of grant ${each.id}`, stored?.held, model.heldOf(each))
  }
  same('purchases', store.purchases.size, model.payments.purchases.length)
  for (const each of model.payments.purchases) comparePurchases(store.purchases.get(each.id), each)
}

export function compareReservations(actual: Reservation | undefined, expected: ModelReservation): void {
  const { id } = expected
  if (actual === undefined) throw new Error(`reservation ${id} is missing`)
  same('reservation', actual.id, id)
  same(`${id}.state`, actual.state, expected.state)
  same(`${id}.mode`, actual.mode, expected.mode)
  same(`${id}.held`, actual.held, expected.held)
  same(`${id}.charged`, actual.charged, expected.charged)
  same(`${id}.returned`, actual.returned, expected.returned)
  same(`${id}.absorbed`, actual.absorbed, expected.absorbed)
  same(`${id}.actual`, actual.actual, expected.actual)
  same(`${id}.accrued`, actual.accrued, expected.accrued)
  same(`${id}.maxCredits`, actual.maxCredits, expected.maxCredits)
  same(`${id}.quote`, actual.quote, expected.quote)
  same(`${id}.late`, actual.late, expected.late)
  same(`${id}.createdAt`, actual.createdAt, expected.createdAt)
  same(`${id}.expiresAt`, actual.expiresAt, expected.expiresAt)
  same(`${id}.closedAt`, actual.closedAt, expected.closedAt)
  if (expected.state !== 'held') return
  same(`${id}.parts`, actual.parts.length, expected.pieces.length)
  expected.pieces.forEach((piece, at) => {
    same(`${id}.parts[${at}].grant`, actual.parts[at]?.grant, piece.grant.id)
    same(`${id}.parts[${at}].held`, actual.parts[at]?.held, piece.amount)
  })
}

function compareGrants(actual: Grant | undefined, expected: ModelGrant): void {
  const { id } = expected
  if (actual === undefined) throw new Error(`grant ${id} is missing`)
  same(`${id}.kind`, actual.kind, expected.kind)
  same(`${id}.credits`, actual.credits, expected.credits)
  same(`${id}.free`, actual.free, expected.free)
  same(`${id}.voided`, actual.voided, expected.voided)
  same(`${id}.expiresAt`, actual.expiresAt, expected.expiresAt)
  same(`${id}.reason`, actual.reason, expected.reason)
}

/** The three parts that people see. */
function compareBalances(balance: Balance, model: Model, now: number): void {
  const sums = { trial: [0, 0], promotional: [0, 0], purchased: [0, 0] } satisfies Record<string, [number, number]>
  let nextExpiresAt: number | null = null
  for (const grant of model.grants) {
    const { kind, free, expiresAt } = grant
    const part = partOf(kind)
    sums[part][0] += free
    if (part !== 'promotional' || free === 0 || expiresAt === null) continue
    if (nextExpiresAt === null || expiresAt < nextExpiresAt) nextExpiresAt = expiresAt
  }
  for (const { pieces } of model.open) for (const { grant, amount } of pieces) sums[partOf(grant.kind)][1] += amount
  const trialEnds = model.grants.find((grant) => grant.kind === 'trial')?.expiresAt ?? null
  const isShown = trialEnds !== null && (now < trialEnds || sums.trial[1] > 0)
  same('balance.trial.expiresAt', balance.trial?.expiresAt ?? null, isShown ? trialEnds : null)
  same('balance.trial.available', balance.trial?.available ?? 0, sums.trial[0])
  same('balance.trial.reserved', balance.trial?.reserved ?? 0, sums.trial[1])
  same('balance.promotional.available', balance.promotional.available, sums.promotional[0])
  same('balance.promotional.reserved', balance.promotional.reserved, sums.promotional[1])
  same('balance.promotional.nextExpiresAt', balance.promotional.nextExpiresAt, nextExpiresAt)
  same('balance.purchased.available', balance.purchased.available, sums.purchased[0])
  same('balance.purchased.reserved', balance.purchased.reserved, sums.purchased[1])
}

function partOf(kind: ModelGrant['kind']): 'trial' | 'promotional' | 'purchased' {
  if (kind === 'trial') return 'trial'
  return kind === 'purchase' || kind === 'top_up' ? 'purchased' : 'promotional'
}
