/**
 * One account, its customer's bank, Stripe, the post and the clock, for one seed. Time passes only here, from one thing
 * that is due to the next; whenever all is quiet, what must hold at any time is looked at.
 */
import type { Stripe } from 'stripe'
import { HISTORY_DELAY_MS } from '../../src/account/ledger.ts'
import { DESK } from '../../src/account/desk.ts'
import type { OpenedAccount } from '../../src/account/opened.ts'
import type { Caller } from '../../src/account/requests.ts'
import { deliverBy, type Tell } from '../../src/account/delivery.ts'
import type { Concern } from '../../src/stripe/webhook.ts'
import type { Random } from '../../test/core/ledger/random.ts'
import type { Bank } from './bank.ts'
import { LAST_WORDS } from './disk.ts'
import { type Breakage, Host } from './host.ts'
import { Judge, Violation } from './judge.ts'
import { Post } from './post.ts'
import type { Counters } from './sometimes.ts'
import type { VirtualTime } from './virtual-time.ts'

/** So much may happen while time passes once; more is a loop. */
const MAX_HAPPENINGS = 50_000

export const SERVICE: Caller = { kind: 'service' }
export const CUSTOMER = { kind: 'account_key', id: 'key_customer', hash: 'hash-of-the-customers-key' } as const

export interface WorldOptions {
  readonly time: VirtualTime
  readonly chance: Random
  readonly bank: Bank
  readonly counters: Counters
  readonly breakage: Breakage
  /** What the account has called an error. */
  readonly errors: readonly unknown[]
}

export class World {
  readonly time: VirtualTime
  readonly chance: Random
  readonly bank: Bank
  readonly counters: Counters
  readonly host: Host
  readonly post: Post
  readonly judge: Judge
  readonly failures: unknown[] = []
  readonly #errors: readonly unknown[]
  /** The commit after which the alarm was last looked at. */
  #judgedAt = -1

  constructor({ time, chance, bank, counters, breakage, errors }: WorldOptions) {
    this.time = time
    this.chance = chance
    this.bank = bank
    this.counters = counters
    this.#errors = errors
    const now = () => time.nowMs
    const request = { id: 'acme', name: 'Acme', email: null, region: undefined, allowDebt: false, trial: null }
    this.host = new Host({
      request,
      wire: bank.wire,
      counters,
      now,
      breakage,
      committed: (account) => this.#noting(() => this.judge.watch(account.ledger.book.autoTopUp)),
    })
    this.judge = new Judge({ now, running: () => (this.host.isOpen ? this.host.account : null) }, counters)
    this.post = new Post(bank, (event) => this.#deliver(event), chance, counters, now)
    bank.listener = {
      sent: (request) => this.#noting(() => this.judge.sent(request)),
      heard: (request) => this.judge.heard(request),
      unheard: (request) => this.judge.unheard(request),
      written: (object) => {
        if (object.object !== 'event') return
        this.#noting(() => this.judge.happened(object))
        this.post.take(object as Stripe.Event)
      },
    }
  }

  /** Whether somebody has it, or nobody has to. */
  async #deliver(event: Stripe.Event): Promise<boolean> {
    return (await deliverBy((concern, id) => this.#tell(concern, id), this.bank.worker, event)) !== 'unavailable'
  }

  async #tell(concern: Concern, event: string): ReturnType<Tell> {
    const asked = await this.host.ask(async (account) => {
      const { purchase } = concern
      const known = purchase === null ? null : account.ledger.store.purchases.get(purchase)
      if (known?.stage === 'confirming') this.counters.count('post: came before the answer')
      account.admit(SERVICE, () => ({ ok: true }))
      return DESK.receive(account, SERVICE, { concern, event })
    })
    // As the Worker has it of an object that is gone.
    return asked.heard ? asked.answer : { ok: false, refusal: { code: 'overloaded', retryAfterSeconds: 1 } }
  }

  get now(): number {
    return this.time.nowMs
  }

  /** Where an exception would be taken for a failure of Stripe's, it is kept for later. */
  #noting(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.failures.push(error)
    }
  }

  /** The account's customer at Stripe, unless there is none or it was deleted there. */
  get customer(): string | null {
    const { customer } = this.host.account.cashier.payer
    const found = customer === null ? undefined : this.bank.books.get('customer', customer)
    return found === undefined || found.deleted ? null : customer
  }

  /** Goes on beside what comes after it; what it throws is a failure of the run. */
  begin(begun: Promise<unknown>): void {
    void begun.catch((error: unknown) => this.failures.push(error))
  }

  async pass(ms: number): Promise<void> {
    await this.passUntil(this.now + ms)
  }

  async passUntil(at: number): Promise<void> {
    const { time, host, post } = this
    for (let happened = 0; happened < MAX_HAPPENINGS; happened += 1) {
      await time.quiet()
      this.check()
      const next = Math.min(time.nextAt(), host.alarmAt, post.nextAt(), post.repairAt)
      if (next > at) {
        time.nowMs = Math.max(time.nowMs, at)
        return
      }
      time.nowMs = Math.max(time.nowMs, next)
      if (host.alarmAt <= time.nowMs) host.ringAlarm()
      else if (post.nextAt() <= time.nowMs) post.sendNext()
      else if (post.repairAt <= time.nowMs) this.#everyFewDays()
      else time.fireNext()
    }
    throw new Violation('time stands still')
  }

  #everyFewDays(): void {
    this.begin(this.post.repair())
    this.bank.settleDebits(this.chance)
  }

  /** What holds whenever all is quiet. */
  check(): void {
    const failure = this.failures[0] ?? this.host.failures[0]
    if (failure !== undefined) throw failure
    // A life that was killed may well say that it cannot go on.
    const error = this.#errors.map((said) => JSON.stringify(said)).find((said) => !said.includes(LAST_WORDS))
    if (error !== undefined) throw new Violation(error)
    const { host } = this
    if (!host.isOpen || host.isInAlarm || host.disk.commits === this.#judgedAt) return
    this.#judgedAt = host.disk.commits
    this.#alarmIsArmed(host.account)
  }

  /** I8: at or before whatever is due: the ledger's own work, payments, and entries for history. */
  #alarmIsArmed({ ledger, payments, outbox }: OpenedAccount): void {
    const history = outbox.wakeAt(ledger.book.seq)
    // History trails the balance, so that a burst of entries goes to it at once.
    const due = [
      ledger.nextWake(),
      payments.wakeAt(),
      history === null ? null : Math.max(history, this.now + HISTORY_DELAY_MS),
    ]
    const soonest = Math.min(...due.map((at) => at ?? Number.POSITIVE_INFINITY))
    const armedAt = this.host.alarmAt
    if (armedAt > Math.max(soonest, this.now)) {
      throw new Violation(`I8: the alarm is armed for ${armedAt}, and ${JSON.stringify(due)} are due`)
    }
  }
}
