/**
 * One client under load: reviews of its own, one command after the other, some sent twice at once, some again long after.
 * It ends when it is told to, or with the first command that nobody answers.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../test/core/ledger/random.ts'
import { type Keys, send, sendBatch } from './api.ts'
import { ABSENT, after, type Command, type GiftCommand, type ReservationCommand, type Thing } from './command.ts'
import { type History, isAnswered, type Sent } from './history.ts'

const MAX_OPEN = 6
/** More are voided, the oldest first: what is live is kept in memory, and however long a load lasts, it is as much. */
const MAX_GIFTS = 3
const MAX_CREDITS = 50
/** Of so many commands, one is sent twice at once. */
const DOUBLED_ONE_IN = 5

export class Client {
  readonly #name: number
  readonly #account: string
  readonly #history: History
  readonly #chance: Random
  readonly #held = new Map<string, Thing>()
  readonly #gifts = new Set<string>()
  readonly #first = new Map<string, number>()
  readonly #done: Sent[] = []
  #made = 0

  constructor(name: number, account: string, history: History, chance: Random) {
    this.#name = name
    this.#account = account
    this.#history = history
    this.#chance = chance
  }

  /** Thinks for so long after each answer. */
  async run(keys: Keys, isOver: () => boolean, thinksMs = 0): Promise<void> {
    let goesOn = true
    while (goesOn && !isOver()) {
      goesOn = await this.#step(keys)
      if (thinksMs > 0) await pause(thinksMs)
    }
  }

  /** Asks again what was not answered, in the order in which it was asked. */
  async resolve(keys: Keys, unanswered: readonly Sent[]): Promise<void> {
    for (const sent of unanswered) {
      if (sent.client !== this.#name) continue
      sent.replies.push(await send(keys, this.#account, sent.command))
      if (isAnswered(sent)) this.#follow(sent)
    }
  }

  async #step(keys: Keys): Promise<boolean> {
    const choice = this.#chance.below(12)
    if (choice === 0 && this.#done.length > 0) return this.#again(keys, this.#chance.pick(this.#done))
    if (choice === 1) return this.#batch(keys)
    return this.#send(keys, this.#history.add(this.#name, this.#next(choice)))
  }

  #next(choice: number): Command {
    const { pick } = this.#chance
    if (choice === 2) return this.#gift()
    if (this.#held.size === 0 || (choice < 6 && this.#held.size < MAX_OPEN)) return this.#reserve()
    return this.#change(pick([...this.#held.keys()]), choice)
  }

  #gift(): GiftCommand {
    const [oldest] = this.#gifts
    if (oldest !== undefined && this.#gifts.size >= MAX_GIFTS) return { op: 'void_grant', id: oldest }
    return { op: 'grant', id: this.#newId('g'), credits: 1 + this.#chance.below(MAX_CREDITS) }
  }

  #reserve(): ReservationCommand {
    const [id, credits] = [this.#newId('r'), 1 + this.#chance.below(MAX_CREDITS)]
    this.#first.set(id, credits)
    return { op: 'reserve', id, credits }
  }

  #change(id: string, choice: number): ReservationCommand {
    const { below } = this.#chance
    // By default twice what was first held; what is above would be refused, or absorbed.
    const cap = 2 * (this.#first.get(id) ?? 0)
    if (choice < 8) return { op: 'extend', id, credits: 1 + below(cap), accrued: below(cap) }
    if (choice < 11) return { op: 'settle', id, credits: below(8 * cap) / 8 }
    return { op: 'release', id }
  }

  #newId(prefix: string): string {
    this.#made += 1
    return `${prefix}-${this.#name}-${this.#made}`
  }

  async #send(keys: Keys, sent: Sent): Promise<boolean> {
    const times = this.#chance.below(DOUBLED_ONE_IN) === 0 ? 2 : 1
    const sends = Array.from({ length: times }, () => send(keys, this.#account, sent.command))
    sent.replies.push(...(await Promise.all(sends)))
    return this.#follow(sent)
  }

  async #again(keys: Keys, sent: Sent): Promise<boolean> {
    const reply = await send(keys, this.#account, sent.command)
    sent.replies.push(reply)
    return reply !== null
  }

  /** A whole review in one call, beside one that goes on. */
  async #batch(keys: Keys): Promise<boolean> {
    const [whole, begun] = [this.#reserve(), this.#reserve()]
    const settle: ReservationCommand = { op: 'settle', id: whole.id, credits: 1 }
    const commands = [whole, begun, settle]
    const sent = commands.map((command) => this.#history.add(this.#name, command))
    const replies = await sendBatch(keys, this.#account, commands)
    let goesOn = true
    for (const [at, each] of sent.entries()) {
      each.replies.push(replies?.[at] ?? null)
      goesOn = this.#follow(each) && goesOn
    }
    return goesOn
  }

  /** What is acknowledged is what this client goes on from. */
  #follow(sent: Sent): boolean {
    if (!isAnswered(sent)) return false
    const { command } = sent
    if (command.op === 'grant') this.#gifts.add(command.id)
    if (command.op === 'void_grant') this.#gifts.delete(command.id)
    const thing = after(this.#held.get(command.id) ?? ABSENT, command)
    if (thing.state === 'held') this.#held.set(command.id, thing)
    else this.#held.delete(command.id)
    // An extend moves the time each time, and is refused once the review is closed.
    if (command.op !== 'extend') this.#done.push(sent)
    return true
  }
}
