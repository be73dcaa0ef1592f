/** What the customer of a simulated account does: uses credits, agrees to auto top-up, changes it, buys and pays. */
import { MILLICREDITS_PER_CREDIT } from '../../src/ledger/amounts.ts'
import type { LedgerRequest } from '../../src/account/requests.ts'
import { DESK } from '../../src/account/desk.ts'
import { findPack, PACKS } from '../../src/catalog/packs.ts'
import type { AutoTopUpRequest, Changed } from '../../src/account/topping-up.ts'
import { CUSTOMER, SERVICE, type World } from './world.ts'

const KEYS_LIVE_AT_LEAST_MS = 29 * 24 * 60 * 60 * 1000
const LINKS = 'https://assay.test/purchases'

export interface Wish {
  readonly enabled: boolean
  readonly threshold: number
  readonly pack: string
  readonly limitCents: number
}

export class Customer {
  wish: Wish = { enabled: true, threshold: 100, pack: 'starter', limitCents: 2_000 }
  readonly #world: World
  #number = 0
  #isChanging = false
  /** A request to switch on that was answered: it is in the account for good. */
  #answered: { readonly request: AutoTopUpRequest; readonly at: number } | null = null

  constructor(world: World) {
    this.#world = world
  }

  /** A review that leaves less than the threshold, or nearly. */
  async use(): Promise<void> {
    const { host, chance } = this.#world
    const { available } = host.account.ledger.book
    const left = chance.below(4) === 0 ? 0 : chance.below(Math.max(1, this.wish.threshold * MILLICREDITS_PER_CREDIT))
    const amount = chance.below(12) === 0 ? Math.floor(available / 2) : available - left
    if (amount <= 0) return
    const id = this.#newId('r')
    const held = await this.#execute({
      ...RESERVE,
      op: 'reserve',
      id,
      request: { credits: amount },
      what: { credits: amount },
    })
    if (!held) return
    const fate = chance.below(10)
    // Whoever does neither lets it expire.
    if (fate === 0) await this.#execute({ op: 'release', id, reason: null })
    else if (fate < 9)
      await this.#execute({ op: 'settle', id, actual: amount - chance.below(Math.ceil(amount / 10)), costUsd: '1' })
  }

  /** Puts the wish to the account, whole. */
  async agree(change: Partial<Wish>): Promise<void> {
    const before = this.wish
    this.wish = { ...before, ...change }
    const { enabled, threshold, pack, limitCents } = this.wish
    const isWhole = enabled || this.#world.chance.below(2) === 0
    this.#countChange(before)
    await this.#change({
      enabled,
      threshold: isWhole ? threshold * MILLICREDITS_PER_CREDIT : null,
      pack: isWhole ? pack : null,
      monthlyLimitCents: isWhole ? limitCents : null,
      card: null,
      request: isWhole ? { enabled, threshold, pack, monthly_limit_cents: limitCents } : { enabled },
      idempotencyKey: this.#newId('agree'),
    })
  }

  /** A request of long ago that arrives once more: R16, it must not switch on what was switched off since. */
  async agreeAsBefore(): Promise<void> {
    const { counters, judge, host, now } = this.#world
    if (this.#answered === null || this.#isChanging) return
    const { request, at } = this.#answered
    // Beyond that the account does not know its key any more, and it is a new request.
    if (now - at > KEYS_LIVE_AT_LEAST_MS) return
    if (judge.isOff) counters.count('customer: an old request to switch on comes again')
    this.#isChanging = true
    await host.ask((account) => DESK.changeAutoTopUp(account, CUSTOMER, request))
    this.#isChanging = false
  }

  async #change(asked: AutoTopUpRequest): Promise<void> {
    const { host, judge } = this.#world
    // People wait for an answer before they change their mind.
    if (this.#isChanging) return
    this.#isChanging = true
    if (asked.enabled) Object.assign(judge, { isOff: false, mayBeOn: true, isAgreeing: true })
    const asking = await host.ask(async (account): Promise<Changed> => {
      const admitted = account.admit(CUSTOMER, () => ({ ok: true }))
      return admitted.ok ? DESK.changeAutoTopUp(account, CUSTOMER, asked) : admitted
    })
    this.#isChanging = false
    judge.isAgreeing = false
    if (!asking.heard || !asking.answer.ok) return
    if (asked.enabled) this.#answered = { request: asked, at: this.#world.now }
    // A refund of that moment may have switched it off as well.
    else if (asking.answer.view.settings?.enabled !== true) judge.switchedOff()
  }

  #countChange(before: Wish): void {
    const { counters, host } = this.#world
    const { state, spentCents } = host.account.toppingUp.view(this.#world.now)
    const { enabled, pack, limitCents } = this.wish
    const isOpen = state === 'charging'
    if (limitCents < before.limitCents && isOpen) counters.count('customer: limit lowered while an attempt is open')
    if (limitCents < spentCents) counters.count('customer: limit lowered below what is spent')
    if (limitCents > before.limitCents && state === 'limit_reached') {
      counters.count('customer: limit raised where it was reached')
    }
    if (pack !== before.pack && isOpen) counters.count('customer: pack changed while an attempt is open')
    if (!enabled && isOpen) counters.count('customer: switched off while an attempt is open')
    if (enabled && state === 'suspended') counters.count('customer: agrees again after a suspension')
  }

  /** Another pack, and a limit that lets some of it be bought. */
  changePack(): Promise<void> {
    const { chance } = this.#world
    const pack = chance.pick(['starter', 'starter', 'starter', 'team', 'growth'])
    return this.agree({ pack, limitCents: this.limitOf(pack, 1 + chance.below(8)) })
  }

  limitOf(pack: string, count: number): number {
    return (findPack(pack)?.priceCents ?? 0) * count
  }

  /** A pack in Checkout, paid, or left alone, or by a debit that takes days. */
  async buy(how: 'card' | 'never' | 'debit'): Promise<void> {
    const { host, bank } = this.#world
    const pack = PACKS[0]
    if (pack === undefined) throw new Error('nothing is sold')
    const savesCard = how !== 'debit'
    const asked = {
      ...{ pack: pack.id, successUrl: null, cancelUrl: null, savesCard, links: LINKS },
      request: { pack: pack.id, save_card: savesCard },
      idempotencyKey: this.#newId('buy'),
    }
    // Whoever gets no answer asks again, with the same key.
    for (let time = 0; time < 3; time += 1) {
      const bought = await host.ask((account) => DESK.checkout(account, SERVICE, asked))
      if (!bought.heard || !bought.answer.ok) continue
      const { url, id } = bought.answer.purchase
      if (url === null || how === 'never') return
      if (!bank.pay(url, how === 'card' ? 'pm_card_visa' : 'debit')) return
      await host.ask((account) => DESK.sync(account, SERVICE, { id }))
      return
    }
  }

  /** Pays themselves for the attempt that the bank wanted them for. */
  async payLink(): Promise<void> {
    const { host, bank, counters, now } = this.#world
    const attempt = host.account.toppingUp.view(now).actionFor
    if (attempt === null) return
    const asked = { id: attempt.id, links: LINKS }
    const page = await host.ask((account) => DESK.pay(account, SERVICE, asked))
    if (!page.heard || !page.answer.ok || page.answer.purchase.url === null) return
    if (bank.pay(page.answer.purchase.url, 'pm_card_visa')) counters.count('customer: pays the link of an attempt')
    await host.ask((account) => DESK.sync(account, SERVICE, { id: attempt.id }))
  }

  async #execute(request: LedgerRequest): Promise<boolean> {
    const asked = await this.#world.host.inTurn((account) => account.execute(SERVICE, request))
    return asked.heard && asked.answer.ok
  }

  #newId(prefix: string): string {
    this.#number += 1
    return `${prefix}-${this.#number}`
  }
}

const RESERVE = {
  ttlMs: null,
  maxCredits: null,
  overage: 'available',
  onExpiry: 'release',
  supersedes: null,
  dedupeKey: null,
  metadata: {},
} as const
