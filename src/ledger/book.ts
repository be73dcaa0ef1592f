/**
 * The book: all of an account that a decision may look at, small whatever its history. It is never changed; a decision
 * writes the next one through a Draft, which keeps R2, R19 and I1-I3 by how it is built: every movement of credits is
 * one of its few methods, and an entry's deltas are the difference to the entry before.
 */
import type { EpochMs, Millicredits } from './amounts.ts'
import type { Entry, EntryKind, GrantDelta, Totals } from './entry.ts'
import { compareBurnOrder, type Grant, isExpired, isLive, type Part } from './grants.ts'

export interface Book {
  /** The number and the time of the last entry; 0 before the first. */
  readonly seq: number
  readonly lastAt: EpochMs
  readonly available: Millicredits
  readonly reserved: Millicredits
  readonly debt: Millicredits
  readonly totals: Totals
  /** How many reservations are held. */
  readonly open: number
  /** The live grants, in burn order. */
  readonly grants: readonly Grant[]
  /** When the trial expires or expired; `null` if none was granted. */
  readonly trialExpiresAt: EpochMs | null
  /** Whether the operator lets this account owe for reviews above their hold (R6). */
  readonly allowDebt: boolean
  /** Whether new reservations are made in mode `byok` (R17). */
  readonly byok: boolean
}

export const EMPTY_BOOK: Book = {
  seq: 0,
  lastAt: 0,
  available: 0,
  reserved: 0,
  debt: 0,
  totals: { granted: 0, charged: 0, absorbed: 0, expired: 0, voided: 0, takenBack: 0 },
  open: 0,
  grants: [],
  trialExpiresAt: null,
  allowDebt: false,
  byok: false,
}

/** What an entry says beyond the movements that it sums up. */
export type EntryFacts = Partial<
  Pick<Entry, 'actual' | 'costUsd' | 'mode' | 'late' | 'reservation' | 'tier' | 'metadata' | 'detail'>
>

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class Draft {
  readonly now: EpochMs
  readonly entries: Entry[] = []
  readonly #before: Book
  readonly #changed = new Map<string, Grant>()
  readonly #retired: readonly Grant[]
  readonly #totals: Mutable<Totals>
  #available: Millicredits
  #reserved: Millicredits
  #debt: Millicredits
  #open: number
  #seq: number
  #trialExpiresAt: EpochMs | null
  #byok: boolean
  /** What has moved since the last entry. */
  #deltas = new Map<string, Mutable<GrantDelta>>()
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
    this.#retired = retired
    this.#totals = { ...book.totals }
    this.#available = book.available
    this.#reserved = book.reserved
    this.#debt = book.debt
    this.#open = book.open
    this.#seq = book.seq
    this.#trialExpiresAt = book.trialExpiresAt
    this.#byok = book.byok
    this.#last = this.#marks()
  }

  get available(): Millicredits {
    return this.#available
  }

  get open(): number {
    return this.#open
  }

  /** The number that the next entry will have. */
  get nextSeq(): number {
    return this.#seq + 1
  }

  grant(id: string): Grant {
    const grant =
      this.#changed.get(id) ??
      this.#before.grants.find((each) => each.id === id) ??
      this.#retired.find((each) => each.id === id)
    if (grant === undefined) throw new Error(`grant ${id} is neither live nor looked up`)
    return grant
  }

  addGrant(grant: Grant): void {
    this.#changed.set(grant.id, grant)
    this.#totals.granted += Math.max(0, grant.credits)
    this.#available += grant.free
    if (grant.kind === 'trial') this.#trialExpiresAt = grant.expiresAt
    this.#note(grant.id, grant.free, 0)
  }

  /** Holds free credits in burn order; the caller has checked that they suffice. */
  hold(amount: Millicredits): Part[] {
    const parts: Part[] = []
    this.#walkFree(amount, (grant, held) => {
      this.#move(grant, { free: -held, held })
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
    this.#move(this.grant(part.grant), { free: 0, held: -amount })
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
    this.#move(this.grant(part.grant), { free: amount, held: -amount })
    this.#reserved -= amount
    this.#available += amount
  }

  /** Charged credits return to their grant: a late settle states less than expiry charged (R8). */
  returnCharged(part: Part, amount: Millicredits): void {
    this.#move(this.grant(part.grant), { free: amount, held: 0 })
    this.#available += amount
    this.#totals.charged -= amount
  }

  /** What is free of a grant is gone: expired, or voided if `voided`. */
  removeFree(id: string, voided: boolean): Millicredits {
    const grant = this.grant(id)
    const amount = grant.free
    this.#move(grant, { free: -amount, held: 0 })
    this.#available -= amount
    if (voided) this.#totals.voided += amount
    else this.#totals.expired += amount
    return amount
  }

  voidGrant(id: string): void {
    this.#changed.set(id, { ...this.grant(id), voided: true })
  }

  setByok(enabled: boolean): void {
    this.#byok = enabled
  }

  /**
   * R10, after credits came back: what belongs to an expired or voided grant goes, then debt is paid. Each is an entry
   * of its own that follows its cause. Returns how much of each grant was lost.
   */
  sweep(returnedTo: Iterable<string>): Map<string, Millicredits> {
    const lost = new Map<string, Millicredits>()
    for (const id of returnedTo) {
      const grant = this.grant(id)
      if (grant.free === 0 || !(grant.voided || isExpired(grant, this.now))) continue
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
      grants: [...this.#deltas.values()].filter((delta) => delta.credits !== 0 || delta.held !== 0),
      tier: facts.tier ?? null,
      metadata: facts.metadata ?? {},
      detail: facts.detail ?? null,
      totals: { ...this.#totals },
      open: this.#open,
    })
    this.#last = marks
    this.#deltas = new Map()
  }

  /** The grants that have changed, as they now are. */
  changedGrants(): readonly Grant[] {
    return [...this.#changed.values()]
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
      grants: this.#nextGrants(),
    }
  }

  #nextGrants(): readonly Grant[] {
    if (this.#changed.size === 0) return this.#before.grants
    const next: Grant[] = []
    let joined = this.#changed.size
    for (const old of this.#before.grants) {
      const now = this.#changed.get(old.id)
      if (now !== undefined) joined -= 1
      if (now === undefined || isLive(now)) next.push(now ?? old)
    }
    if (joined === 0) return next
    const known = new Set(this.#before.grants.map((grant) => grant.id))
    for (const grant of this.#changed.values()) if (!known.has(grant.id) && isLive(grant)) next.push(grant)
    return next.sort(compareBurnOrder)
  }

  #takeFree(amount: Millicredits): Millicredits {
    const taken = Math.min(amount, this.#available)
    this.#walkFree(taken, (grant, used) => this.#move(grant, { free: -used, held: 0 }))
    this.#available -= taken
    return taken
  }

  /** Visits grants with something free in burn order until `amount` is covered. */
  #walkFree(amount: Millicredits, use: (grant: Grant, used: Millicredits) => void): void {
    let left = amount
    for (const before of this.#inBurnOrder()) {
      if (left === 0) return
      const grant = this.#changed.get(before.id) ?? before
      const used = Math.min(left, grant.free)
      if (used === 0) continue
      use(grant, used)
      left -= used
    }
    if (left > 0) throw new Error(`free credits of the grants are ${left} short of the balance`)
  }

  /** The live grants of the book; in the rare command that made another one live, that one in its place too. */
  #inBurnOrder(): readonly Grant[] {
    const live = this.#before.grants
    if (this.#changed.size === 0) return live
    const known = new Set(live.map((grant) => grant.id))
    const joined = [...this.#changed.values()].filter((grant) => !known.has(grant.id))
    return joined.length === 0 ? live : [...live, ...joined].sort(compareBurnOrder)
  }

  #move(grant: Grant, delta: { free: Millicredits; held: Millicredits }): void {
    this.#changed.set(grant.id, { ...grant, free: grant.free + delta.free, held: grant.held + delta.held })
    this.#note(grant.id, delta.free + delta.held, delta.held)
  }

  #note(id: string, credits: Millicredits, held: Millicredits): void {
    const delta = this.#deltas.get(id) ?? { id, credits: 0, held: 0 }
    delta.credits += credits
    delta.held += held
    this.#deltas.set(id, delta)
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
