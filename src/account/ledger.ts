/**
 * The ledger of one account on its database: look up, decide, commit, arm (R1). The book in memory is replaced only
 * after its transaction succeeded, so memory never says more than the disk will.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import { type Balance, balanceOf } from '../ledger/balance.ts'
import type { Book } from '../ledger/book.ts'
import type { Change, Command, Decision } from '../ledger/commands.ts'
import { decide } from '../ledger/decide.ts'
import { nextDue, nextWake } from '../ledger/due.ts'
import { isExpired } from '../ledger/grants.ts'
import type { Alarm } from './alarm.ts'
import type { Store } from './store.ts'

/** So much of what is due is done in one go: more would make everybody else on this thread stand still. */
const MAX_DUE_IN_A_TURN = 25

/** History trails the balance by about this much: long enough that a burst of entries goes in one batch. */
export const HISTORY_DELAY_MS = 1_000

export class AccountLedger {
  readonly store: Store
  readonly #storage: DurableObjectStorage
  readonly #alarm: Alarm
  #book: Book
  /** Nothing is due before this. A lower bound, so that a command that closes a reservation need not look. */
  #dueFrom: EpochMs = 0

  constructor(storage: DurableObjectStorage, store: Store, alarm: Alarm) {
    this.#storage = storage
    this.store = store
    this.#alarm = alarm
    this.#book = store.loadBook()
  }

  get book(): Book {
    return this.#book
  }

  /** R18: the object's own time, never before the last entry. */
  now(): EpochMs {
    return Math.max(Date.now(), this.#book.lastAt)
  }

  balance(now: EpochMs): Balance {
    return balanceOf(this.#book, now)
  }

  /** Does what is due (R7), then the command. */
  run(command: Command, now: EpochMs): Decision {
    this.runDue(now)
    return this.#apply(command, now)
  }

  /** What would be decided of a command; nothing is written. */
  ask(command: Command, now: EpochMs): Decision {
    return decide(this.store.view(this.#book, command, now), command, now)
  }

  /** Everything that is due at `now`, in order of its due time, each as of that time. */
  runDue(now: EpochMs): void {
    if (now < this.#dueFrom) return
    // Ends: each step expires something, and what has expired is not due again.
    while (this.#runNextDue(now)) {}
    this.#dueFrom = nextWake(this.#book, this.store.soonestHeld()) ?? Number.POSITIVE_INFINITY
  }

  /** Whether more is due at `now` than should be done in one go. */
  hasManyDue(now: EpochMs): boolean {
    if (now < this.#dueFrom) return false
    const grants = this.#book.grants.filter((grant) => grant.free > 0 && isExpired(grant, now)).length
    return grants + this.store.countHeldUntil(now, MAX_DUE_IN_A_TURN + 1) > MAX_DUE_IN_A_TURN
  }

  /** The first part of it, when there is more than should be done in one go. */
  runSomeDue(now: EpochMs): void {
    for (let done = 0; done < MAX_DUE_IN_A_TURN && this.#runNextDue(now); done += 1) {}
  }

  /** When something is next due, exactly; `null` if nothing ever is. */
  nextWake(): EpochMs | null {
    return nextWake(this.#book, this.store.soonestHeld())
  }

  /** After a transaction around several commands was undone: what stands in the database is what holds. */
  reload(): void {
    this.#book = this.store.loadBook()
    this.#dueFrom = 0
    this.#alarm.forget()
  }

  /** The operator's part of the book, after it was written. */
  setAllowDebt(allowDebt: boolean): void {
    this.#book = { ...this.#book, allowDebt }
  }

  /** Whether anything was left to do. */
  #runNextDue(now: EpochMs): boolean {
    const due = nextDue(this.#book, this.store.soonestHeld(), now)
    if (due !== null) this.#apply(due, Math.max(due.at, this.#book.lastAt))
    return due !== null
  }

  #apply(command: Command, now: EpochMs): Decision {
    const decision = this.ask(command, now)
    if (decision.ok && decision.change !== null) this.#commit(decision.change)
    return decision
  }

  #commit(change: Change): void {
    const dueAt = earliestDue(change)
    try {
      this.#storage.transactionSync(() => {
        this.store.commit(this.#book, change)
        this.#alarm.atOrBefore(change.entries.length > 0 ? Math.min(dueAt, historyAt()) : dueAt)
      })
    } catch (error) {
      this.#alarm.forget()
      throw error
    }
    this.#book = change.book
    this.#dueFrom = Math.min(this.#dueFrom, dueAt)
  }
}

/** By the machine's own clock, which may be behind the last entry: by that one the alarm would come late. */
export function historyAt(): EpochMs {
  return Date.now() + HISTORY_DELAY_MS
}

/** The earliest due time that a change brings with it; `Infinity` if none. */
function earliestDue(change: Change): EpochMs {
  let earliest = Number.POSITIVE_INFINITY
  for (const reservation of change.reservations) {
    if (reservation.state === 'held') earliest = Math.min(earliest, reservation.expiresAt)
  }
  for (const grant of change.grants) {
    if (grant.free > 0 && grant.expiresAt !== null) earliest = Math.min(earliest, grant.expiresAt)
  }
  return earliest
}
