/** One account, who works for it, what they sent, and what was read of it. */
import { type Random, random } from '../../test/core/ledger/random.ts'
import { ask } from './api.ts'
import type { Payer, StripeKeys } from './buyer.ts'
import { Client } from './client.ts'
import type { Thing } from './command.ts'
import { History } from './history.ts'
import { judgeAtRest, judgeAtRestart, type SeenEntry } from './judge.ts'
import { auditWhenComplete, read, readEntries, readThings } from './reads.ts'

const CREDITS = 10_000_000
/** Whoever opens the account; no client has this number. */
const OPENER = 1_000

export class AccountUnderLoad {
  readonly payer: Payer | null
  readonly #id: string
  readonly #history = new History()
  readonly #clients: Client[] = []
  readonly #things = new Map<string, Thing>()
  readonly #entries: SeenEntry[] = []
  #judged = 0

  constructor(id: string, payer: Payer | null = null) {
    this.#id = id
    this.payer = payer
  }

  get id(): string {
    return this.#id
  }

  get seq(): number {
    return this.#entries.length
  }

  addClient(name: number, chance: Random): void {
    this.#clients.push(new Client(name, this.#id, this.#history, chance))
  }

  async open(system: StripeKeys): Promise<void> {
    await ask(system, 'operator', 'PUT', `/v1/accounts/${this.#id}`, { trial: null })
    this.#history.add(OPENER, { op: 'grant', id: 'g-first', credits: CREDITS })
    await new Client(OPENER, this.#id, this.#history, random(0)).resolve(system, this.#history.unanswered())
    await this.payer?.open?.(system)
  }

  /** How many commands were sent. */
  async load(system: StripeKeys, pays: boolean, isOver: () => boolean, thinksMs = 0): Promise<number> {
    const before = this.#history.all.length
    const running = this.#clients.map((client) => client.run(system, isOver, thinksMs))
    await Promise.all([...running, ...(pays ? [this.payer?.run(system, isOver)] : [])])
    return this.#history.all.length - before
  }

  /** Asks again what was not answered, before the load goes on. Returns how much that was. */
  async resolve(system: StripeKeys): Promise<number> {
    const unanswered = this.#history.unanswered()
    await Promise.all(this.#clients.map((client) => client.resolve(system, unanswered)))
    return unanswered.length
  }

  async judge(system: StripeKeys): Promise<{ violations: string[]; unanswered: number; doneUnseen: number }> {
    const touched = [...new Set(this.#history.all.slice(this.#judged).map(({ command }) => command.id))]
    const unanswered = this.#history.unanswered()
    const atRestart = judgeAtRestart(this.#history, await readThings(system, this.#id, touched), touched)
    await Promise.all(this.#clients.map((client) => client.resolve(system, unanswered)))
    const paid = (await this.payer?.resolve(system)) ?? []
    const audited = await auditWhenComplete(system, this.#id)
    const atRest = judgeAtRest(this.#history, await this.#see(system, touched))
    this.#judged = this.#history.all.length
    const violations = [...atRestart, ...paid, ...audited, ...atRest]
    const doneUnseen = unanswered.filter(({ replies }) => replies.at(-1)?.isFresh === false).length
    return {
      violations: violations.map((violation) => `${this.#id}: ${violation}`),
      unanswered: unanswered.length,
      doneUnseen,
    }
  }

  /** What an earlier round read is not read again; its entries say the same, and they are. */
  async #see(system: StripeKeys, touched: readonly string[]) {
    for (const [id, thing] of await readThings(system, this.#id, touched)) this.#things.set(id, thing)
    this.#entries.push(...(await readEntries(system, this.#id, this.#entries.length)))
    const balance = await read(system, this.#id, '/balance')
    return { things: this.#things, entries: this.#entries, balance, paid: (await this.payer?.paid(system)) ?? [] }
  }
}
