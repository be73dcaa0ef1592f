/**
 * A draft of the book: how a decision writes the next one. It keeps R2, R19 and I1-I3 by how it is built: every movement
 * of credits is one of its few methods, and an entry's deltas are the difference to the entry before.
 */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { AutoTopUp } from './auto-top-up.ts'
import type { Book } from './book.ts'
import type { Entry, EntryKind, Totals } from './entry.ts'
import { GrantMoves } from './grant-moves.ts'
import { type Grant, isBought, isExpired, type Part } from './grants.ts'
import type { Taken } from './purchase.ts'

/** What an entry says beyond the movements that it sums up. */
export type EntryFacts = Partial<
  Pick<Entry, 'actual' | 'costUsd' | 'mode' | 'late' | 'reservation' | 'purchase' | 'tier' | 'metadata' | 'detail'>
>

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class Draft {
  readonly now: EpochMs
  readonly entries: Entry[] = []
  readonly #before: Book
  readonly #grants: GrantMoves
  readonly #totals: Mutable<Totals>
  #available: Millicredits
  #reserved: Millicredits
  #debt: Millicredits
  #open: number
  #seq: number
  #trialExpiresAt: EpochMs | null
  #byok: boolean
  #autoTopUp: AutoTopUp | null
  /** How things stood after the last entry. */
  #last: {
    available: Millicredits
    reserved: Millicredits
    debt: Millicredits
    charged: Millicredits
    absorbed: Millicredits
  }

  /** `retired` are grants that are no longer live but that the command names, through the parts of a reservation. */
  constructor(book: Book, now: EpochMs, retired: readonly Grant[] = []) {
    this.now = now
    this.#before = book
    this.#grants = new GrantMoves(book.grants, retired)
    this.#totals = { ...book.totals }
    this.#available = book.available
    this.#reserved = book.reserved
    this.#debt = book.debt
    this.#open = book.open
    this.#seq = book.seq
    this.#trialExpiresAt = book.trialExpiresAt
    this.#byok = book.byok
    this.#autoTopUp = book.autoTopUp
    this.#last = this.#marks()
  }

  get available(): Millicredits {
    return this.#available
  }

  get autoTopUp(): AutoTopUp | null {
    return this.#autoTopUp
  }

  get open(): number {
    return this.#open
  }

  /** The number that the next entry will have. */
  get nextSeq(): number {
    return this.#seq + 1
  }

  grant(id: string): Grant {
    return this.#grants.grant(id)
  }

  addGrant(grant: Grant): void {
    this.#grants.add(grant)
    this.#totals.granted += Math.max(0, grant.credits)
    this.#available += grant.free
    if (grant.kind === 'trial') this.#trialExpiresAt = grant.expiresAt
  }

  /** Holds free credits in burn order; the caller has checked that they suffice. */
  hold(amount: Millicredits): Part[] {
    const parts: Part[] = []
    this.#grants.walkFree(amount, (grant, held) => {
      this.#grants.move(grant, { free: -held, held })
      parts.push({ grant: grant.id, held, charged: 0, lost: 0 })
    })
    this.#available -= amount
    this.#reserved += amount
    return parts
  }

  openReservation(): void {
    this.#open += 1
  }

  closeReservation(): void {
    this.#open -= 1
  }

  /** Charges `amount` of what a part holds. */
  chargeHeld(part: Part, amount: Millicredits): void {
    this.#grants.move(this.grant(part.grant), { free: 0, held: -amount })
    this.#reserved -= amount
    this.#totals.charged += amount
  }

  /** Charges free credits in burn order, as far as they go; returns how far that was. */
  chargeFree(amount: Millicredits): Millicredits {
    const taken = this.#takeFree(amount)
    this.#totals.charged += taken
    return taken
  }

  /** Takes free credits away without a review for them, as far as they go; returns how far that was. */
  takeBack(amount: Millicredits): Millicredits {
    const taken = this.#takeFree(amount)
    this.#totals.takenBack += taken
    return taken
  }

  /** R13: takes credits of a payment back: from its own grant, then from other bought ones, then any, then as debt. */
  takeBackPayment(id: string, amount: Millicredits): Taken[] {
    const taken: Taken[] = []
    const take = (grant: Grant, used: Millicredits) => {
      this.#grants.move(grant, { free: -used, held: 0 })
      this.#available -= used
      taken.push({ grant: grant.id, credits: used })
    }
    let left = amount
    const order = [(grant: Grant) => grant.id === id, (grant: Grant) => isBought(grant.kind), () => true]
    for (const wanted of order) left = this.#grants.walkSome(left, wanted, take)
    if (left > 0) {
      this.#debt += left
      taken.push({ grant: null, credits: left })
    }
    this.#totals.takenBack += amount
    return taken
  }

  /** What was taken back returns to its grant; `sweep` sees to the rest. */
  giveBack(id: string, amount: Millicredits): void {
    this.#grants.move(this.grant(id), { free: amount, held: 0 })
    this.#available += amount
    this.#totals.takenBack -= amount
  }

  /** Charges what nobody has yet: the account owes it. */
  owe(amount: Millicredits): void {
    this.#debt += amount
    this.#totals.charged += amount
  }

  absorb(amount: Millicredits): void {
    this.#totals.absorbed += amount
  }

  /** Held credits return to their grant, whatever has become of it; `sweep` sees to the rest. */
  returnHeld(part: Part, amount: Millicredits): void {
    this.#grants.move(this.grant(part.grant), { free: amount, held: -amount })
    this.#reserved -= amount
    this.#available += amount
  }

  /** Charged credits return to their grant: a late settle states less than expiry charged (R8). */
  returnCharged(part: Part, amount: Millicredits): void {
    this.#grants.move(this.grant(part.grant), { free: amount, held: 0 })
    this.#available += amount
    this.#totals.charged -= amount
  }

  /** What is free of a grant is gone: expired, or voided if `voided`. */
  removeFree(id: string, voided: boolean): Millicredits {
    const grant = this.grant(id)
    const amount = grant.free
    this.#grants.move(grant, { free: -amount, held: 0 })
    this.#available -= amount
    if (voided) this.#totals.voided += amount
    else this.#totals.expired += amount
    return amount
  }

  voidGrant(id: string): void {
    this.#grants.markVoided(id)
  }

  setByok(enabled: boolean): void {
    this.#byok = enabled
  }

  setAutoTopUp(autoTopUp: AutoTopUp): void {
    this.#autoTopUp = autoTopUp
  }

  /**
   * R10, after credits came back: what belongs to an expired or voided grant goes, then debt is paid. Each is an entry
   * of its own that follows its cause. Something is free of each that is named. Returns how much of each was lost.
   */
  sweep(returnedTo: Iterable<string>): Map<string, Millicredits> {
    const lost = new Map<string, Millicredits>()
    for (const id of returnedTo) {
      const grant = this.grant(id)
      if (!grant.voided && !isExpired(grant, this.now)) continue
      lost.set(id, this.removeFree(id, grant.voided))
      this.write(grant.voided ? 'void_grant' : 'expire_grant', {})
    }
    this.repayDebt()
    return lost
  }

  repayDebt(): void {
    const amount = Math.min(this.#debt, this.#available)
    if (amount === 0) return
    this.#takeFree(amount)
    this.#debt -= amount
    this.write('debt_repaid', {})
  }

  /** Writes the entry that sums up all movements since the last one. */
  write(kind: EntryKind, facts: EntryFacts): void {
    const marks = this.#marks()
    this.#seq += 1
    this.entries.push({
      seq: this.#seq,
      at: this.now,
      kind,
      availableDelta: marks.available - this.#last.available,
      reservedDelta: marks.reserved - this.#last.reserved,
      debtDelta: marks.debt - this.#last.debt,
      available: this.#available,
      reserved: this.#reserved,
      debt: this.#debt,
      charged: marks.charged - this.#last.charged,
      absorbed: marks.absorbed - this.#last.absorbed,
      actual: facts.actual ?? null,
      costUsd: facts.costUsd ?? null,
      mode: facts.mode ?? 'credits',
      late: facts.late ?? false,
      reservation: facts.reservation ?? null,
      grants: this.#grants.takeDeltas(),
      purchase: facts.purchase ?? null,
      tier: facts.tier ?? null,
      metadata: facts.metadata ?? {},
      detail: facts.detail ?? null,
      totals: { ...this.#totals },
      open: this.#open,
    })
    this.#last = marks
  }

  /** The grants that have changed, as they now are. */
  changedGrants(): readonly Grant[] {
    return this.#grants.changed()
  }

  /** The book after the command. */
  finish(): Book {
    return {
      ...this.#before,
      seq: this.#seq,
      lastAt: this.entries.at(-1)?.at ?? this.#before.lastAt,
      available: this.#available,
      reserved: this.#reserved,
      debt: this.#debt,
      totals: this.#totals,
      open: this.#open,
      trialExpiresAt: this.#trialExpiresAt,
      byok: this.#byok,
      autoTopUp: this.#autoTopUp,
      grants: this.#grants.next(),
    }
  }

  #takeFree(amount: Millicredits): Millicredits {
    const taken = Math.min(amount, this.#available)
    this.#grants.walkFree(taken, (grant, used) => this.#grants.move(grant, { free: -used, held: 0 }))
    this.#available -= taken
    return taken
  }

  #marks() {
    return {
      available: this.#available,
      reserved: this.#reserved,
      debt: this.#debt,
      charged: this.#totals.charged,
      absorbed: this.#totals.absorbed,
    }
  }
}
