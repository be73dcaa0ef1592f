/**
 * The model's credits: grants as a plain list, walked from the start every time, and what may happen to what is free of
 * them. What reservations and payments do with them stands in files of their own.
 */
import type { GiveGrant } from '../../../src/ledger/commands.ts'
import type { GrantKind } from '../../../src/ledger/grants.ts'
import type { Refusal } from '../../../src/ledger/refusals.ts'
import type { RequestFields } from '../../../src/ledger/reservation.ts'
import type { ModelReservation } from './model.ts'
import type { ModelPurchase } from './model-purchase.ts'
import type { Counters, Sometimes } from './sometimes.ts'

/** R20 */
export const MOST = 1_000_000_000_000_000

export interface ModelGrant {
  readonly id: string
  readonly kind: GrantKind
  readonly credits: number
  readonly expiresAt: number | null
  readonly reason: string | null
  /** 0 for the first grant of the account. */
  readonly age: number
  free: number
  voided: boolean
}

/** Some millicredits of one grant that a reservation holds, or what became of them. */
export interface Piece {
  readonly grant: ModelGrant
  readonly amount: number
  readonly fate: 'held' | 'charged' | 'back' | 'lost'
}

export type Verdict =
  | {
      readonly outcome: 'accepted' | 'replayed'
      readonly reservation: ModelReservation | null
      readonly grant: ModelGrant | null
      readonly purchase?: ModelPurchase | null
    }
  | {
      readonly outcome: 'refused'
      readonly code: Refusal['code']
      readonly figures: Readonly<Record<string, unknown>>
      /** For a conflict: the fields that differ, of which the answer names one. */
      readonly fields?: readonly string[]
    }

export abstract class Credits {
  readonly grants: ModelGrant[] = []
  readonly sums = { granted: 0, charged: 0, absorbed: 0, expired: 0, voided: 0, takenBack: 0 }
  debt = 0
  readonly #counters: Counters

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** What reservations hold. */
  abstract get held(): number

  get free(): number {
    let sum = 0
    for (const grant of this.grants) sum += grant.free
    return sum
  }

  /** R10: credits return to their grant, unless that is gone; answers whether they are good. */
  comesBack(grant: ModelGrant, amount: number, now: number): boolean {
    if (grant.voided) {
      this.sums.voided += amount
      this.saw('return: lost, its grant was voided')
      return false
    }
    if (isGone(grant, now)) {
      this.sums.expired += amount
      this.saw('return: lost, its grant expired')
      return false
    }
    grant.free += amount
    return true
  }

  repay(how: Sometimes): void {
    if (this.debt === 0) return
    const paid = total(this.takeFree(Math.min(this.debt, this.free)))
    if (paid === 0) return
    this.debt -= paid
    this.saw(how)
    if (this.debt > 0) this.saw('debt: repaid in part')
  }

  give(command: GiveGrant, now: number): Verdict {
    const { id, kind, credits, expiresAt, reason } = command
    const known = this.grants.find((grant) => grant.id === id)
    if (known !== undefined) {
      const fields: string[] = []
      if (known.kind !== kind) fields.push('kind')
      if (known.credits !== credits) fields.push('credits')
      if (known.expiresAt !== expiresAt) fields.push('expires_at')
      if (known.reason !== reason) fields.push('reason')
      this.saw(fields.length > 0 ? 'refused: conflict of a grant' : 'grant: replayed')
      if (fields.length > 0) return { outcome: 'refused', code: 'conflict', figures: {}, fields }
      return { outcome: 'replayed', reservation: null, grant: known }
    }
    if (expiresAt !== null && expiresAt <= now) return this.refuse('invalid', { field: 'expires_at' })
    if (credits > 0 && this.sums.granted + credits > MOST) return this.limit('lifetime_credits', MOST)
    if (credits < 0 && -credits > this.free) {
      this.saw('refused: insufficient_credits for an adjustment')
      return this.short(-credits)
    }
    const free = Math.max(0, credits)
    const grant = { id, kind, credits, expiresAt, reason, age: this.grants.length, free, voided: false }
    this.grants.push(grant)
    this.sums.granted += free
    if (credits < 0) {
      this.sums.takenBack += total(this.takeFree(-credits))
      this.saw('grant: adjusted away')
    } else this.saw('grant: given')
    if (isBought(kind) && expiresAt !== null) this.saw('grant: given, bought and with an expiry')
    this.repay('debt: repaid by a grant')
    return { outcome: 'accepted', reservation: null, grant }
  }

  freeOf(wanted: (grant: ModelGrant) => boolean): number {
    let sum = 0
    for (const grant of this.grants) if (wanted(grant)) sum += grant.free
    return sum
  }

  /** Takes free credits in burn order; whoever asks has seen that they suffice. */
  takeFree(amount: number, wanted: (grant: ModelGrant) => boolean = () => true): Piece[] {
    const pieces: Piece[] = []
    for (let left = amount; left > 0; ) {
      let first: ModelGrant | null = null
      for (const grant of this.grants) {
        if (grant.free > 0 && wanted(grant) && (first === null || burnsBefore(grant, first))) first = grant
      }
      if (first === null) throw new Error(`the model is ${left} short`)
      const used = Math.min(left, first.free)
      first.free -= used
      left -= used
      pieces.push({ grant: first, amount: used, fate: 'held' })
    }
    return pieces
  }

  short(requested: number): Verdict {
    return this.refuse('insufficient_credits', { requested, available: this.free, debt: this.debt })
  }

  limit(limit: 'lifetime_credits' | 'reservation_lifetime_seconds' | 'max_credits', maximum: number): Verdict {
    this.saw(`refused: limit_exceeded ${limit}`)
    return { outcome: 'refused', code: 'limit_exceeded', figures: { limit, maximum } }
  }

  refuse(
    code: Exclude<Refusal['code'], 'conflict' | 'limit_exceeded'>,
    figures: Readonly<Record<string, unknown>>,
  ): Verdict {
    this.saw(`refused: ${code}`)
    return { outcome: 'refused', code, figures }
  }

  saw(what: Sometimes): void {
    this.#counters[what] += 1
  }
}

export function total(pieces: readonly Piece[]): number {
  let sum = 0
  for (const piece of pieces) sum += piece.amount
  return sum
}

export function isBought(kind: GrantKind): boolean {
  return kind === 'purchase' || kind === 'top_up'
}

export function isGone(grant: ModelGrant, now: number): boolean {
  return grant.voided || (grant.expiresAt !== null && grant.expiresAt <= now)
}

/** R5, one sentence of it after the other. */
export function burnsBefore(a: ModelGrant, b: ModelGrant): boolean {
  if (a.kind === 'trial' && b.kind !== 'trial') return true
  if (b.kind === 'trial' && a.kind !== 'trial') return false
  if (a.expiresAt !== b.expiresAt) {
    if (a.expiresAt === null) return false
    if (b.expiresAt === null) return true
    return a.expiresAt < b.expiresAt
  }
  if (isBought(a.kind) !== isBought(b.kind)) return isBought(b.kind)
  return a.age < b.age
}

/** The fields in which two bodies differ, as sets to the one who sent them: order counts nowhere. */
export function differences(first: RequestFields, second: RequestFields): string[] {
  const fields = [...new Set([...Object.keys(first), ...Object.keys(second)])]
  return fields.filter((field) => !isSame(first[field] ?? null, second[field] ?? null))
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = Array.isArray(a) ? a.map(String) : Object.entries(a).map(([key, value]) => `${key}=${value}`)
  const right = Array.isArray(b) ? b.map(String) : Object.entries(b).map(([key, value]) => `${key}=${value}`)
  return left.length === right.length && left.every((each) => right.includes(each))
}
