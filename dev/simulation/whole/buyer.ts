/** The customer of an account: buys and pays, agrees to auto top-up, switches it off, has money given back. */
import { findPack } from '../../../src/catalog/packs.ts'
import { MoneyBack } from '../money-back.ts'
import type { Asked, Heard } from './door.ts'
import type { Resident } from './resident.ts'
import { OPERATOR } from './secrets.ts'
import type { System } from './system.ts'

const TRIES = 3

export class Buyer {
  readonly money: MoneyBack
  readonly #system: System
  readonly #resident: Resident
  #number = 0
  #isChanging = false

  constructor(system: System, resident: Resident) {
    this.#system = system
    this.#resident = resident
    const { bank, counters } = system
    const { disk } = resident.host
    const ask = async () => ({ heard: false }) as const
    this.money = new MoneyBack({
      ...{ bank, counters, host: { disk, ask } },
      get chance() {
        return system.chance
      },
    })
  }

  /** The account's customer at Stripe, unless there is none. */
  get customer(): string | null {
    const { host } = this.#resident
    const customer = host.disk.read('SELECT customer FROM payer')[0]?.['customer']
    if (typeof customer !== 'string') return null
    return this.#system.bank.books.get('customer', customer)?.deleted ? null : customer
  }

  /** A pack in Checkout, paid, or left alone, or by a debit that takes days. */
  async buy(how: 'card' | 'never' | 'debit'): Promise<void> {
    const { bank } = this.#system
    const body = { pack: 'starter', save_card: how !== 'debit' }
    const heard = await this.#untilHeard(this.#asked('checkout', 'POST', '/checkout', body, this.#newKey('buy')))
    if (!heard.heard || heard.status >= 300 || how === 'never') return
    const { url, purchase } = heard.json as { readonly url: string | null; readonly purchase: { readonly id: string } }
    if (url === null || !bank.pay(url, how === 'card' ? 'pm_card_visa' : 'debit')) return
    if (this.#system.chance.below(2) === 0) await this.sync(purchase.id)
  }

  async sync(id: string): Promise<void> {
    await this.#system.door.send(this.#asked('syncPurchase', 'POST', `/purchases/${id}/sync`, {}))
  }

  async syncAll(): Promise<void> {
    for (const { id } of this.#resident.host.disk.read('SELECT id FROM purchases')) await this.sync(String(id))
  }

  async syncAny(): Promise<void> {
    const rows = this.#resident.host.disk.read('SELECT id FROM purchases ORDER BY number DESC LIMIT 4')
    if (rows.length > 0) await this.sync(String(this.#system.chance.pick(rows)['id']))
  }

  /** On, with a limit that lets so many packs be bought; or off. */
  async agree(enabled: boolean): Promise<void> {
    const { chance, bank } = this.#system
    const { judge } = this.#resident
    // People wait for an answer before they change their mind.
    if (this.#isChanging) return
    this.#isChanging = true
    const pack = chance.pick(['starter', 'starter', 'team'])
    const limit = (findPack(pack)?.priceCents ?? 0) * (1 + chance.below(4))
    const terms = { threshold: chance.pick([20, 100, 400, 600, 1_200]), pack, monthly_limit_cents: limit }
    if (enabled) Object.assign(judge, { isOff: false, mayBeOn: true, isAgreeing: true })
    const body = enabled ? { enabled, ...terms } : { enabled }
    const heard = await this.#system.door.send(
      this.#asked('changeAutoTopUp', 'PUT', '/auto-top-up', body, this.#newKey('agree')),
    )
    this.#isChanging = false
    judge.isAgreeing = false
    if (!heard.heard || heard.status >= 300) return
    // A refund of that moment may have switched it off as well.
    if (!enabled && heard.json['enabled'] !== true) judge.switchedOff()
    if (enabled && bank.wire.isIdle) this.#system.counters.count('customer: agreed')
  }

  async refundByOperator(): Promise<void> {
    const { chance, counters } = this.#system
    const paid = this.money.pick()
    if (paid === null || paid.left === 0) return
    const amount = chance.below(2) === 0 ? {} : { amount_cents: 1 + chance.below(paid.left) }
    const body = { ...amount, keep_auto_top_up: chance.below(3) > 0, reason: 'asked for' }
    const asked = this.#asked('refund', 'POST', `/purchases/${paid.id}/refund`, body, this.#newKey('refund'))
    const heard = await this.#untilHeard({ ...asked, key: OPERATOR })
    if (heard.heard && heard.status < 300) counters.count('money: refunded by the operator')
  }

  async look(): Promise<void> {
    const heard = await this.#system.door.send(this.#asked('getAutoTopUp', 'GET', '/auto-top-up'))
    if (heard.heard && heard.json['state'] === 'limit_reached') {
      this.#system.counters.count('customer: sees that the limit is reached')
    }
  }

  async changeMood(): Promise<void> {
    const { chance, bank } = this.#system
    const { customer } = this
    if (customer !== null)
      await bank.changeMood(customer, chance.pick(['good', 'good', 'declines', 'wants the customer']))
  }

  /** Whoever gets no answer asks again, with the same key. */
  async #untilHeard(asked: Asked): Promise<Heard> {
    let heard: Heard = { heard: false }
    for (let time = 0; time < TRIES; time += 1) {
      heard = await this.#system.door.send(asked)
      if (heard.heard && heard.status !== 503) break
      await this.#system.later(1_000)
    }
    return heard
  }

  #newKey(prefix: string): Readonly<Record<string, string>> {
    this.#number += 1
    return { 'Idempotency-Key': `${this.#resident.id}-${prefix}-${this.#number}` }
  }

  #asked(what: string, method: Asked['method'], path: string, body?: object, headers = {}): Asked {
    const { id: account, keys } = this.#resident
    const full = `/v1/accounts/${account}${path}`
    return { account, what, method, path: full, key: keys.billing, headers, ...(body === undefined ? {} : { body }) }
  }
}
