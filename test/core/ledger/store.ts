/**
 * An account in memory: it looks up, does what is due, asks the ledger and applies its change, as the real object does,
 * only without a disk. All that it keeps is frozen, so that a decision which changes its arguments throws.
 */
import { type Book, EMPTY_BOOK } from '../../../src/ledger/book.ts'
import type { Alias, Change, Command, Decision, DueWork, View } from '../../../src/ledger/commands.ts'
import { decide } from '../../../src/ledger/decide.ts'
import { nextDue, type SoonestHeld } from '../../../src/ledger/due.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { type Grant, isLive } from '../../../src/ledger/grants.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'

/** What is tested: the ledger itself, or a broken one. */
export interface Ledger {
  readonly decide: typeof decide
  readonly nextDue: typeof nextDue
}

export const LEDGER: Ledger = { decide, nextDue }

/** One command as it was decided, at the time that counted for it. */
export interface Done {
  readonly command: Command
  readonly at: number
  readonly decision: Decision
  /** The book that it was decided on. */
  readonly before: Book
}

/** Nothing is due more often than everything there is; more than this would be work that does not get done. */
const MAX_DUE_IN_A_ROW = 100_000

export class Store {
  book: Book = EMPTY_BOOK
  readonly entries: Entry[] = []
  readonly reservations = new Map<string, Reservation>()
  readonly aliases = new Map<string, Alias>()
  readonly grants = new Map<string, Grant>()
  /** The reservations that are held, in the order in which they were made. */
  readonly held = new Map<string, Reservation>()
  readonly #newestByDedupeKey = new Map<string, string>()
  readonly #ledger: Ledger

  constructor(ledger: Ledger = LEDGER) {
    this.#ledger = ledger
  }

  /** Does all that is due at `now`, then the command; answers with each of them, the command last. */
  run(command: Command, now: number): Done[] {
    return [...this.passTime(now), this.#commit(command, now)]
  }

  /** Does all that is due at `now`, each as a command of its own at its own time (R7). */
  passTime(now: number): Done[] {
    if (now < this.book.lastAt) throw new Error(`time runs backwards: ${now} after ${this.book.lastAt} (R18)`)
    const done: Done[] = []
    for (let due = this.#nextDue(now); due !== null; due = this.#nextDue(now)) {
      if (done.length === MAX_DUE_IN_A_ROW) throw new Error(`${due.op} of ${due.id} is due again and again`)
      done.push(this.#commit(due, due.at))
    }
    return done
  }

  /** What the operator may change about an account without the ledger. */
  allowDebt(allowed: boolean): void {
    this.book = Object.freeze({ ...this.book, allowDebt: allowed })
  }

  /** A reservation under any of its names. */
  reservation(id: string): Reservation | null {
    return this.reservations.get(this.aliases.get(id)?.reservation ?? id) ?? null
  }

  soonestHeld(): SoonestHeld {
    let soonest: Reservation | null = null
    for (const each of this.held.values()) if (soonest === null || each.expiresAt < soonest.expiresAt) soonest = each
    return soonest
  }

  #nextDue(now: number): DueWork | null {
    return this.#ledger.nextDue(this.book, this.soonestHeld(), now)
  }

  #commit(command: Command, at: number): Done {
    const before = this.book
    const decision = this.#ledger.decide(this.#view(command), command, at)
    if (decision.ok && decision.change !== null) this.#apply(decision.change)
    return { command, at, decision, before }
  }

  #view(command: Command): View {
    const book = this.book
    const nothing = { book, reservation: null, grant: null, aliasRequest: null, deduplicated: null, superseded: null }
    switch (command.op) {
      case 'grant':
      case 'void_grant':
      case 'expire_grant':
        return { ...nothing, grant: this.grants.get(command.id) ?? null, retired: [] }
      case 'change_byok':
        return { ...nothing, retired: [] }
      case 'reserve': {
        const reservation = this.reservation(command.id)
        const twin = command.dedupeKey === null ? undefined : this.#newestByDedupeKey.get(command.dedupeKey)
        const superseded = command.supersedes === null ? null : this.reservation(command.supersedes)
        return {
          ...nothing,
          reservation,
          aliasRequest: this.aliases.get(command.id)?.request ?? null,
          deduplicated: twin === undefined ? null : this.reservation(twin),
          superseded,
          retired: [...this.#retired(reservation), ...this.#retired(superseded)],
        }
      }
      default: {
        const reservation = this.reservation(command.id)
        return { ...nothing, reservation, retired: this.#retired(reservation) }
      }
    }
  }

  #retired(reservation: Reservation | null): Grant[] {
    const retired: Grant[] = []
    for (const part of reservation?.parts ?? []) {
      const grant = this.grants.get(part.grant)
      if (grant !== undefined && !isLive(grant)) retired.push(grant)
    }
    return retired
  }

  #apply(change: Change): void {
    this.book = Object.freeze(change.book)
    Object.freeze(change.book.grants)
    for (const entry of change.entries) this.entries.push(entry)
    for (const grant of change.grants) this.grants.set(grant.id, Object.freeze(grant))
    for (const reservation of change.reservations) {
      Object.freeze(reservation.parts)
      for (const part of reservation.parts) Object.freeze(part)
      this.#keep(Object.freeze(reservation))
    }
    if (change.alias !== null) this.aliases.set(change.alias.id, change.alias)
  }

  #keep(reservation: Reservation): void {
    const { id, state, dedupeKey } = reservation
    if (dedupeKey !== null && !this.reservations.has(id)) this.#newestByDedupeKey.set(dedupeKey, id)
    this.reservations.set(id, reservation)
    if (state === 'held') this.held.set(id, reservation)
    else this.held.delete(id)
  }
}
