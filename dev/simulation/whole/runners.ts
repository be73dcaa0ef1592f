/** Runners: they reserve, report, settle and release, repeat what was not answered, send twice, and come back late. */
import type { Asked, Heard } from './door.ts'
import { newId, type Resident } from './resident.ts'
import { OPERATOR, RUNNER } from './secrets.ts'
import type { System } from './system.ts'

const TRIES = 4
/** Of the newest reservations one is rather used again; the older ones would hardly still collide with anything. */
const NEWEST = 8
const TTLS_SECONDS = [60, 60, 120, 300, 900, 3_600, 86_400]
const DEDUPE_KEYS = ['push-1', 'push-2', 'push-3']
const AMOUNTS = [1, 500, 1_000, 7_500, 12_345, 62_500]

export class Runners {
  readonly #system: System
  readonly #resident: Resident

  constructor(system: System, resident: Resident) {
    this.#system = system
    this.#resident = resident
  }

  /** Sends it until it is answered, or patience ends; sometimes a second time although it was. */
  async insist(asked: Asked): Promise<Heard> {
    const { chance, door, counters } = this.#system
    this.#resident.letters.push(asked)
    const pauses = Array.from({ length: TRIES }, () => chance.below(chance.pick([50, 2_000, 60_000])))
    const sendsTwice = chance.below(12) === 0
    if (sendsTwice) {
      counters.count('client: sends twice at once')
      this.#system.begin(door.send(asked))
    }
    let heard: Heard = { heard: false }
    for (const pause of pauses) {
      heard = await door.send(asked)
      if (heard.heard && heard.status !== 503) return heard
      counters.count('client: asks again')
      await this.#system.later(pause)
    }
    return heard
  }

  async reserve(): Promise<void> {
    const { body } = this.#body()
    const id = newId(this.#resident, 'r')
    this.#resident.reviews.push(id)
    await this.insist(this.#asked('reserve', id, body))
  }

  /** The same id with another body: a conflict, or with the same one once more. */
  async reserveAgain(): Promise<void> {
    const { chance, counters } = this.#system
    const known = this.#resident.letters.filter(({ what }) => what === 'reserve')
    if (known.length === 0) return
    const before = chance.pick(known.slice(-NEWEST))
    if (chance.below(2) === 0) return void (await this.insist(before))
    counters.count('client: another body under the same id')
    const { wait_seconds: _, ...body } = before.body as Record<string, unknown>
    await this.insist({ ...before, body: { ...body, metadata: { repository: 'another' } } })
  }

  /** Anything that was ever sent, once more. */
  async sendOld(): Promise<void> {
    const { chance, counters, door } = this.#system
    const { letters } = this.#resident
    if (letters.length === 0) return
    counters.count('client: an old request comes again')
    await door.send(chance.pick(letters))
  }

  async settle(): Promise<void> {
    await this.insist(this.#asked('settle', this.pick(), this.#cost(this.pick())))
  }

  async release(): Promise<void> {
    await this.insist(this.#asked('release', this.pick(), { reason: 'the pull request was closed' }))
  }

  async extend(): Promise<void> {
    const id = this.pick()
    await this.insist(this.#asked('extend', id, this.#report(id)))
  }

  async batch(): Promise<void> {
    const { chance } = this.#system
    const commands = Array.from({ length: 1 + chance.below(6) }, () => {
      switch (chance.below(4)) {
        case 0: {
          const id = newId(this.#resident, 'b')
          this.#resident.reviews.push(id)
          const { wait_seconds: _, ...body } = this.#body().body
          return { op: 'reserve', id, ...body }
        }
        case 1:
          return { op: 'release', id: this.pick() }
        case 2: {
          const id = this.pick()
          return { op: 'extend', id, ...this.#report(id) }
        }
        default: {
          const id = this.pick()
          return { op: 'settle', id, ...this.#cost(id) }
        }
      }
    })
    const path = `/v1/accounts/${this.#resident.id}/reservations:batch`
    await this.insist({
      account: this.#resident.id,
      what: 'batch',
      method: 'POST',
      path,
      body: { commands },
      key: RUNNER,
    })
  }

  async read(): Promise<void> {
    const { chance, door } = this.#system
    const { id: account } = this.#resident
    if (chance.below(2) === 0) return this.readBalance()
    const path = `/v1/accounts/${account}/reservations/${this.pick()}`
    await door.send({ account, what: 'getReservation', method: 'GET', path, key: this.#key() })
  }

  async readBalance(): Promise<void> {
    const { id: account } = this.#resident
    const path = `/v1/accounts/${account}/balance`
    await this.#system.door.send({ account, what: 'getBalance', method: 'GET', path, key: this.#key() })
  }

  async list(): Promise<void> {
    const { chance, door } = this.#system
    const { id: account } = this.#resident
    const what = chance.pick(['reservations', 'reservations?state=held', 'grants', 'entries', 'usage', 'purchases'])
    const path = `/v1/accounts/${account}/${what}`
    await door.send({ account, what: 'list', method: 'GET', path, key: OPERATOR })
  }

  /** With another account's key there is no such account (I13). */
  async trespass(): Promise<void> {
    const { chance, door, residents, counters } = this.#system
    const other = residents.find((each) => each !== this.#resident)
    if (other === undefined || other.keys.runner === '') return
    counters.count('client: a key of another account')
    const path = `/v1/accounts/${this.#resident.id}/${chance.pick(['balance', 'reservations', `reservations/${this.pick()}`])}`
    await door.send({ account: other.id, what: 'foreign', method: 'GET', path, key: other.keys.runner })
  }

  /** One of those that are held, or any that was ever asked for. */
  pick(): string {
    const { chance } = this.#system
    const { reviews, host } = this.#resident
    const { open, reservations } = host.follower.model
    if (open.length > 0 && chance.below(3) > 0) return chance.pick(open).id
    if (reviews.length === 0 || chance.below(40) === 0) return `${this.#resident.id}-unknown`
    // Of most that were refused, nothing but that they are unknown could be said.
    if (reservations.size === 0 || chance.below(8) === 0) return chance.pick(reviews.slice(-NEWEST))
    const made = [...reservations.keys()]
    return chance.pick(chance.below(2) === 0 ? made.slice(-NEWEST) : made)
  }

  #asked(op: 'reserve' | 'settle' | 'release' | 'extend', id: string, body: object): Asked {
    const account = this.#resident.id
    const path = `/v1/accounts/${account}/reservations/${encodeURIComponent(id)}`
    if (op === 'reserve') return { account, what: op, method: 'PUT', path, body, key: this.#key() }
    return { account, what: op, method: 'POST', path: `${path}/${op}`, body, key: this.#key() }
  }

  #key(): string {
    const { runner } = this.#resident.keys
    return runner !== '' && this.#system.chance.below(8) === 0 ? runner : RUNNER
  }

  #body(): { body: Record<string, unknown> } {
    const { chance } = this.#system
    const facts = () => (chance.below(3) === 0 ? this.#quoted() : this.#facts())
    const what = chance.below(3) === 0 ? facts() : this.#credits()
    const maybe = (share: number, field: object) => (chance.below(100) < share ? field : {})
    const body = {
      ...what,
      ...maybe(70, { ttl_seconds: chance.pick(TTLS_SECONDS) }),
      ...maybe(60, { overage: chance.pick(['available', 'cap', 'debt']) }),
      ...maybe(40, { on_expiry: 'settle_accrued' }),
      ...maybe(15, { supersedes: this.pick() }),
      ...maybe(15, { dedupe_key: chance.pick(DEDUPE_KEYS) }),
      ...maybe(12, { wait_seconds: chance.pick([1, 5, 30]) }),
      ...maybe(60, {
        metadata: { repository: `${this.#resident.id}/${chance.pick(['api', 'web'])}`, pull_request: '118' },
      }),
    }
    return { body }
  }

  /** A price to be held to; whoever loses the answer asks for another. */
  async quote(): Promise<void> {
    const { door } = this.#system
    const { id: account, quotes } = this.#resident
    const about = { account, what: 'quote', method: 'POST', path: `/v1/accounts/${account}/quotes` } as const
    const heard = await door.send({ ...about, body: this.#facts(), key: this.#key() })
    if (heard.heard && heard.status === 201) quotes.push(String(heard.json['id']))
  }

  /** One of its own, mostly; another account's, or one that nobody gave, serves nobody. */
  #quoted() {
    const { chance, residents } = this.#system
    const { quotes } = this.#resident
    const others = residents.flatMap((each) => (each === this.#resident ? [] : each.quotes))
    const isForeign = chance.below(8) === 0 && others.length > 0
    if (isForeign) return { quote: chance.pick(others) }
    if (quotes.length === 0) return this.#facts()
    const quote = chance.pick(quotes.slice(-NEWEST))
    return { quote: chance.below(12) === 0 ? `${quote}x` : quote }
  }

  #facts() {
    const { chance } = this.#system
    const tier = chance.pick(['quick_scan', 'code_review', 'deep_analysis'])
    const facts = { tier, diff_lines: chance.below(3_000), files: chance.below(60) }
    return chance.below(2) === 0 ? facts : { ...facts, repository: chance.pick(['api', 'web']) }
  }

  #credits() {
    const { chance } = this.#system
    const { free } = this.#resident.host.follower.model
    const some = [Math.ceil(free / 2), Math.ceil(free / 3), 1 + chance.below(Math.max(1, free)), free, free + 1]
    const amount = chance.pick([...AMOUNTS, ...some, 1 + chance.below(40_000)])
    const credits = Math.max(1, amount) / 1_000
    const cap = chance.pick([1, 1.5, 5, 10])
    const most = Math.ceil(Math.max(1, amount) * cap) / 1_000
    return chance.below(3) === 0 ? { credits, max_credits: most } : { credits }
  }

  /** Around what it holds, what it may cost at the most, and what it has reported. */
  #cost(id: string) {
    const { chance } = this.#system
    const known = this.#resident.host.follower.model.reservations.get(id)
    const { held, maxCredits, accrued } = known ?? { held: 5_000, maxCredits: 10_000, accrued: 0 }
    const about = chance.pick([0, held, held, Math.floor(held / 2), accrued, maxCredits, maxCredits + 1, 1])
    const amount = Math.max(0, about + chance.pick([0, 0, 0, 1, -1]))
    return chance.below(4) === 0 ? { cost_usd: String(amount / 100_000) } : { credits: amount / 1_000 }
  }

  /** Around what it holds and has reported. */
  #report(id: string) {
    const { chance } = this.#system
    const { free, reservations } = this.#resident.host.follower.model
    const { held, accrued } = reservations.get(id) ?? { held: 5_000, accrued: 0 }
    const about = (known: number) =>
      Math.max(0, known + chance.pick([0, 1, 500, 12_345, -1, free, Math.ceil(free / 3), 1 + chance.below(30_000)]))
    return {
      ...(chance.below(2) === 0 ? { ttl_seconds: chance.pick(TTLS_SECONDS) } : {}),
      ...(chance.below(3) === 0 ? { credits: Math.max(1, about(held)) / 1_000 } : {}),
      ...(chance.below(2) === 0 ? { accrued: about(accrued) / 1_000 } : {}),
    }
  }
}
