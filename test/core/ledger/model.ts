/**
 * The rules of money once more, read from the design and not from the ledger, and as naively as they can be written:
 * grants and what is held of them are plain lists, walked from the start every time. It says what the ledger must
 * answer, and what must be left where.
 */
import type {
  ChangeByok,
  Command,
  Extend,
  ReadByok,
  Release,
  Reserve,
  Settle,
  VoidGrant,
} from '../../../src/ledger/commands.ts'
import type { QuoteFound, QuoteReason } from '../../../src/ledger/quote.ts'
import type { Mode, OnExpiry, Overage, RequestFields, ReservationState } from '../../../src/ledger/reservation.ts'
import {
  burnsBefore,
  Credits,
  differences,
  isBought,
  isGone,
  MOST,
  type ModelGrant,
  type Piece,
  total,
  type Verdict,
} from './model-credits.ts'
import { Payments } from './model-payments.ts'
import { TopUp } from './model-top-up.ts'
import type { Counters, Sometimes } from './sometimes.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

export interface ModelReservation {
  readonly id: string
  readonly mode: Mode
  readonly maxCredits: number
  readonly overage: Overage
  readonly onExpiry: OnExpiry
  readonly dedupeKey: string | null
  readonly quote: string | null
  readonly ttlMs: number
  readonly createdAt: number
  state: ReservationState
  /** In burn order; what is held never changes once it is closed. */
  pieces: Piece[]
  held: number
  accrued: number
  expiresAt: number
  charged: number | null
  returned: number | null
  absorbed: number | null
  actual: number | null
  late: boolean
  closedAt: number | null
}

type GoodQuote = Extract<QuoteFound, { verdict: 'good' }>

export class Model extends Credits {
  readonly reservations = new Map<string, ModelReservation>()
  /** The reservations that are held, in the order in which they were made. */
  open: ModelReservation[] = []
  debtAllowed = false
  byok = false
  /** How many entries there are of each of the two kinds about the account's own key. */
  byokChanges = 0
  byokReadings = 0
  readonly topUp: TopUp
  readonly payments: Payments
  /** Every name under which a reservation can be found, with the body that was first sent under it. */
  /** Every quote that made a reservation, and those that were refused for want of credits so far. */
  readonly #used = new Map<string, ModelReservation>()
  readonly #short = new Set<string>()
  readonly #names = new Map<string, { readonly reservation: ModelReservation; readonly request: RequestFields }>()

  constructor(counters: Counters) {
    super(counters)
    this.topUp = new TopUp(this)
    this.payments = new Payments(this, this.topUp)
  }

  get held(): number {
    let sum = 0
    for (const reservation of this.open) sum += reservation.held
    return sum
  }

  heldOf(grant: ModelGrant): number {
    let sum = 0
    for (const { pieces } of this.open) for (const piece of pieces) if (piece.grant === grant) sum += piece.amount
    return sum
  }

  judge(command: Command, now: number): Verdict {
    this.passTime(now)
    switch (command.op) {
      case 'reserve':
        return this.#reserve(command, now)
      case 'settle':
        return this.#settle(command, now)
      case 'release':
        return this.#release(command, now)
      case 'extend':
        return this.#extend(command, now)
      case 'grant':
        return this.give(command, now)
      case 'void_grant':
        return this.#void(command)
      case 'change_byok':
        return this.#changeByok(command)
      case 'read_byok':
        return this.#readByok(command)
      case 'change_auto_top_up':
        return this.topUp.agree(command, now)
      case 'start_checkout':
      case 'open_checkout':
      case 'report_payment':
      case 'start_attempt':
      case 'advance_attempt':
        return this.payments.judge(command, now)
      case 'expire_reservation':
      case 'expire_grant':
        throw new Error('only time asks for what is due')
    }
  }

  #changeByok({ enabled, isSame }: ChangeByok): Verdict {
    const was = this.byok
    this.byok = enabled
    const isReplaced = was && enabled && !isSame
    if (was === enabled && !isReplaced) {
      this.saw('byok: replayed')
      return { outcome: 'replayed', reservation: null, grant: null }
    }
    this.byokChanges += 1
    this.saw(isReplaced ? 'byok: replaced' : enabled ? 'byok: added' : 'byok: removed')
    if (!enabled && this.open.some((each) => each.mode === 'byok')) this.saw('byok: removed while reviews are held')
    return { outcome: 'accepted', reservation: null, grant: null }
  }

  /** The key is for a held reservation of that mode, whenever the mode was switched off since and on again. */
  #readByok(command: ReadByok): Verdict {
    const reservation = this.#names.get(command.id)?.reservation
    if (reservation === undefined) return this.refuse('not_found', { what: 'reservation' })
    if (reservation.state !== 'held') {
      this.saw('byok: not read, closed')
      return this.refuse(`reservation_${reservation.state}`, {})
    }
    if (reservation.mode === 'credits') {
      this.saw('byok: not read, paid for in credits')
      return this.refuse('forbidden', {})
    }
    if (!this.byok) {
      this.saw('byok: not read, removed')
      return this.refuse('not_found', { what: 'byok_key' })
    }
    this.byokReadings += 1
    this.saw(command.id === reservation.id ? 'byok: read' : 'byok: read under another name')
    return { outcome: 'accepted', reservation, grant: null }
  }

  /** R7: whatever is due first comes first; a reservation before a grant that is due with it. */
  passTime(now: number): void {
    for (;;) {
      let at = now + 1
      let reservation: ModelReservation | null = null
      let grant: ModelGrant | null = null
      for (const each of this.open) {
        if (each.expiresAt >= at) continue
        at = each.expiresAt
        reservation = each
      }
      for (const each of this.grants) {
        if (each.free === 0 || each.expiresAt === null || each.expiresAt >= at) continue
        at = each.expiresAt
        grant = each
      }
      if (at > now) return
      if (at === now) this.saw('expiry: at its very instant')
      if (grant !== null) {
        this.sums.expired += grant.free
        grant.free = 0
        this.saw('grant: expires')
      } else if (reservation !== null) this.#expire(reservation, at)
    }
  }

  #reserve(command: Reserve, now: number): Verdict {
    const named = this.#names.get(command.id)
    if (named !== undefined) return this.#reserveAgain(command, named.reservation, named.request)
    const { quote } = command
    if (quote !== null && quote.verdict !== 'good') return this.#refuseQuote(quote.verdict)
    if (quote !== null && command.maxCredits > quote.maxCredits) {
      this.saw('quote: promises less than is asked for')
      return this.refuse('invalid', { field: 'max_credits' })
    }
    const twin = this.#twin(command.dedupeKey, now)
    const over = quote === null ? null : this.#overFor(quote, now)
    if (twin !== null) {
      if (over !== null) this.saw('quote: answered by deduplication, used or expired as it is')
      this.#names.set(command.id, { reservation: twin, request: command.request })
      this.saw('reserve: deduplicated')
      return { outcome: 'replayed', reservation: twin, grant: null }
    }
    if (over !== null) return over()
    if (command.overage === 'debt' && !this.debtAllowed) return this.refuse('forbidden', {})
    const old = command.supersedes === null ? undefined : this.#names.get(command.supersedes)?.reservation
    const held = this.byok ? 0 : command.amount
    if (held > this.free + this.#wouldComeBack(old, now)) {
      if (old?.state === 'held') this.saw('supersede: refused, the old hold stays')
      if (quote !== null) this.#short.add(quote.key)
      return this.short(held)
    }
    if (old?.state === 'held') {
      this.#giveBack(old, now)
      this.saw('supersede: open')
    } else if (command.supersedes !== null) this.saw(old === undefined ? 'supersede: unknown' : 'supersede: closed')
    const reservation = this.#hold(command, held, now)
    if (quote !== null) this.#use(quote, reservation, now)
    return { outcome: 'accepted', reservation, grant: null }
  }

  #refuseQuote(reason: QuoteReason, usedBy: string | null = null): Verdict {
    this.saw(`quote: ${reason}`)
    return this.refuse('quote_invalid', { reason, usedBy })
  }

  /** Why a quote that was good makes no reservation any more, as a refusal to be counted if it comes to that. */
  #overFor({ key, expiresAt }: GoodQuote, now: number): (() => Verdict) | null {
    const used = this.#used.get(key)
    if (used !== undefined) {
      return () => {
        if (used.state === 'released') this.saw('quote: used by a reservation that was released')
        return this.#refuseQuote('used', used.id)
      }
    }
    if (now < expiresAt) return null
    return () => {
      if (now === expiresAt) this.saw('quote: expired at its very instant')
      return this.#refuseQuote('expired')
    }
  }

  #use({ key, expiresAt }: GoodQuote, reservation: ModelReservation, now: number): void {
    this.#used.set(key, reservation)
    this.saw(this.byok ? 'quote: under byok' : 'quote: serves a reservation')
    if (this.#short.has(key)) this.saw('quote: serves one after it was refused for want of credits')
    if (now === expiresAt - 1) this.saw('quote: in its last millisecond')
  }

  /** The reservation with this dedupe key that is not released and was made less than 60 s ago. */
  #twin(dedupeKey: string | null, now: number): ModelReservation | null {
    let used: Sometimes | null = null
    for (const each of dedupeKey === null ? [] : this.reservations.values()) {
      if (each.dedupeKey !== dedupeKey) continue
      if (each.state !== 'released' && now - each.createdAt < MINUTE) return each
      const isReleased = each.state === 'released' && now - each.createdAt < MINUTE
      used = isReleased ? 'reserve: dedupe key used again after a release' : 'reserve: dedupe key used again after 60 s'
    }
    if (used !== null) this.saw(used)
    return null
  }

  #reserveAgain(command: Reserve, reservation: ModelReservation, first: RequestFields): Verdict {
    const fields = differences(first, command.request)
    const underAnotherName = command.id !== reservation.id
    if (fields.length > 0) {
      this.saw(underAnotherName ? 'refused: conflict under another name' : 'refused: conflict')
      return { outcome: 'refused', code: 'conflict', figures: {}, fields }
    }
    if (command.quote !== null && command.quote.verdict !== 'good') {
      this.saw('quote: replayed, though it is no longer good')
    }
    this.saw(underAnotherName ? 'reserve: replayed under another name' : 'reserve: replayed')
    if (command.amount !== reservation.held) this.saw('reserve: replayed, though other figures would be derived now')
    if (reservation.state !== 'held') this.saw('reserve: replayed after it closed')
    return { outcome: 'replayed', reservation, grant: null }
  }

  #hold(command: Reserve, held: number, now: number): ModelReservation {
    const { id, maxCredits, overage, onExpiry, dedupeKey, ttlMs, quote } = command
    const reservation: ModelReservation = {
      id,
      mode: this.byok ? 'byok' : 'credits',
      maxCredits,
      overage,
      onExpiry,
      dedupeKey,
      quote: quote?.verdict === 'good' ? quote.key : null,
      ttlMs,
      createdAt: now,
      state: 'held',
      pieces: this.takeFree(held),
      held,
      accrued: 0,
      expiresAt: now + ttlMs,
      charged: null,
      returned: null,
      absorbed: null,
      actual: null,
      late: false,
      closedAt: null,
    }
    this.reservations.set(id, reservation)
    this.#names.set(id, { reservation, request: command.request })
    this.open.push(reservation)
    this.saw(this.byok ? 'byok: reserved' : 'reserve: held')
    if (this.byok && this.free < command.amount) this.saw('byok: reserved without credits')
    if (held > 0 && this.free === 0) this.saw('reserve: with the last free millicredit')
    return reservation
  }

  /** How many free credits there would be more, were this hold released. */
  #wouldComeBack(old: ModelReservation | undefined, now: number): number {
    if (old?.state !== 'held') return 0
    let good = 0
    for (const piece of old.pieces) if (!isGone(piece.grant, now)) good += piece.amount
    return Math.max(0, good - this.debt)
  }

  #settle(command: Settle, now: number): Verdict {
    const reservation = this.#names.get(command.id)?.reservation
    if (reservation === undefined) return this.refuse('not_found', { what: 'reservation' })
    const { state } = reservation
    if (state === 'settled' && reservation.actual === command.actual) {
      this.saw(reservation.late ? 'late: replayed' : 'settle: replayed')
      return { outcome: 'replayed', reservation, grant: null }
    }
    if (state === 'settled' || state === 'released') return this.refuse(`reservation_${state}`, {})
    const costs = this.sums.charged + this.sums.absorbed + command.actual - (reservation.charged ?? 0)
    if (costs > MOST && reservation.mode === 'credits') return this.limit('lifetime_credits', MOST)
    if (state === 'expired' && now - reservation.expiresAt >= 7 * DAY) return this.refuse('reservation_expired', {})
    if (command.id !== reservation.id) this.saw('settle: under another name')
    if (reservation.mode === 'byok') this.#settleByok(reservation)
    else if (state === 'held') this.#settleInTime(reservation, command.actual, now)
    else this.#settleLate(reservation, command.actual, now)
    if (state === 'expired') {
      reservation.late = true
      this.saw('late: settled')
      if (now === reservation.expiresAt + 7 * DAY - 1) this.saw('late: in its last millisecond')
    } else if (now === reservation.expiresAt - 1) this.saw('settle: beats expiry by 1 ms')
    reservation.actual = command.actual
    this.#close(reservation, 'settled', now)
    return { outcome: 'accepted', reservation, grant: null }
  }

  /** R17: its cost is recorded, nothing else. */
  #settleByok(reservation: ModelReservation): void {
    this.saw(reservation.state === 'held' ? 'byok: settled' : 'byok: settled late')
    if (!this.byok) this.saw('byok: settled after it was switched off')
    reservation.charged = 0
    reservation.returned = 0
    reservation.absorbed = 0
  }

  #settleInTime(reservation: ModelReservation, actual: number, now: number): void {
    const cost = Math.min(actual, reservation.maxCredits)
    const fromHold = Math.min(cost, reservation.held)
    this.#chargeHold(reservation, fromHold, now)
    reservation.charged = fromHold + this.#above(reservation, cost - fromHold)
    reservation.returned = reservation.held - fromHold
    reservation.absorbed = actual - reservation.charged
    this.sums.absorbed += reservation.absorbed
    if (actual > cost) this.saw('overage: above max_credits is absorbed')
    if (actual > cost && reservation.quote !== null) this.saw('quote: what is above it is absorbed')
    this.saw(
      fromHold === 0 ? 'settle: nothing' : fromHold < reservation.held ? 'settle: partial' : 'settle: all of the hold',
    )
  }

  /** R8: the whole cost is laid over the hold once more; where expiry has charged, it is charged already. */
  #settleLate(reservation: ModelReservation, actual: number, now: number): void {
    const cost = Math.min(actual, reservation.maxCredits)
    let left = cost
    let charged = 0
    let again = 0
    let excess = 0
    for (const piece of reservation.pieces) {
      const covered = Math.min(left, piece.amount)
      left -= covered
      if (piece.fate === 'back') again += covered
      if (piece.fate === 'lost' && covered > 0) this.saw('late: lost credits are absorbed')
      if (piece.fate !== 'charged') continue
      charged += covered
      if (covered === piece.amount) continue
      excess += piece.amount - covered
      this.sums.charged -= piece.amount - covered
      if (!this.comesBack(piece.grant, piece.amount - covered, now)) this.saw('late: what comes back is lost')
    }
    if (excess > 0) this.saw('late: below what expiry charged')
    this.repay('return: pays debt')
    const got = total(this.takeFree(Math.min(again, this.free)))
    if (got < again) this.saw('late: free credits do not suffice')
    this.sums.charged += got
    if (left > 0) this.saw('late: above the hold')
    const debt = this.debt
    reservation.charged = charged + got + this.#above(reservation, left)
    if (this.debt > debt) this.saw('late: owes')
    reservation.returned = (reservation.returned ?? 0) + excess
    reservation.absorbed = actual - reservation.charged
    this.sums.absorbed += reservation.absorbed
  }

  /** R6, what a review cost above its hold; answers with how much of that was charged. */
  #above(reservation: ModelReservation, cost: number): number {
    if (cost === 0) return 0
    const { overage } = reservation
    if (overage === 'cap') {
      this.saw('overage: cap absorbs')
      return 0
    }
    const got = total(this.takeFree(Math.min(cost, this.free)))
    this.sums.charged += got
    if (got > 0 && overage === 'available') this.saw('overage: available takes free credits')
    if (got > 0 && overage === 'debt') this.saw('overage: debt takes free credits')
    if (got === cost) return got
    if (overage === 'debt' && this.debtAllowed) {
      this.debt += cost - got
      this.sums.charged += cost - got
      this.saw('overage: debt owes')
      return cost
    }
    this.saw(overage === 'debt' ? 'overage: debt no longer allowed' : 'overage: available absorbs the rest')
    return got
  }

  #release(command: Release, now: number): Verdict {
    const reservation = this.#names.get(command.id)?.reservation
    if (reservation === undefined) return this.refuse('not_found', { what: 'reservation' })
    if (reservation.state === 'settled') return this.refuse('reservation_settled', {})
    if (reservation.state === 'held') {
      this.#giveBack(reservation, now)
      this.saw('release: returns all')
      return { outcome: 'accepted', reservation, grant: null }
    }
    this.saw(reservation.state === 'expired' ? 'release: after expiry' : 'release: replayed')
    return { outcome: 'replayed', reservation, grant: null }
  }

  #giveBack(reservation: ModelReservation, now: number): void {
    this.#chargeHold(reservation, 0, now)
    reservation.charged = 0
    reservation.returned = reservation.held
    reservation.absorbed = 0
    this.#close(reservation, 'released', now)
  }

  #expire(reservation: ModelReservation, now: number): void {
    const { accrued, held, maxCredits } = reservation
    const most = Math.max(0, MOST - this.sums.charged)
    const charged = reservation.onExpiry === 'settle_accrued' ? Math.min(accrued, held, maxCredits, most) : 0
    this.#chargeHold(reservation, charged, now)
    reservation.charged = charged
    reservation.returned = held - charged
    reservation.absorbed = 0
    this.#close(reservation, 'expired', now)
    if (reservation.mode === 'byok') this.saw('byok: expires')
    this.saw(charged > 0 ? 'expiry: charges what was accrued' : 'expiry: returns all')
  }

  /** Charges the first `cost` of what is held; the rest comes back, and pays debt first. */
  #chargeHold(reservation: ModelReservation, cost: number, now: number): void {
    let left = cost
    const after: Piece[] = []
    for (const { grant, amount } of reservation.pieces) {
      const used = Math.min(left, amount)
      left -= used
      this.sums.charged += used
      if (used > 0) after.push({ grant, amount: used, fate: 'charged' })
      if (used === amount) continue
      const good = this.comesBack(grant, amount - used, now)
      after.push({ grant, amount: amount - used, fate: good ? 'back' : 'lost' })
    }
    reservation.pieces = after
    this.repay('return: pays debt')
  }

  #close(reservation: ModelReservation, state: ReservationState, now: number): void {
    reservation.state = state
    reservation.closedAt = now
    this.open = this.open.filter((each) => each !== reservation)
  }

  #extend(command: Extend, now: number): Verdict {
    const reservation = this.#names.get(command.id)?.reservation
    if (reservation === undefined) return this.refuse('not_found', { what: 'reservation' })
    if (reservation.state !== 'held') return this.refuse(`reservation_${reservation.state}`, {})
    const latest = reservation.createdAt + DAY
    let until = now + (command.ttlMs ?? reservation.ttlMs)
    if (command.ttlMs === null && until > latest) until = latest
    if (until < reservation.expiresAt) until = reservation.expiresAt
    if (until > latest) return this.limit('reservation_lifetime_seconds', DAY / 1_000)
    const wanted = command.credits ?? 0
    if (wanted > reservation.held && reservation.mode === 'credits') {
      const raise = wanted - reservation.held
      if (wanted > reservation.maxCredits) return this.limit('max_credits', reservation.maxCredits)
      if (raise > this.free) {
        this.saw('refused: insufficient_credits for a raise')
        return this.short(raise)
      }
      this.#raise(reservation, raise)
    } else if (command.credits !== null) this.saw('extend: credits below the hold')
    this.saw('extend: later')
    if (until === latest) this.saw('extend: to its very limit')
    if (command.accrued !== null && command.accrued < reservation.accrued) this.saw('extend: lower accrued ignored')
    reservation.expiresAt = until
    reservation.accrued = Math.max(reservation.accrued, command.accrued ?? 0)
    return { outcome: 'accepted', reservation, grant: null }
  }

  #raise(reservation: ModelReservation, raise: number): void {
    const before = reservation.pieces.at(-1)?.grant
    const pieces = reservation.pieces
    for (const added of this.takeFree(raise)) {
      const same = pieces.findIndex((piece) => piece.grant === added.grant)
      if (before !== undefined && burnsBefore(added.grant, before)) {
        this.saw('extend: raises it with credits that burn sooner')
      }
      const old = pieces[same]
      if (old === undefined) pieces.push(added)
      else pieces[same] = { ...old, amount: old.amount + added.amount }
    }
    pieces.sort((a, b) => (burnsBefore(a.grant, b.grant) ? -1 : 1))
    reservation.held += raise
    this.saw('extend: raises the hold')
  }

  #void(command: VoidGrant): Verdict {
    const grant = this.grants.find((each) => each.id === command.id)
    if (grant === undefined) return this.refuse('not_found', { what: 'grant' })
    if (isBought(grant.kind) || grant.credits < 0) return this.refuse('forbidden', {})
    this.saw(grant.voided ? 'grant: void replayed' : 'grant: voided')
    if (grant.voided) return { outcome: 'replayed', reservation: null, grant }
    if (this.heldOf(grant) > 0) this.saw('grant: voided while held')
    this.sums.voided += grant.free
    grant.free = 0
    grant.voided = true
    return { outcome: 'accepted', reservation: null, grant }
  }
}
