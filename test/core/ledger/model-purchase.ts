/** A purchase as the model has it: plain fields, changed in place. */
import type { Failure, PurchaseKind, PurchaseState, Stage } from '../../../src/ledger/purchase.ts'
import type { RequestFields } from '../../../src/ledger/reservation.ts'
import type { ModelGrant, Verdict } from './model-credits.ts'

export interface ModelPurchase {
  readonly id: string
  readonly number: number
  readonly kind: PurchaseKind
  readonly pack: string
  readonly credits: number
  readonly priceCents: number
  readonly card: string | null
  readonly paysFor: string | null
  readonly idempotencyKey: string | null
  readonly request: RequestFields
  readonly createdAt: number
  state: PurchaseState
  stage: Stage | null
  failure: Failure | null
  session: string | null
  paymentIntent: string | null
  url: string | null
  paidByCustomer: boolean
  chargedCents: number | null
  refundedCents: number
  keptCents: number
  disputedCents: number
  receiptUrl: string | null
  chargedAt: number | null
  paidAt: number | null
  closedAt: number | null
  grant: ModelGrant | null
  /** From where, in the order in which it was taken; `null` is debt. */
  taken: { readonly grant: ModelGrant | null; readonly amount: number }[]
}

export type Agreed = Pick<
  ModelPurchase,
  'id' | 'kind' | 'pack' | 'credits' | 'priceCents' | 'card' | 'stage' | 'paysFor' | 'idempotencyKey' | 'request'
>

export function newPurchase(agreed: Agreed, number: number, now: number): ModelPurchase {
  const { id, kind, pack, credits, priceCents, card, stage, paysFor, idempotencyKey, request } = agreed
  return {
    ...{ id, kind, pack, credits, priceCents, card, stage, paysFor, idempotencyKey, request, number },
    createdAt: now,
    state: 'open',
    failure: null,
    session: null,
    paymentIntent: null,
    url: null,
    paidByCustomer: false,
    chargedCents: null,
    refundedCents: 0,
    keptCents: 0,
    disputedCents: 0,
    receiptUrl: null,
    chargedAt: null,
    paidAt: null,
    closedAt: null,
    grant: null,
    taken: [],
  }
}

export function takenOf(purchase: ModelPurchase): number {
  let sum = 0
  for (const { amount } of purchase.taken) sum += amount
  return sum
}

/** Everything about it but the grants, which are not its own. */
export function plainly({ grant: _grant, taken, ...rest }: ModelPurchase): string {
  return JSON.stringify([rest, taken.map(({ amount }) => amount)])
}

export function changed(purchase: ModelPurchase): Verdict {
  return { outcome: 'accepted', reservation: null, grant: null, purchase }
}

export function unchanged(purchase: ModelPurchase): Verdict {
  return { outcome: 'replayed', reservation: null, grant: null, purchase }
}
