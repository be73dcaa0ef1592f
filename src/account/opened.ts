/**
 * What an object has and does once it is an account: admits callers, does what is due, executes commands. Each of these
 * is synchronous, so nothing comes between a look and the write that follows from it; only jobs wait for others.
 */
import { affordableTiers, type Estimate, type ReviewFacts } from '../catalog/estimates.ts'
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import type { Command } from '../ledger/commands.ts'
import type { Refusal } from '../ledger/refusals.ts'
import type { StripeClient } from '../stripe/client.ts'
import type { Alarm } from './alarm.ts'
import { Buying } from './buying.ts'
import { Byok } from './byok.ts'
import type { Cashier } from './cashier.ts'
import { Customers } from './customers.ts'
import { Details } from './details.ts'
import { DueWork } from './due-work.ts'
import { Inbox } from './inbox.ts'
import { earliest, Jobs } from './jobs.ts'
import { Keys } from './keys.ts'
import { AccountLedger } from './ledger.ts'
import { Learning } from './learning.ts'
import type { Live } from './live.ts'
import { Outbox } from './outbox.ts'
import { Payer } from './payer.ts'
import { Payments } from './payments.ts'
import { RefundOrders } from './refund-orders.ts'
import {
  type AccountRefusal,
  type Answer,
  type Caller,
  type LedgerAnswer,
  type LedgerRequest,
  refused,
  toReserve,
} from './requests.ts'
import { Sessions } from './sessions.ts'
import { Store } from './store.ts'
import { ToppingUp } from './topping-up.ts'
import type { Turns } from './turns.ts'
import { Waiting } from './waiting.ts'

/** What an account is opened in: its object, and what lies outside of that. */
export interface Surroundings {
  readonly storage: DurableObjectStorage
  readonly alarm: Alarm
  readonly live: Live
  readonly turns: Turns
  /** Asked for anew each time, as are the next two: the runtime may give an object other bindings. */
  history(): D1Database
  /** Throws where the deployment's secrets are not right. */
  stripe(): StripeClient
  /** Likewise; newest first. */
  byokSecrets(): readonly string[]
}

export class OpenedAccount {
  readonly ledger: AccountLedger
  readonly due: DueWork
  readonly details: Details
  readonly keys: Keys
  readonly sessions: Sessions
  readonly outbox: Outbox
  readonly waiting: Waiting
  readonly cashier: Cashier
  readonly payments: Payments
  readonly customers: Customers
  readonly buying: Buying
  readonly toppingUp: ToppingUp
  readonly learning: Learning
  readonly byok: Byok
  readonly #jobs: Jobs
  readonly #turns: Turns
  readonly #storage: DurableObjectStorage
  readonly #alarm: Alarm
  readonly #live: Live

  /** For a database that has the newest schema and the account's rows. */
  constructor({ storage, alarm, live, turns, history, stripe, byokSecrets }: Surroundings) {
    const store = new Store(storage.sql)
    this.#storage = storage
    this.#turns = turns
    this.#alarm = alarm
    this.#live = live
    this.ledger = new AccountLedger(storage, store, alarm)
    this.due = new DueWork(this.ledger, turns, (availableBefore) => {
      this.#noticed(availableBefore)
      this.publish()
    })
    this.details = new Details(storage.sql)
    this.keys = new Keys(storage.sql)
    this.sessions = new Sessions(storage.sql)
    this.outbox = new Outbox(storage.sql, store)
    this.waiting = new Waiting(
      (caller, request) => this.execute(caller, request),
      (act) => turns.start(act),
    )
    const { ledger, details, outbox } = this
    this.cashier = {
      ...{ ledger, details, stripe },
      inbox: new Inbox(storage.sql),
      payer: new Payer(storage.sql),
      refunds: new RefundOrders(storage.sql),
      write: (act) => this.#write(act),
      decide: (command, now) => ledger.run(command, now),
      explain: (refusal, now) => this.#explain(refusal, now),
    }
    this.payments = new Payments(this.cashier)
    this.customers = new Customers(this.cashier, this.payments)
    this.buying = new Buying(this.cashier, this.customers)
    this.toppingUp = new ToppingUp(storage.sql, this.cashier, this.payments)
    this.learning = new Learning(storage, ledger, (act) => turns.run(act))
    this.byok = new Byok({
      ...{ sql: storage.sql, ledger, account: details.value.id, secrets: byokSecrets },
      writeAs: (caller, act) => this.#writeAs(caller, act),
      explain: (refusal, now) => this.#explain(refusal, now),
    })
    const sending = {
      wakeAt: () => outbox.wakeAt(ledger.book.seq),
      run: () => outbox.drain(history(), () => details.value),
    }
    const { payments } = this
    // What an account that was set back remembers of its payments may be too little to charge anybody by.
    const paying = { wakeAt: () => (this.isSetBack ? null : payments.wakeAt()), run: () => payments.run() }
    this.#jobs = new Jobs([sending, paying, this.learning])
  }

  /** Whoever is not admitted learns nothing and changes nothing. For all others what is due is done first (R7). */
  admit<T>(caller: Caller, act: (now: EpochMs) => Answer<T>): Answer<T> {
    const now = this.ledger.now()
    if (!this.#admits(caller, now)) return refused({ code: 'unauthorized' })
    // By the clock that alarms come by: by the last entry, which may be ahead of it, one that is armed looks overdue.
    this.#alarm.rearmIfOverdue(Date.now())
    this.due.run(now)
    return act(now)
  }

  #admits(caller: Caller, now: EpochMs): boolean {
    switch (caller.kind) {
      case 'service':
        return true
      case 'account_key':
        return this.keys.admits(caller.id, caller.hash, now)
      case 'session':
        return this.sessions.admits(caller.id, caller.hash, now)
    }
  }

  /**
   * Whether history knows more than this database, which was then set back in time. It lacks what was acknowledged, so
   * it takes nothing new: what it took would be lost when it is put right. Whoever asks again later loses nothing (R3).
   */
  get isSetBack(): boolean {
    return this.outbox.differsAt !== null
  }

  execute(caller: Caller, request: LedgerRequest): Answer<LedgerAnswer> {
    return this.admit(caller, (now) => {
      if (this.isSetBack) return SET_BACK
      const { ledger } = this
      const command: Command = request.op === 'reserve' ? toReserve(request, (facts) => this.estimate(facts)) : request
      const before = ledger.book.available
      const decision = ledger.run(command, now)
      if (!decision.ok) return refused(this.#explain(decision.refusal, now))
      const { replayed, reservation, grant } = decision
      // As this command left it: whoever waited takes of it next, and a grant would then contradict the balance beside it.
      const balance = ledger.balance(now)
      if (request.op === 'reserve') this.waiting.made(request.id, replayed ? null : request.dedupeKey)
      this.#noticed(before)
      return { ok: true, replayed, reservation, grant, balance }
    })
  }

  /** What a review of this account will probably cost. */
  estimate(facts: ReviewFacts): Estimate {
    return this.learning.estimate(facts)
  }

  /** Credits came: whoever waits is served. Credits went below the threshold: auto top-up is due (R14). */
  #noticed(before: Millicredits): void {
    const { available, autoTopUp } = this.ledger.book
    if (available > before) this.waiting.round()
    if (autoTopUp?.enabled === true && available < autoTopUp.threshold && before >= autoTopUp.threshold) {
      this.arm()
    }
  }

  /**
   * I8, for everything at once: while an alarm is being worked on, nothing is armed, and what is armed now is all that is
   * left of it should we be killed.
   */
  arm(): void {
    const next = earliest([this.ledger.nextWake(), this.#jobs.dueAt()])
    this.#alarm.atOrBefore(next ?? Number.POSITIVE_INFINITY)
    this.#jobs.poke()
  }

  /** One turn in which several things are written, all or none. */
  async #write<T>(act: (now: EpochMs) => T): Promise<T> {
    const due = this.due.catchUp()
    if (due !== null) await due
    return this.#turns.run(() => {
      const now = this.ledger.now()
      this.due.run(now)
      const { available, byok } = this.ledger.book
      let result: T
      try {
        result = this.#storage.transactionSync(() => act(now))
      } catch (error) {
        this.ledger.reload()
        throw error
      }
      this.#noticed(available)
      // Whoever waits for credits needs none any more.
      if (this.ledger.book.byok && !byok) this.waiting.round()
      this.arm()
      return result
    })
  }

  /** The same in the name of a caller, who may have been locked out while the turn was waited for. */
  #writeAs<T>(caller: Caller, act: (now: EpochMs) => Answer<T>): Promise<Answer<T>> {
    return this.#write((now) => (this.#admits(caller, now) ? act(now) : refused({ code: 'unauthorized' })))
  }

  /** Tells the live connections, if the balance is another than they were last told. */
  publish(): void {
    const { ledger } = this
    const now = ledger.now()
    this.#live.publish(
      ledger.book.seq,
      () => ledger.balance(now),
      (caller) => this.#admits(caller, now),
    )
  }

  /** All that an alarm has to do: what is due, entries to history, payments; then the alarm for whatever comes next. */
  async work(): Promise<void> {
    const { ledger } = this
    await this.#jobs.run(async () => {
      await this.due.catchUp()
      await this.#turns.run(() => this.due.run(ledger.now()))
      return ledger.nextWake()
    })
    const job = this.#jobs.wakeAt()
    const next = earliest([ledger.nextWake(), job === null ? null : Math.max(job, Date.now())])
    this.#alarm.atOrBefore(next ?? Number.POSITIVE_INFINITY)
  }

  /** A refusal for want of credits says when held ones come back at the latest, and what else would fit. */
  #explain(refusal: Refusal, now: EpochMs): AccountRefusal {
    if (refusal.code !== 'insufficient_credits') return refusal
    const soonest = this.ledger.store.soonestHeld()
    const nextExpiry = soonest === null ? null : { at: soonest.expiresAt, credits: soonest.held }
    return {
      ...refusal,
      nextExpiry,
      autoTopUp: this.ledger.book.autoTopUp === null ? null : this.toppingUp.view(now),
      affordableTiers: affordableTiers(refusal.available, (facts) => this.estimate(facts)),
      asOf: now,
    }
  }
}

export const SET_BACK = refused({ code: 'overloaded', retryAfterSeconds: 60 })
