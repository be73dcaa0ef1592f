/** Things as they stand in answers, in one line each: as the model has them, and as an answer has them. */
import type { Model, ModelReservation } from '../../../test/core/ledger/model.ts'
import type { ModelGrant } from '../../../test/core/ledger/model-credits.ts'

export type Json = Readonly<Record<string, unknown>>

const PARTS = ['trial', 'promotional', 'purchased'] as const

export function balanceText(model: Model): string {
  const sums = { trial: [0, 0], promotional: [0, 0], purchased: [0, 0] }
  for (const { kind, free } of model.grants) addTo(sums[partOf(kind)], 0, free)
  for (const { pieces } of model.open)
    for (const { grant, amount } of pieces) addTo(sums[partOf(grant.kind)], 1, amount)
  return JSON.stringify([model.free, model.held, model.debt, ...PARTS.map((part) => sums[part])])
}

/** An answer's balance; throws where its parts do not sum up. */
export function textOfBalance(balance: Json): string {
  const parts = PARTS.map((part) => {
    const { available, reserved } = (balance[part] ?? { available: 0, reserved: 0 }) as Json
    return [milli(available), milli(reserved)]
  })
  const [available, reserved] = [milli(balance['available']), milli(balance['reserved'])]
  if (milli(balance['total']) !== available + reserved)
    throw new Error(`total is not the sum: ${JSON.stringify(balance)}`)
  return JSON.stringify([available, reserved, milli(balance['debt']), ...parts])
}

export function reservationText(reservation: ModelReservation): string {
  const { id, state, mode, held, charged, returned, absorbed, accrued, maxCredits, overage, onExpiry, late } =
    reservation
  const { createdAt, expiresAt, closedAt } = reservation
  return JSON.stringify([
    ...[id, state, mode, held, charged, returned, absorbed, accrued, maxCredits, overage, onExpiry, late],
    ...[createdAt, expiresAt, closedAt],
  ])
}

export function textOfReservation(json: Json): string {
  const { id, state, mode, overage, on_expiry: onExpiry, late, closed_at: closedAt } = json
  const amounts = [json['charged'], json['returned'], json['absorbed']].map((each) =>
    each === null ? null : milli(each),
  )
  const [held, accrued, most] = [milli(json['credits']), milli(json['accrued']), milli(json['max_credits'])]
  return JSON.stringify([
    ...[id, state, mode, held, ...amounts, accrued, most, overage, onExpiry, late],
    ...[time(json['created_at']), time(json['expires_at']), closedAt === null ? null : time(closedAt)],
  ])
}

export function grantText({ id, kind, credits, free, expiresAt, voided, reason }: ModelGrant, held: number): string {
  return JSON.stringify([id, kind, credits, free, held, expiresAt, voided, reason])
}

export function textOfGrant(json: Json): string {
  const { id, kind, voided, reason, expires_at: expiresAt } = json
  const [credits, free, held] = [milli(json['credits']), milli(json['available']), milli(json['reserved'])]
  return JSON.stringify([id, kind, credits, free, held, expiresAt === null ? null : time(expiresAt), voided, reason])
}

function partOf(kind: ModelGrant['kind']): (typeof PARTS)[number] {
  if (kind === 'trial') return 'trial'
  return kind === 'purchase' || kind === 'top_up' ? 'purchased' : 'promotional'
}

function addTo(part: number[], at: 0 | 1, amount: number): void {
  part[at] = (part[at] ?? 0) + amount
}

function milli(credits: unknown): number {
  return Math.round(Number(credits) * 1_000)
}

function time(text: unknown): number {
  return Date.parse(String(text))
}
