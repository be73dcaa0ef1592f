/** Money that goes back: refunds by the operator and in the dashboard, their failures, and disputes. */
import { DESK } from '../../src/account/desk.ts'
import { Refusal } from '../stripe/refusal.ts'
import type { Random } from '../../test/core/ledger/random.ts'
import type { Bank } from './bank.ts'
import type { Disk } from './disk.ts'
import type { Host } from './host.ts'
import type { Counters } from './sometimes.ts'
import { SERVICE } from './world.ts'

/** The account whose money it is, and its surroundings. */
export interface MoneyWorld {
  readonly bank: Bank
  readonly chance: Random
  readonly counters: Pick<Counters, 'count'>
  readonly host: { readonly disk: Disk; readonly ask: Host['ask'] }
}

export interface Paid {
  readonly id: string
  readonly payment: string
  readonly cents: number
  readonly left: number
}

export class MoneyBack {
  readonly #world: MoneyWorld
  #number = 0

  constructor(world: MoneyWorld) {
    this.#world = world
  }

  async refundByOperator(): Promise<void> {
    const { host, chance, counters } = this.#world
    const paid = this.pick()
    if (paid === null || paid.left === 0) return
    const amountCents = chance.below(2) === 0 ? null : 1 + chance.below(paid.left)
    const keepsAutoTopUp = chance.below(3) > 0
    this.#number += 1
    const asked = {
      ...{ purchase: paid.id, amountCents, keepsAutoTopUp, reason: 'asked for' },
      request: { amount_cents: amountCents, keep_auto_top_up: keepsAutoTopUp },
      idempotencyKey: chance.below(2) === 0 ? null : `refund-${this.#number}`,
    }
    const answered = await host.ask((account) => DESK.refund(account, SERVICE, asked))
    if (answered.heard && answered.answer.ok) counters.count('money: refunded by the operator')
  }

  async refundInDashboard(): Promise<void> {
    const { bank, chance, counters } = this.#world
    const paid = this.pick()
    const charge = paid === null ? undefined : bank.all('charge').find((each) => each.payment_intent === paid.payment)
    const open = charge === undefined ? 0 : charge.amount_captured - charge.amount_refunded
    if (charge === undefined || open === 0) return
    const amount = chance.below(2) === 0 ? open : 1 + chance.below(open)
    try {
      await bank.direct.refunds.create({ charge: charge.id, amount })
      counters.count('money: refunded in the dashboard')
    } catch {
      // It is disputed: the dashboard says so.
    }
  }

  /** A refund that was pending or had succeeded comes back, or a pending one arrives. */
  moveRefund(): void {
    const { bank, chance, counters } = this.#world
    const open = bank.all('refund').filter(({ status }) => status === 'pending' || status === 'succeeded')
    if (open.length === 0) return
    const refund = chance.pick(open)
    const fails = refund.status === 'succeeded' || chance.below(2) === 0
    bank.control.moveRefund(refund.id, fails ? 'failed' : 'succeeded')
    if (fails) counters.count('money: a refund failed')
  }

  dispute(): void {
    const { bank, chance, counters } = this.#world
    const paid = this.pick()
    if (paid === null) return
    const amount = chance.below(2) === 0 ? paid.cents : 1 + chance.below(paid.cents)
    try {
      bank.control.dispute(paid.payment, { amount, inquiry: chance.below(4) === 0 })
      counters.count('money: disputed')
    } catch (error) {
      // It was disputed before.
      if (!(error instanceof Refusal)) throw error
    }
  }

  moveDispute(): void {
    const { bank, chance, counters } = this.#world
    const open = bank
      .all('dispute')
      .filter(({ status }) => status === 'needs_response' || status.startsWith('warning_n'))
    if (open.length === 0) return
    const dispute = chance.pick(open)
    if (dispute.status !== 'needs_response') {
      bank.control.moveDispute(dispute.id, chance.pick(['needs_response', 'warning_closed']))
      return
    }
    const status = chance.pick(['won', 'lost'] as const)
    bank.control.moveDispute(dispute.id, status)
    counters.count(`money: a dispute was ${status}`)
  }

  /** A purchase that is paid, rather a new one than an old one. */
  pick(): Paid | null {
    const { host, chance } = this.#world
    const newest = `SELECT id, payment_intent, charged_cents, refunded_cents FROM purchases
      WHERE state = 'paid' ORDER BY number DESC LIMIT 8`
    const rows = host.disk.read(newest)
    if (rows.length === 0) return null
    const { id, payment_intent: payment, charged_cents: charged, refunded_cents: refunded } = chance.pick(rows)
    const cents = Number(charged)
    return { id: String(id), payment: String(payment), cents, left: cents - Number(refunded) }
  }
}
