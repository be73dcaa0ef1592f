/** About the customer's own key: put, replaced, removed, and read by the runner of a review that is held in that mode. */
import type { Asked } from './door.ts'
import { newId, type Resident } from './resident.ts'
import type { Runners } from './runners.ts'
import { OPERATOR, ownKeyOf, RUNNER } from './secrets.ts'
import type { System } from './system.ts'

export class OwnKey {
  readonly #system: System
  readonly #resident: Resident
  readonly #runners: Runners
  #number = 0

  constructor(system: System, resident: Resident, runners: Runners) {
    this.#system = system
    this.#resident = resident
    this.#runners = runners
  }

  /** A key that was not there before, or the same once more. */
  async put(): Promise<void> {
    if (this.#number === 0 || this.#system.chance.below(4) > 0) this.#number += 1
    const body = { api_key: ownKeyOf(this.#resident.id, this.#number) }
    await this.#runners.insist(this.#asked('putByok', 'PUT', '', body))
  }

  async remove(): Promise<void> {
    await this.#runners.insist(this.#asked('removeByok', 'DELETE', ''))
  }

  async look(): Promise<void> {
    await this.#system.door.send(this.#asked('getByok', 'GET', ''))
  }

  /** For one that is held in that mode, for any that is held, or that ever was. */
  async read(): Promise<void> {
    const { chance } = this.#system
    const held = this.#resident.host.follower.model.open.filter(({ mode }) => mode === 'byok')
    const id = held.length > 0 && chance.below(3) > 0 ? chance.pick(held).id : this.#runners.pick()
    await this.#runners.insist({ ...this.#asked('readByokKey', 'GET', `/key?reservation=${id}`), key: RUNNER })
  }

  /** Under another name: the same review is asked for by two deliveries of one event, and the key under the second's. */
  async readUnderAnotherName(): Promise<void> {
    const { host, id: account, reviews } = this.#resident
    const held = host.follower.model.open.filter(({ mode }) => mode === 'byok').map((each) => `/${each.id}`)
    const first = this.#resident.letters.find(
      ({ path, body = {} }) => 'dedupe_key' in body && held.some((end) => path.endsWith(end)),
    )
    if (first === undefined) return
    const id = newId(this.#resident, 'r')
    reviews.push(id)
    await this.#runners.insist({ ...first, path: `/v1/accounts/${account}/reservations/${id}` })
    await this.#runners.insist({ ...this.#asked('readByokKey', 'GET', `/key?reservation=${id}`), key: RUNNER })
  }

  #asked(what: string, method: Asked['method'], rest: string, body?: object): Asked {
    const { id: account, keys } = this.#resident
    const path = `/v1/accounts/${account}/byok${rest}`
    const key = keys.billing !== '' && this.#system.chance.below(2) === 0 ? keys.billing : OPERATOR
    return { account, what, method, path, key, ...(body === undefined ? {} : { body }) }
  }
}
