/** Carries deliveries out: by themselves as soon as they are due, or when the control plane says, in its order. */
import type { Books } from './books.ts'
import { attemptDelivery, type DeliveryMode, type SendEvent, type SignedEvent, signEvent } from './deliveries.ts'

export interface DeliveryOrder {
  /** In the order in which they were queued, backwards, or by chance (repeatable by `seed`). */
  readonly order?: 'queued' | 'reversed' | 'shuffled'
  readonly seed?: number
  /** How often each goes out: a duplicate is the same event, signed again. */
  readonly times?: number
}

/** A burst of events must not become a burst of connections. */
const AT_ONCE = 8
const MAX_ROUNDS = 1_000

export class Postman {
  readonly #books: Books
  readonly #nowMs: () => number
  readonly #send: SendEvent
  #round: Promise<void> = Promise.resolve()
  #isDue = false

  constructor(books: Books, nowMs: () => number, send: SendEvent) {
    this.#books = books
    this.#nowMs = nowMs
    this.#send = send
  }

  get mode(): DeliveryMode {
    return this.#books.note('deliveries', 'mode')?.mode ?? 'at_once'
  }

  set mode(mode: DeliveryMode) {
    this.#books.putNote('deliveries', 'mode', { mode })
  }

  /** Something may be due: it goes out soon, and nobody waits for it. */
  hurry(): void {
    if (this.mode !== 'at_once' || this.#isDue) return
    this.#isDue = true
    this.#round = this.#round.then(() => this.#deliverDue())
  }

  /** Until all that was due has been tried. */
  async settled(): Promise<void> {
    for (let round = this.#round; ; round = this.#round) {
      await round
      if (round === this.#round) return
    }
  }

  /** All that waits, whether or not it is due. Returns how many attempts were answered with a 2xx. */
  async deliver({ order = 'queued', seed = 1, times = 1 }: DeliveryOrder): Promise<number> {
    const waiting = arranged(this.#waiting(), order, seed)
    let delivered = 0
    for (let time = 0; time < times; time++) {
      for (const { id, note } of arranged(waiting, order, seed + time)) {
        if (await attemptDelivery(this.#books, id, note, this.#nowMs(), this.#send)) delivered += 1
      }
    }
    return delivered
  }

  /** What waits, signed now, for who carries it themselves. It is not queued any more. */
  async collect({ order = 'queued', seed = 1, times = 1 }: DeliveryOrder): Promise<SignedEvent[]> {
    const waiting = arranged(this.#waiting(), order, seed)
    for (const { id } of waiting) this.#books.removeNote('delivery', id)
    const copies = arranged(Array.from({ length: times }, () => waiting).flat(), order, seed)
    const signed = await Promise.all(copies.map(({ note }) => signEvent(this.#books, note, this.#nowMs())))
    return signed.filter((event) => event !== undefined)
  }

  /** Never to arrive. */
  drop(): number {
    const waiting = this.#waiting()
    for (const { id } of waiting) this.#books.removeNote('delivery', id)
    return waiting.length
  }

  #waiting() {
    return this.#books.notes('delivery')
  }

  async #deliverDue(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      this.#isDue = false
      const now = this.#nowMs()
      const due = this.#waiting().filter(({ note }) => note.dueAt <= now)
      if (due.length === 0) return
      const attempts = due.slice(0, AT_ONCE)
      await Promise.all(attempts.map(({ id, note }) => attemptDelivery(this.#books, id, note, now, this.#send)))
    }
  }
}

function arranged<T>(given: readonly T[], order: DeliveryOrder['order'], seed: number): T[] {
  if (order === 'reversed') return given.toReversed()
  if (order !== 'shuffled') return [...given]
  const shuffled = [...given]
  let state = seed
  for (let last = shuffled.length - 1; last > 0; last--) {
    // Numerical Recipes' generator: chance enough for an order, and the same again for the same seed.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = state % (last + 1)
    shuffled.splice(last, 1, ...shuffled.splice(other, 1, ...shuffled.slice(last, last + 1)))
  }
  return shuffled
}
