/** The operator: opens accounts, grants, voids, adjusts, allows debt, looks whether all is well, and repairs D1. */
import { presentTime } from '../../../src/account/present.ts'
import { Violation } from '../judge.ts'
import type { Asked, Heard } from './door.ts'
import { newId, type Resident } from './resident.ts'
import type { Runners } from './runners.ts'
import { OPERATOR } from './secrets.ts'
import type { System } from './system.ts'
import type { Json } from './texts.ts'

const MINUTE_MS = 60_000
const LASTS_MS = [MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS, 24 * 60 * MINUTE_MS, 5 * 24 * 60 * MINUTE_MS]
const TRIES = 20

export class Operator {
  readonly #system: System
  readonly #resident: Resident
  readonly #runners: Runners

  constructor(system: System, resident: Resident, runners: Runners) {
    this.#system = system
    this.#resident = resident
    this.#runners = runners
  }

  /** Until it is there; and its keys, of which each mint that was answered counts. */
  async open(): Promise<void> {
    const { chance } = this.#system
    const trial = chance.pick([{}, {}, { trial: null }, { trial: { credits: 25, days: 1 } }])
    const body = { name: 'A team', allow_debt: chance.below(2) === 0, ...trial }
    await this.#surely(this.#asked('openAccount', 'PUT', '', body))
    for (const scope of ['runner', 'billing'] as const) {
      const heard = await this.#surely(this.#asked('mintKey', 'POST', '/keys', { scope }))
      this.#resident.keys[scope] = String(heard.heard ? heard.json['key'] : '')
    }
  }

  async #surely(asked: Asked): Promise<Heard> {
    for (let time = 0; time < TRIES; time += 1) {
      const heard = await this.#system.door.send(asked)
      if (heard.heard && heard.status < 300) return heard
      await this.#system.later(1_000)
    }
    throw new Violation(`${asked.method} ${asked.path} was never done`)
  }

  async grant(): Promise<void> {
    const { chance } = this.#system
    const id = newId(this.#resident, 'g')
    this.#resident.grants.push(id)
    const { free } = this.#resident.host.follower.model
    const isTaken = chance.below(6) === 0
    const amount = Math.max(1, chance.pick([1, 20_000, 50_000, 100_000, 12_345]))
    const credits = isTaken
      ? -Math.max(1, chance.pick([1, free, Math.ceil(free / 3), free + 1])) / 1_000
      : amount / 1_000
    const expires = chance.below(2) === 0 ? presentTime(this.#system.now + chance.pick(LASTS_MS)) : null
    const kind = isTaken || chance.below(4) === 0 ? 'adjustment' : 'promotional'
    const body = { kind, credits, reason: 'an apology', ...(isTaken ? {} : { expires_at: expires }) }
    await this.#runners.insist(this.#asked('giveGrant', 'PUT', `/grants/${id}`, body))
  }

  /** A thousandth of a credit, by which something is written. */
  async adjust(): Promise<void> {
    const body = { kind: 'adjustment', credits: 0.001, reason: 'so that something is written' }
    await this.#surely(this.#asked('giveGrant', 'PUT', `/grants/${newId(this.#resident, 'g')}`, body))
  }

  async voidGrant(): Promise<void> {
    const { chance } = this.#system
    const { grants } = this.#resident
    const id = grants.length > 0 && chance.below(5) > 0 ? chance.pick(grants) : chance.pick(['trial', 'unknown'])
    await this.#runners.insist(this.#asked('voidGrant', 'DELETE', `/grants/${id}`))
  }

  async changeDebt(): Promise<void> {
    const { chance } = this.#system
    const name = chance.pick(['A team', 'Another team'])
    await this.#runners.insist(this.#asked('openAccount', 'PUT', '', { allow_debt: chance.below(2) === 0, name }))
  }

  async rebuild(): Promise<void> {
    await this.#runners.insist(this.#asked('rebuildHistory', 'POST', '/history/rebuild', {}))
  }

  /** The differences that it names. */
  async audit(): Promise<readonly string[] | null> {
    return ((await this.#heardOfAudit())?.['differences'] ?? null) as readonly string[] | null
  }

  /** Which of the deployment's secrets seals the account's own key; `undefined` if no answer was heard. */
  async secretOfOwnKey(): Promise<unknown> {
    return (await this.#heardOfAudit())?.['byok_secret']
  }

  async #heardOfAudit(): Promise<Json | null> {
    const heard = await this.#system.door.send(this.#asked('audit', 'GET', '/audit'))
    return heard.heard && heard.status === 200 ? heard.json : null
  }

  /** Keys come and go. */
  async mintKey(): Promise<void> {
    const heard = await this.#runners.insist(this.#asked('mintKey', 'POST', '/keys', { scope: 'runner' }))
    if (!heard.heard || heard.status !== 201) return
    const id = String((heard.json['id'] ?? '') as string)
    if (id !== '') await this.#runners.insist(this.#asked('revokeKey', 'DELETE', `/keys/${id}`))
  }

  #asked(what: string, method: Asked['method'], path: string, body?: object): Asked {
    const account = this.#resident.id
    const full = `/v1/accounts/${account}${path}`
    return { account, what, method, path: full, key: OPERATOR, ...(body === undefined ? {} : { body }) }
  }
}
