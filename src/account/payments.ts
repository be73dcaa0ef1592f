/**
 * Payments as a job of the alarm: starts an attempt of auto top-up when one is due, and asks Stripe about whatever the
 * inbox names. It keeps its own pauses, so a Stripe that is slow or down delays nothing else.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import { nextAttemptAt } from '../ledger/auto-top-up.ts'
import { readCards } from '../stripe/cards.ts'
import type { Concern } from '../stripe/webhook.ts'
import { type Cashier, newId, type Synced, warn } from './cashier.ts'
import { describeError } from './describe-error.ts'
import type { Asked } from './inbox.ts'
import { earliest, type Job } from './jobs.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { Sync } from './sync.ts'

/** No further topic is begun after this; one under way ends by the time limits of its calls. */
const WORK_MS = 20_000
const TOPICS_AT_ONCE = 20
const MAX_ROUNDS = 5

export class Payments implements Job {
  readonly sync: Sync
  readonly #cashier: Cashier
  readonly #cards = new OneAtATime<Synced>()

  constructor(cashier: Cashier) {
    this.#cashier = cashier
    this.sync = new Sync(cashier)
  }

  wakeAt(): EpochMs | null {
    return earliest([this.#cashier.inbox.nextAt(), this.attemptAt()])
  }

  /** When auto top-up may next charge; `null` while it need not or may not. */
  attemptAt(): EpochMs | null {
    const { ledger } = this.#cashier
    const { autoTopUp, available } = ledger.book
    // Asked after every command, so what is usual is said without a look at the tables.
    if (autoTopUp === null || !autoTopUp.enabled || available >= autoTopUp.threshold) return null
    const now = ledger.now()
    return nextAttemptAt(ledger.book, ledger.store.purchases.topUpFacts(ledger.book, now), now)
  }

  async run(): Promise<void> {
    const until = Date.now() + WORK_MS
    try {
      // Several packs one after the other, where one is not enough.
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        await this.#startAttempt()
        const due = this.#cashier.inbox.due(this.#cashier.ledger.now(), TOPICS_AT_ONCE)
        if (due.length === 0) return
        for (const asked of due) {
          if (Date.now() >= until) return
          await this.#work(asked)
        }
      }
    } catch (error) {
      const { id } = this.#cashier.details.value
      console.error({ message: 'payments failed', account: id, error: describeError(error) })
    }
  }

  /** The cards that Stripe keeps, read again. */
  refreshCards(): Promise<Synced> {
    return this.#cards.run('cards', async () => {
      const { payer } = this.#cashier
      const { customer } = payer
      if (customer === null) return DONE
      const told = await readCards(this.#cashier.stripe(), customer)
      if (!told.ok) return told
      const { customerIsGone, cards } = told.value
      await this.#cashier.write(() => (customerIsGone ? payer.forgetCustomer(customer) : payer.keepCards(cards)))
      return DONE
    })
  }

  /**
   * Takes an event in: what it concerns is asked about soon. Answers whether it was ours: only what this account wrote
   * down itself is acted on, whatever the event's metadata names (R12).
   */
  receive(concern: Concern, event: string, now: EpochMs): boolean {
    const { inbox, payer, ledger } = this.#cashier
    const { about, customer, payment, session, purchase } = concern
    if (about === 'cards') {
      if (customer !== payer.customer) return false
      inbox.ask('cards', now, { event, payment: null })
      return true
    }
    const { purchases } = ledger.store
    const known =
      (payment === null ? null : purchases.byPayment(payment)) ??
      (session === null ? null : purchases.bySession(session)) ??
      (purchase === null ? null : purchases.get(purchase))
    // A customer that was deleted and replaced can still be refunded for what they bought.
    if (known === null || customer !== (known.customer ?? payer.customer)) return false
    inbox.ask(`purchase:${known.id}`, now, { event, payment })
    return true
  }

  async #startAttempt(): Promise<void> {
    const cashier = this.#cashier
    const at = this.attemptAt()
    if (at === null || at > cashier.ledger.now()) return
    const { customer } = cashier.payer
    if (customer === null) return
    await cashier.write((now) => {
      const id = newId('top')
      const decision = cashier.decide({ op: 'start_attempt', id, customer }, now)
      if (decision.ok && decision.purchase !== null) cashier.inbox.ask(`purchase:${id}`, now)
    })
  }

  async #work(asked: Asked): Promise<void> {
    const { inbox, ledger } = this.#cashier
    const synced = await this.#ask(asked)
    await this.#cashier.write(() => {
      if (synced?.ok === true) inbox.done(asked, synced.lookAgainAt)
      else inbox.failed(asked, ledger.now())
    })
    if (synced !== null && !synced.ok) warn(this.#cashier, 'Stripe was asked in vain', synced, asked.topic)
  }

  /** `null` for a bug, which must not keep other topics from being worked on. */
  async #ask({ topic }: Asked): Promise<Synced | null> {
    try {
      return await (topic === 'cards' ? this.refreshCards() : this.sync.run(topic.slice('purchase:'.length)))
    } catch (error) {
      const { id } = this.#cashier.details.value
      console.error({ message: 'a payment could not be followed', account: id, topic, error: describeError(error) })
      return null
    }
  }
}

const DONE = { ok: true, lookAgainAt: null } as const
