/**
 * Webhooks on their way: late, twice, in any order or never; one that the account could not take is sent again. And a
 * repair for those that never came, simpler than the scheduled one: that is for a whole deployment's events, in windows.
 */
import type { Stripe } from 'stripe'
import { WEBHOOK_EVENTS } from '../../src/stripe/webhook.ts'
import { listEvents } from '../../src/stripe/events.ts'
import type { Random } from '../../test/core/ledger/random.ts'
import type { Bank } from './bank.ts'
import type { Counters } from './sometimes.ts'

interface Letter {
  readonly event: Stripe.Event
  readonly at: number
  readonly tries: number
}

const WANTED: ReadonlySet<string> = new Set(WEBHOOK_EVENTS)
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
/** Stripe's own pauses, and it gives up after three days. */
const AGAIN_AFTER_MS = [5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 12 * HOUR_MS]
/** Far rarer than in production, so that much is found out late, yet often enough for events that are listed for 30 days. */
const REPAIR_EVERY_MS = 9 * 24 * HOUR_MS
const REPAIR_AGAIN_MS = 24 * HOUR_MS
const OVERLAP_SECONDS = 300
/** One seed's events, all at once: the windows of the real repair are for a whole deployment's. */
const MAX_PAGES = 90

/** Brings an event to the account: whether somebody has it, or nobody has to. */
export type Bring = (event: Stripe.Event) => Promise<boolean>

export class Post {
  readonly #bank: Bank
  readonly #bring: Bring
  readonly #chance: Random
  readonly #counters: Pick<Counters, 'count'>
  readonly #now: () => number
  #letters: Letter[] = []
  #lastSent = 0
  #listedTo: number
  repairAt: number
  /** While it is shut, all that would be delivered is lost. */
  isShut = false

  constructor(bank: Bank, bring: Bring, chance: Random, counters: Pick<Counters, 'count'>, now: () => number) {
    this.#bank = bank
    this.#bring = bring
    this.#chance = chance
    this.#counters = counters
    this.#now = now
    this.#listedTo = Math.floor(now() / 1000)
    this.repairAt = now() + REPAIR_EVERY_MS
  }

  /** An event happened: how it will travel is decided here. */
  take(event: Stripe.Event): void {
    if (!WANTED.has(event.type)) return
    const chance = this.#chance
    if (this.isShut || chance.below(10) === 0) {
      this.#counters.count('post: never delivered')
      return
    }
    const times = chance.below(5) === 0 ? 2 : 1
    if (times === 2) this.#counters.count('post: delivered twice')
    for (let time = 0; time < times; time += 1) {
      const within = chance.pick([10, 10, SECOND_MS, 10 * SECOND_MS, 10 * MINUTE_MS, 48 * HOUR_MS])
      this.#letters.push({ event, at: this.#now() + chance.below(within), tries: 0 })
    }
  }

  nextAt(): number {
    return this.#letters.reduce((soonest, { at }) => Math.min(soonest, at), Number.POSITIVE_INFINITY)
  }

  /** Sends one letter that is due. */
  sendNext(): void {
    const at = this.nextAt()
    const letter = this.#letters.find((each) => each.at === at)
    if (letter === undefined) return
    this.#letters = this.#letters.filter((each) => each !== letter)
    if (letter.event.created < this.#lastSent) this.#counters.count('post: out of order')
    this.#lastSent = Math.max(this.#lastSent, letter.event.created)
    void this.#send(letter)
  }

  async #send({ event, tries }: Letter): Promise<void> {
    if (await this.#bring(event)) return this.#counters.count('post: delivered')
    const pause = AGAIN_AFTER_MS[tries]
    if (pause === undefined) return
    this.#counters.count('post: refused, and sent again')
    this.#letters.push({ event, at: this.#now() + pause, tries: tries + 1 })
  }

  /** Brings all that Stripe lists since the last time. Whether that succeeded. */
  async repair(): Promise<boolean> {
    this.repairAt = this.#now() + REPAIR_AGAIN_MS
    const to = Math.floor(this.#now() / 1000)
    const listed = await listEvents(this.#bank.worker, this.#listedTo - OVERLAP_SECONDS, to, MAX_PAGES)
    if (!listed.ok) return false
    let missing = 0
    for (const event of listed.value.events.toReversed()) {
      if (await this.#bring(event)) this.#counters.count('post: brought by the scheduled repair')
      else missing += 1
    }
    if (missing > 0) return false
    this.#listedTo = to
    this.repairAt = this.#now() + REPAIR_EVERY_MS
    return true
  }
}
