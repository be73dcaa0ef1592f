/**
 * An account in memory: it looks up, does what is due, asks the ledger and applies its change, as the real object does,
 * only without a disk. All that it keeps is frozen, so that a decision which changes its arguments throws.
 */
import type { Card, TopUpFacts } from '../../../src/ledger/auto-top-up.ts'
import { type Book, EMPTY_BOOK } from '../../../src/ledger/book.ts'
import type { Alias, Change, Command, Decision, DueWork, View } from '../../../src/ledger/commands.ts'
import { decide } from '../../../src/ledger/decide.ts'
import { nextDue, type SoonestHeld } from '../../../src/ledger/due.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { type Grant, isLive } from '../../../src/ledger/grants.ts'
import { grantIdOf, type Purchase } from '../../../src/ledger/purchase.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'
import { topUpFacts } from './top-up-facts.ts'

/** What is tested: the ledger itself, or a broken one. */
export interface Ledger {
  readonly decide: typeof decide
  readonly nextDue: typeof nextDue
  readonly topUpFacts: typeof topUpFacts
}

export const LEDGER: Ledger = { decide, nextDue, topUpFacts }

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

const NOTHING = {
  reservation: null,
  grant: null,
  aliasRequest: null,
  deduplicated: null,
  superseded: null,
  quotedBy: null,
  retired: [],
  purchase: null,
  paysFor: null,
  topUp: null,
} as const

export class Store {
  book: Book = EMPTY_BOOK
  readonly entries: Entry[] = []
  readonly reservations = new Map<string, Reservation>()
  readonly aliases = new Map<string, Alias>()
  readonly grants = new Map<string, Grant>()
  /** The reservations that are held, in the order in which they were made. */
  readonly held = new Map<string, Reservation>()
  /** In the order in which they were started. */
  readonly purchases = new Map<string, Purchase>()
  /** The card that is kept for the account, and the packs as they are sold now. */
  card: Card | null = null
  offers: Readonly<Record<string, TopUpFacts['offered']>> = {}
  #attempts: Purchase[] = []
  readonly #newestByDedupeKey = new Map<string, string>()
  readonly #madeWith = new Map<string, string>()
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

  topUpFacts(): TopUpFacts {
    const offered = this.offers[this.book.autoTopUp?.pack ?? ''] ?? null
    return this.#ledger.topUpFacts(this.#attempts, this.card, offered)
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
    const nothing: View = { ...NOTHING, book: this.book, nextPurchase: this.purchases.size + 1 }
    switch (command.op) {
      case 'grant':
      case 'void_grant':
      case 'expire_grant':
        return { ...nothing, grant: this.grants.get(command.id) ?? null }
      case 'change_byok':
        return nothing
      case 'read_byok':
        return { ...nothing, reservation: this.reservation(command.id) }
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
          quotedBy: command.quote?.verdict === 'good' ? (this.#madeWith.get(command.quote.key) ?? null) : null,
          retired: [...this.#retired(grantsOf(reservation)), ...this.#retired(grantsOf(superseded))],
        }
      }
      case 'start_checkout': {
        const key = command.purchase.idempotencyKey
        const known = [...this.purchases.values()].find((each) => key !== null && each.idempotencyKey === key)
        return { ...nothing, purchase: known ?? null }
      }
      case 'open_checkout':
      case 'report_payment': {
        const purchase = this.purchases.get(command.id) ?? null
        const paysFor = this.purchases.get(purchase?.paysFor ?? '') ?? null
        return { ...nothing, purchase, paysFor, retired: this.#retired(grantsOfPurchase(purchase)) }
      }
      case 'advance_attempt':
        return { ...nothing, purchase: this.purchases.get(command.id) ?? null, topUp: this.topUpFacts() }
      case 'start_attempt':
      case 'change_auto_top_up':
        return { ...nothing, topUp: this.topUpFacts() }
      default: {
        const reservation = this.reservation(command.id)
        return { ...nothing, reservation, retired: this.#retired(grantsOf(reservation)) }
      }
    }
  }

  #retired(ids: readonly string[]): Grant[] {
    const retired: Grant[] = []
    for (const id of ids) {
      const grant = this.grants.get(id)
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
    for (const purchase of change.purchases) this.#keepPurchase(purchase)
    if (change.alias !== null) this.aliases.set(change.alias.id, change.alias)
  }

  #keepPurchase(purchase: Purchase): void {
    Object.freeze(purchase.taken)
    this.purchases.set(purchase.id, Object.freeze(purchase))
    if (purchase.kind !== 'auto_top_up') return
    const others = this.#attempts.filter((each) => each.number !== purchase.number)
    this.#attempts = [...others, purchase].sort((a, b) => a.number - b.number)
  }

  #keep(reservation: Reservation): void {
    const { id, state, dedupeKey, quote } = reservation
    if (dedupeKey !== null && !this.reservations.has(id)) this.#newestByDedupeKey.set(dedupeKey, id)
    if (quote !== null) this.#madeWith.set(quote, id)
    this.reservations.set(id, reservation)
    if (state === 'held') this.held.set(id, reservation)
    else this.held.delete(id)
  }
}

function grantsOf(reservation: Reservation | null): string[] {
  return (reservation?.parts ?? []).map((part) => part.grant)
}

/** Its own, and those that something was taken from in its stead. */
function grantsOfPurchase(purchase: Purchase | null): string[] {
  if (purchase === null) return []
  return [...new Set([grantIdOf(purchase), ...purchase.taken.flatMap(({ grant }) => grant ?? [])])]
}
