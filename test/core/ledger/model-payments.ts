/**
 * R12, R13 and R15 once more: what Stripe says of a payment, and where the account must stand after that. The target is
 * worked out anew each time, and only the difference to what was taken moves.
 */
import type {
  AdvanceAttempt,
  OpenCheckout,
  PaymentCommand,
  ReportPayment,
  StartAttempt,
  StartCheckout,
} from '../../../src/ledger/commands.ts'
import type { PaymentFacts } from '../../../src/ledger/purchase.ts'
import { type Credits, differences, isBought, isGone, MOST, type ModelGrant, type Verdict } from './model-credits.ts'
import { type Agreed, changed, type ModelPurchase, newPurchase, plainly, takenOf, unchanged } from './model-purchase.ts'
import { monthOf, type TopUp } from './model-top-up.ts'

export class Payments {
  readonly purchases: ModelPurchase[] = []
  readonly #credits: Credits
  readonly #topUp: TopUp

  constructor(credits: Credits, topUp: TopUp) {
    this.#credits = credits
    this.#topUp = topUp
  }

  judge(command: Exclude<PaymentCommand, { op: 'change_auto_top_up' }>, now: number): Verdict {
    if (command.op === 'start_checkout') return this.#startCheckout(command, now)
    if (command.op === 'start_attempt') return this.#startAttempt(command, now)
    const purchase = this.purchases.find((each) => each.id === command.id)
    if (purchase === undefined) return this.#credits.refuse('not_found', { what: 'purchase' })
    switch (command.op) {
      case 'open_checkout':
        return this.#openCheckout(purchase, command)
      case 'report_payment':
        return this.#report(purchase, command, now)
      case 'advance_attempt':
        return this.#advance(purchase, command, now)
    }
  }

  #startCheckout({ purchase }: StartCheckout, now: number): Verdict {
    const { idempotencyKey, request, credits } = purchase
    const known = this.purchases.find((each) => idempotencyKey !== null && each.idempotencyKey === idempotencyKey)
    if (known !== undefined) {
      const fields = differences(known.request, request)
      this.#saw(fields.length > 0 ? 'refused: conflict of a purchase' : 'purchase: replayed')
      return fields.length > 0 ? { outcome: 'refused', code: 'conflict', figures: {}, fields } : unchanged(known)
    }
    if (this.#credits.sums.granted + credits > MOST) return this.#credits.limit('lifetime_credits', MOST)
    this.#saw('purchase: started')
    return this.#begin({ ...purchase, kind: 'checkout', card: null, stage: null }, now)
  }

  #begin(agreed: Agreed, now: number): Verdict {
    const purchase = newPurchase(agreed, this.purchases.length + 1, now)
    this.purchases.push(purchase)
    if (purchase.kind === 'auto_top_up') this.#topUp.attempts.push(purchase)
    return changed(purchase)
  }

  #openCheckout(purchase: ModelPurchase, { session, url }: OpenCheckout): Verdict {
    if (purchase.session !== null) {
      this.#saw('purchase: opened again')
      return unchanged(purchase)
    }
    Object.assign(purchase, { session, url })
    this.#saw('purchase: opened')
    return changed(purchase)
  }

  #report(purchase: ModelPurchase, { facts }: ReportPayment, now: number): Verdict {
    const before = plainly(purchase)
    if (purchase.state === 'paid') this.#bringToTarget(purchase, facts, now)
    else if (facts.state === 'paid') {
      if (this.#credits.sums.granted + purchase.credits > MOST) return this.#credits.limit('lifetime_credits', MOST)
      this.#pay(purchase, facts, now)
      this.#bringToTarget(purchase, facts, now)
    } else this.#follow(purchase, facts, now)
    if (before !== plainly(purchase)) return changed(purchase)
    this.#saw(purchase.state === 'paid' ? 'payment: reported paid again' : 'payment: nothing new')
    return unchanged(purchase)
  }

  /** R12: once, for what was agreed, whatever the facts say of the price. */
  #pay(purchase: ModelPurchase, facts: PaymentFacts, now: number): void {
    const { id, kind, credits, state } = purchase
    if (kind === 'checkout') this.#saw(`payment: paid after it was ${state === 'paid' ? 'open' : state}`)
    else this.#saw(purchase.stage === 'canceling' ? 'attempt: paid while it was cancelled' : 'attempt: paid')
    if (purchase.kind === 'auto_top_up' && purchase.failure !== null) this.#saw('attempt: paid after a failure')
    const grant: ModelGrant = {
      id: `${kind === 'checkout' ? 'purchase' : 'top_up'}:${id}`,
      kind: kind === 'checkout' ? 'purchase' : 'top_up',
      credits,
      expiresAt: null,
      reason: null,
      age: this.#credits.grants.length,
      free: credits,
      voided: false,
    }
    this.#credits.grants.push(grant)
    this.#credits.sums.granted += credits
    this.#credits.repay('debt: repaid by a purchase')
    const { paymentIntent, chargedCents, chargedAt, receiptUrl } = facts
    Object.assign(purchase, { grant, state: 'paid', stage: null, failure: null, url: null, paidAt: now, closedAt: now })
    Object.assign(purchase, { paymentIntent, chargedCents, chargedAt, receiptUrl })
    const paidFor = this.purchases.find((each) => each.id === purchase.paysFor)
    if (paidFor !== undefined) {
      paidFor.paidByCustomer = true
      this.#saw('attempt: paid by its link')
    }
    if (kind === 'auto_top_up' && chargedAt !== null && monthOf(chargedAt) !== monthOf(now)) {
      this.#saw('attempt: charged in another month than it was seen')
    }
  }

  #follow(purchase: ModelPurchase, facts: PaymentFacts, now: number): void {
    const isOver = facts.state === 'failed' || facts.state === 'expired'
    const { state } = facts
    if (state !== 'paid' && state !== purchase.state && purchase.kind === 'checkout') this.#saw(`payment: ${state}`)
    if (purchase.stage !== null && isOver) this.#saw('attempt: over')
    purchase.state = facts.state
    purchase.paymentIntent = facts.paymentIntent ?? purchase.paymentIntent
    purchase.url = facts.url
    // A bank's no counts (R15), also one that was heard only after R14 had said no.
    if (purchase.failure?.kind === 'not_allowed' && facts.failure !== null) purchase.failure = facts.failure
    purchase.failure ??= facts.failure
    if (isOver) purchase.stage = null
    purchase.closedAt = isOver ? (purchase.closedAt ?? now) : null
  }

  /** R13 */
  #bringToTarget(purchase: ModelPurchase, facts: PaymentFacts, now: number): void {
    const { refundedCents, keptCents, disputedCents, receiptUrl } = facts
    const charged = purchase.chargedCents ?? 0
    const lost = Math.min(charged, refundedCents + disputedCents)
    const target = charged === 0 ? 0 : Number((BigInt(purchase.credits) * BigInt(lost)) / BigInt(charged))
    const before = takenOf(purchase)
    if (refundedCents + disputedCents > charged) this.#saw('payment: more taken back than charged')
    if (target > before) this.#take(purchase, target - before)
    else if (target < before) this.#giveBack(purchase, before - target, now)
    else if (refundedCents !== purchase.refundedCents) this.#saw('payment: a refund that leaves the target')
    const isDisputed = disputedCents > purchase.disputedCents
    const isRefunded = refundedCents - keptCents > purchase.refundedCents - purchase.keptCents
    if (isDisputed && this.#topUp.switchOff()) this.#saw('top-up: off after a dispute')
    else if (isRefunded && this.#topUp.switchOff()) this.#saw('top-up: off after a refund')
    else if (keptCents > purchase.keptCents && this.#topUp.agreed?.enabled) this.#saw('top-up: kept on after a refund')
    Object.assign(purchase, { refundedCents, keptCents, disputedCents, receiptUrl })
  }

  #take(purchase: ModelPurchase, amount: number): void {
    let left = amount
    const own = (grant: ModelGrant) => grant === purchase.grant
    for (const wanted of [own, (grant: ModelGrant) => isBought(grant.kind), () => true]) {
      for (const piece of this.#credits.takeFree(Math.min(left, this.#credits.freeOf(wanted)), wanted)) {
        purchase.taken.push({ grant: piece.grant, amount: piece.amount })
        left -= piece.amount
        if (wanted === own) this.#saw('payment: taken from its own grant')
        else this.#saw(isBought(piece.grant.kind) ? 'payment: taken from other bought' : 'payment: taken from the rest')
      }
    }
    if (left > 0) {
      purchase.taken.push({ grant: null, amount: left })
      this.#credits.debt += left
      this.#saw(this.#credits.held > 0 ? 'payment: taken as debt while credits are held' : 'payment: taken as debt')
    }
    this.#credits.sums.takenBack += amount
    if (amount < purchase.credits) this.#saw('payment: taken in part')
  }

  #giveBack(purchase: ModelPurchase, amount: number, now: number): void {
    let left = amount
    while (left > 0) {
      const last = purchase.taken.pop()
      if (last === undefined) throw new Error('the model gives back more than was taken')
      const back = Math.min(left, last.amount)
      left -= back
      if (back < last.amount) {
        purchase.taken.push({ grant: last.grant, amount: last.amount - back })
        this.#saw('payment: given back in part')
      }
      const grant = last.grant ?? purchase.grant
      if (grant === null) throw new Error('the model takes back what it never granted')
      if (isGone(grant, now)) this.#saw(grant.voided ? 'payment: given back, voided' : 'payment: given back, expired')
      if (last.grant === null) this.#saw('payment: debt is given back')
      this.#credits.comesBack(grant, back, now)
    }
    this.#credits.sums.takenBack -= amount
    this.#credits.repay('payment: what is given back pays debt')
    this.#saw('payment: given back')
  }

  #startAttempt({ id }: StartAttempt, now: number): Verdict {
    const { agreed, card } = this.#topUp
    const hindrance = this.#topUp.hindrance(now)
    if (agreed === null || card === null || hindrance !== null) {
      // An account that is full to the last millicredit comes too rarely to be counted on.
      if (hindrance !== 'more than can be counted') this.#saw(`attempt: not started, ${hindrance ?? 'off'}`)
      const spent = this.#topUp.spent(monthOf(now))
      if (hindrance === 'limit_reached' && agreed !== null && spent + agreed.priceCents <= agreed.monthlyLimitCents) {
        this.#saw('attempt: not started, the month that is about to begin is full')
      }
      return { outcome: 'replayed', reservation: null, grant: null }
    }
    const { pack, credits, priceCents } = agreed
    const spent = this.#topUp.spent(monthOf(now))
    this.#saw(
      spent > 0 && spent + priceCents === agreed.monthlyLimitCents ? 'attempt: fits to the cent' : 'attempt: written',
    )
    const nothing = { paysFor: null, idempotencyKey: null, request: {} }
    const what = { id, kind: 'auto_top_up', stage: 'written', pack, credits, priceCents, card: card.id } as const
    return this.#begin({ ...what, ...nothing }, now)
  }

  #advance(attempt: ModelPurchase, { event }: AdvanceAttempt, now: number): Verdict {
    const { stage } = attempt
    const before = plainly(attempt)
    if (stage !== null) this.#saw(`attempt: ${event.type} while ${stage}`)
    if (event.type === 'created' && stage === 'written') {
      Object.assign(attempt, { stage: 'created', paymentIntent: event.paymentIntent })
    } else if (event.type === 'confirm' && stage === 'created') {
      const may = this.#topUp.mayConfirm(attempt, now)
      this.#saw(`attempt: may be confirmed, ${may}`)
      if (may === 'yes') attempt.stage = 'confirming'
      if (may === 'no') Object.assign(attempt, { stage: 'canceling', failure: { kind: 'not_allowed', code: null } })
    } else if (event.type === 'unconfirmed' && stage === 'confirming') attempt.stage = 'created'
    else if (event.type === 'refused' && stage !== null && stage !== 'canceling') {
      Object.assign(attempt, { stage: 'canceling', failure: event.failure })
    } else if (event.type === 'abandoned' && stage !== null && attempt.paymentIntent === null) {
      Object.assign(attempt, { stage: null, state: 'failed', failure: event.failure, closedAt: now })
    }
    return before === plainly(attempt) ? unchanged(attempt) : changed(attempt)
  }

  #saw(what: Parameters<Credits['saw']>[0]): void {
    this.#credits.saw(what)
  }
}
