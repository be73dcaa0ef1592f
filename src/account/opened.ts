/**
 * What an object has and does once it is an account: admits callers, does what is due, executes commands. All of it is
 * synchronous, so nothing comes between a look and the write that follows from it.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { Balance } from '../ledger/balance.ts'
import type { Command, GiveGrant } from '../ledger/commands.ts'
import { TRIAL_GRANT } from '../ledger/grants.ts'
import type { Refusal } from '../ledger/refusals.ts'
import type { Alarm } from './alarm.ts'
import { Details } from './details.ts'
import { Keys } from './keys.ts'
import { AccountLedger, HISTORY_DELAY_MS } from './ledger.ts'
import type { Live } from './live.ts'
import { Outbox } from './outbox.ts'
import {
  type AccountDetails,
  type AccountRefusal,
  type Answer,
  type Caller,
  type LedgerAnswer,
  type LedgerRequest,
  type OpenRequest,
  refused,
  toReserve,
} from './requests.ts'
import { migrate } from './schema.ts'
import { Store } from './store.ts'
import type { Turns } from './turns.ts'
import { Waiting } from './waiting.ts'

export type Opened = Answer<{ created: boolean; changed: boolean; details: AccountDetails; balance: Balance }>

export class OpenedAccount {
  readonly ledger: AccountLedger
  readonly details: Details
  readonly keys: Keys
  readonly outbox: Outbox
  readonly waiting: Waiting
  readonly #storage: DurableObjectStorage
  readonly #alarm: Alarm
  readonly #live: Live

  /** For a database that has the newest schema and the account's rows. */
  constructor(storage: DurableObjectStorage, alarm: Alarm, live: Live, turns: Turns) {
    const store = new Store(storage.sql)
    this.#storage = storage
    this.#alarm = alarm
    this.#live = live
    this.ledger = new AccountLedger(storage, store, alarm)
    this.details = new Details(storage.sql)
    this.keys = new Keys(storage.sql)
    this.outbox = new Outbox(storage.sql, store)
    this.waiting = new Waiting(
      (caller, request) => this.execute(caller, request),
      (act) => turns.start(act),
    )
  }

  /** Makes an account of an object that is none yet: schema, rows and trial (R11) in one transaction. */
  static create(storage: DurableObjectStorage, alarm: Alarm, live: Live, turns: Turns, request: OpenRequest) {
    try {
      return storage.transactionSync(() => {
        migrate(storage)
        Details.insert(storage.sql, request, Date.now())
        const account = new OpenedAccount(storage, alarm, live, turns)
        const now = account.ledger.now()
        if (request.trial !== null) account.ledger.run(trialGrant(request.trial, now), now)
        alarm.atOrBefore(now + HISTORY_DELAY_MS)
        return account
      })
    } catch (error) {
      alarm.forget()
      throw error
    }
  }

  /** What may change of an account; its region may not, since the object already lives somewhere. */
  update(request: OpenRequest): Opened {
    const { ledger, details } = this
    const now = ledger.now()
    this.runDue(now)
    if (request.region !== undefined && request.region !== details.value.region) {
      return refused({ code: 'changed_field', field: 'region', account: details.value })
    }
    const changed = this.#describe(request, now)
    ledger.setAllowDebt(details.value.allowDebt)
    return { ok: true, created: false, changed, details: details.value, balance: ledger.balance(now) }
  }

  /** Whether anything changed. What was not written is not kept in memory either. */
  #describe(request: OpenRequest, now: EpochMs): boolean {
    const { details, outbox } = this
    try {
      return this.#storage.transactionSync(() => {
        if (!details.update(request, now)) return false
        outbox.describeAgain()
        this.#alarm.atOrBefore(now)
        return true
      })
    } catch (error) {
      details.reload()
      outbox.reload()
      this.#alarm.forget()
      throw error
    }
  }

  /** Whoever is not admitted learns nothing and changes nothing. For all others what is due is done first (R7). */
  admit<T>(caller: Caller, act: (now: EpochMs) => Answer<T>): Answer<T> {
    const now = this.ledger.now()
    if (!this.keys.admits(caller, now)) return refused({ code: 'unauthorized' })
    this.#alarm.rearmIfOverdue(now)
    this.runDue(now)
    return act(now)
  }

  execute(caller: Caller, request: LedgerRequest): Answer<LedgerAnswer> {
    return this.admit(caller, (now) => {
      const { ledger } = this
      const command: Command = request.op === 'reserve' ? toReserve(request) : request
      const before = ledger.book.available
      const decision = ledger.run(command, now)
      if (!decision.ok) return refused(this.#explain(decision.refusal, now))
      if (request.op === 'reserve') this.waiting.made(request.id)
      if (ledger.book.available > before) this.waiting.round()
      const { replayed, reservation, grant } = decision
      return { ok: true, replayed, reservation, grant, balance: ledger.balance(now) }
    })
  }

  runDue(now: EpochMs): void {
    const { available, seq } = this.ledger.book
    this.ledger.runDue(now)
    if (this.ledger.book.available > available) this.waiting.round()
    if (this.ledger.book.seq > seq) this.publish()
  }

  /** Tells the live connections, if the balance is another than they were last told. */
  publish(): void {
    const { ledger, keys } = this
    const now = ledger.now()
    this.#live.publish(
      ledger.book.seq,
      () => ledger.balance(now),
      (caller) => keys.admits(caller, now),
    )
  }

  /** Sends what history lacks, if it is time, and arms the alarm for whatever comes next. */
  async sendHistory(db: D1Database): Promise<void> {
    const { ledger, outbox, details } = this
    const sendAt = outbox.wakeAt(ledger.book.seq)
    if (sendAt !== null && sendAt <= Date.now()) await outbox.drain(db, () => details.value)
    const due = ledger.nextWake() ?? Number.POSITIVE_INFINITY
    const send = outbox.wakeAt(ledger.book.seq)
    this.#alarm.atOrBefore(Math.min(due, send === null ? Number.POSITIVE_INFINITY : Math.max(send, Date.now())))
  }

  /** A refusal for want of credits says when held ones come back at the latest. */
  #explain(refusal: Refusal, now: EpochMs): AccountRefusal {
    if (refusal.code !== 'insufficient_credits') return refusal
    const soonest = this.ledger.store.soonestHeld()
    const nextExpiry = soonest === null ? null : { at: soonest.expiresAt, credits: soonest.held }
    return { ...refusal, nextExpiry, asOf: now }
  }
}

function trialGrant(trial: NonNullable<OpenRequest['trial']>, now: EpochMs): GiveGrant {
  const { credits, lastsMs } = trial
  return { op: 'grant', id: TRIAL_GRANT, kind: 'trial', credits, expiresAt: now + lastsMs, reason: null }
}
