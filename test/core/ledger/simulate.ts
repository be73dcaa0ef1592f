/**
 * Random commands against the ledger and the model at once: every answer is judged, every invariant checked after every
 * command. One seed makes one run, the same everywhere.
 */
import { nextWake } from '../../../src/ledger/due.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'
import { Sender } from './commands.ts'
import { Fold } from './fold.ts'
import {
  alarmIsArmed,
  checkAll,
  closesOnce,
  foldIsGrant,
  foldIsPurchase,
  foldIsState,
  holdIsItsParts,
  neverBelowZero,
  nothingExpiresEarly,
  nothingOutlivesItsTime,
  reservedIsHeld,
} from './invariants.ts'
import { compareAll, compareAnswers, compareStates } from './judge.ts'
import { compareTopUp } from './judge-payments.ts'
import { Model } from './model.ts'
import { cardOf, otherOffers, Payer } from './payment-commands.ts'
import { CARD, OFFERS } from './payment-steps.ts'
import { random } from './random.ts'
import { same } from './same.ts'
import { type Counters, noCounts } from './sometimes.ts'
import { randomMood, randomStep, type Step } from './steps.ts'
import { type Done, LEDGER, type Ledger, Store } from './store.ts'
import { Stripe } from './stripe.ts'

export interface Simulation extends Partial<Ledger> {
  readonly seed: number
  readonly operations: number
}

/** Long enough that reservations of all ages meet, short enough that an account that is full or voided ends soon. */
const MAX_STEPS_PER_ACCOUNT = 300

/** Throws with the seed and the step at the first difference or violation; give both to see it again. */
export function simulate({ seed, operations, ...ledger }: Simulation): { operations: number; counters: Counters } {
  const chance = random(seed)
  const counters = noCounts()
  let step = 0
  while (step < operations) {
    const account = new Account(counters, { ...LEDGER, ...ledger })
    const mood = randomMood(chance)
    const last = Math.min(operations, step + 1 + chance.below(MAX_STEPS_PER_ACCOUNT))
    for (; step < last; step += 1) account.take(randomStep(chance, mood), `seed ${seed}, step ${step}`)
    account.finish(`seed ${seed}, step ${step}`)
  }
  return { operations, counters }
}

/** The same with steps from elsewhere, all for one account. */
export function follow(steps: readonly Step[], ledger: Partial<Ledger> = {}): void {
  const account = new Account(noCounts(), { ...LEDGER, ...ledger })
  steps.forEach((step, at) => {
    account.take(step, `step ${at}`)
  })
  account.finish('the end')
}

/** Not 0, so that a time that was forgotten is seen. */
const START = Date.UTC(2026, 0, 1)

/** One account, kept by the ledger and by the model. */
class Account {
  readonly #store: Store
  readonly #model: Model
  readonly #stripe = new Stripe()
  readonly #sender: Sender
  readonly #payer: Payer
  readonly #counters: Counters
  readonly #fold = new Fold()
  readonly #seen = new Map<string, Reservation>()
  #now = START

  constructor(counters: Counters, ledger: Ledger) {
    this.#counters = counters
    this.#store = new Store(ledger)
    this.#model = new Model(counters)
    this.#payer = new Payer(this.#store, this.#stripe)
    this.#sender = new Sender(this.#store, this.#payer)
    this.#store.offers = OFFERS
    this.#store.card = CARD
    Object.assign(this.#model.topUp, { offers: OFFERS, card: CARD })
  }

  take(step: Step, where: string): void {
    this.#now = this.#sender.time(step, this.#now)
    const command = this.#sender.command(step, this.#now)
    try {
      if (command === null) this.#pass(step)
      else {
        const done = this.#store.run(command, this.#now)
        const verdict = this.#model.judge(command, this.#now)
        for (const each of done) this.#check(each)
        const answer = done.at(-1)
        if (answer !== undefined) compareAnswers(answer.decision, verdict)
        this.#countRaces(done)
        if (answer !== undefined) this.#tellStripe(answer)
      }
      this.#checkAtRest()
    } catch (cause) {
      const what = command === null ? step.act : JSON.stringify(command)
      throw new Error(`${where}, ${what} at ${this.#now}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
  }

  finish(where: string): void {
    try {
      checkAll(this.#store)
      compareAll(this.#store, this.#model)
    } catch (cause) {
      throw new Error(`${where}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
  }

  /** A step that asks nothing of the ledger but to be up to date, as a balance read does. */
  #pass(step: Step): void {
    for (const each of this.#store.passTime(this.#now)) this.#check(each)
    this.#model.passTime(this.#now)
    switch (step.act) {
      case 'switch debt':
        this.#store.allowDebt(!step.negative)
        this.#model.debtAllowed = !step.negative
        return
      case 'move at Stripe':
        this.#payer.move(step, this.#now)
        return
      case 'keep a card':
        this.#store.card = cardOf(step, this.#store.card, this.#now)
        this.#model.topUp.card = this.#store.card
        return
      case 'change a price':
        this.#store.offers = otherOffers(step, this.#store.offers)
        this.#model.topUp.offers = this.#store.offers
    }
  }

  /** Once an attempt may be confirmed, it may be charged at any time until its outcome is known. */
  #tellStripe({ command, decision }: Done): void {
    if (command.op !== 'advance_attempt' || !decision.ok || decision.replayed) return
    const attempt = decision.purchase
    const limit = this.#store.book.autoTopUp?.monthlyLimitCents
    if (attempt?.stage === 'confirming' && limit !== undefined) this.#stripe.allow(attempt.id, limit)
  }

  /** What must hold after each command, due work too. */
  #check({ decision, at, before }: Done): void {
    if (!decision.ok || decision.change === null) return
    const { book, entries, reservations, grants, alias, purchases } = decision.change
    if (decision.replayed) {
      same('I5 entries of a replay', entries.length + reservations.length + grants.length, 0)
      same('I5 book of a replay', book, before)
      if (alias === null) throw new Error('I5: a replay that writes nothing has a change')
    }
    for (const entry of entries) {
      this.#fold.add(entry)
      nothingExpiresEarly(this.#store, entry, at)
    }
    foldIsState(this.#fold, book)
    neverBelowZero(book)
    for (const grant of grants) foldIsGrant(this.#fold, grant)
    for (const purchase of purchases) foldIsPurchase(this.#fold, purchase)
    for (const reservation of reservations) {
      closesOnce(this.#seen.get(reservation.id), reservation)
      this.#seen.set(reservation.id, reservation)
      if (reservation.state !== 'held') holdIsItsParts(this.#fold, reservation)
    }
  }

  /** What must hold once all that was due is done. A refusal or a replay that changed anything differs here too. */
  #checkAtRest(): void {
    const store = this.#store
    same('I6 version', store.book.seq, this.#fold.seq)
    same('changes of the own key', this.#fold.byokChanges, this.#model.byokChanges)
    same('readings of the own key', this.#fold.byokReadings, this.#model.byokReadings)
    foldIsState(this.#fold, store.book)
    reservedIsHeld(store)
    for (const reservation of store.held.values()) holdIsItsParts(this.#fold, reservation)
    alarmIsArmed(store, nextWake(store.book, store.soonestHeld()))
    nothingOutlivesItsTime(store, this.#now)
    compareStates(store, this.#model, this.#now)
    compareTopUp(store, this.#model.topUp, this.#now)
  }

  #countRaces(done: readonly Done[]): void {
    const settle = done.at(-1)
    if (settle?.command.op !== 'settle' || !settle.decision.ok || settle.decision.replayed) return
    const id = settle.decision.reservation?.id
    for (const { command } of done) {
      if (command.op === 'expire_reservation' && command.id === id) this.#counters['expiry: beats settle'] += 1
    }
  }
}
