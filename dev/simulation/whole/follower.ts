/**
 * The model beside one account. It follows what the object has committed: what was decided and died with its life before
 * the commit never was, what was committed must be there for ever. Each decision is judged by the model, in the order in
 * which they were made; what a client may be answered follows from the model.
 */
import { entryFromRow, type Row } from '../../../src/account/rows.ts'
import { PACKS } from '../../../src/catalog/packs.ts'
import { MILLICREDITS_PER_CREDIT } from '../../../src/ledger/amounts.ts'
import type { Card } from '../../../src/ledger/auto-top-up.ts'
import type { Command, Decision } from '../../../src/ledger/commands.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import { Fold } from '../../../test/core/ledger/fold.ts'
import { compareAnswers } from '../../../test/core/ledger/judge.ts'
import { Model, type ModelReservation } from '../../../test/core/ledger/model.ts'
import type { ModelGrant, Verdict } from '../../../test/core/ledger/model-credits.ts'
import { same } from '../../../test/core/ledger/same.ts'
import { type Counters, noCounts } from '../../../test/core/ledger/sometimes.ts'
import type { Committed, Disk } from '../disk.ts'
import { type Permitted, partOf } from './call.ts'
import { balanceText, grantText, reservationText } from './texts.ts'

export interface Decided {
  readonly command: Command
  readonly now: number
  readonly decision: Decision
  /** The card that auto top-up looked at; `undefined` if it was not asked. */
  readonly card: Card | null | undefined
}

/** A balance, and when the first of it runs out. */
export interface BalanceThen {
  readonly text: string
  readonly dueAt: number
}

type Happened = Decided | { readonly allowDebt: boolean }

export interface FollowerOptions {
  readonly disk: Disk
  readonly counts?: Counters
  readonly failed: (error: unknown) => void
  readonly committed: () => void
}

export class Follower {
  readonly model: Model
  readonly counts: Counters
  readonly fold = new Fold()
  readonly #options: FollowerOptions
  /** Decided, and not yet on disk. */
  #happened: Happened[] = []
  #isWatching = false
  /** What the balance was after each entry, and every reservation as it ever was. */
  readonly #balances = new Map<number, BalanceThen>()
  readonly #reservations = new Map<string, string[]>()
  readonly #names = new Map<string, string>()
  /** What was ever shown of the account's own key, the newest last; `null` where there was none. */
  readonly ownKeys: (string | null)[] = [null]

  constructor(options: FollowerOptions) {
    this.#options = options
    this.counts = options.counts ?? noCounts()
    this.model = new Model(this.counts)
    this.model.topUp.offers = Object.fromEntries(
      PACKS.map(({ id, credits, priceCents }) => [id, { credits: credits * MILLICREDITS_PER_CREDIT, priceCents }]),
    )
    this.#keepBalance(0)
  }

  /** The number of the last entry on disk. */
  get version(): number {
    return this.fold.seq
  }

  /** The balance at a version; `undefined` for one that never was. */
  balanceAt(version: number): BalanceThen | undefined {
    return this.#balances.get(version)
  }

  /** A reservation under any of its names, as it was at each time. */
  historyOf(name: string): readonly string[] {
    return this.#reservations.get(this.#names.get(name) ?? name) ?? []
  }

  decided(decided: Decided): void {
    const { now } = decided
    const last = Number(this.#options.disk.read(LAST_AT)[0]?.['at'] ?? 0)
    const expected = Math.max(Date.now(), last)
    // Entries of this very turn are of this very time.
    if (now !== expected) this.#options.failed(new Error(`R18: decided at ${now}, and it is ${expected}`))
    this.#happened.push(decided)
    this.#watch()
  }

  allowedDebt(allowDebt: boolean): void {
    this.#happened.push({ allowDebt })
    this.#watch()
  }

  /** Undoes what happens from here on, where its transaction is undone. */
  mark(): () => void {
    const { length } = this.#happened
    return () => {
      this.#happened.length = length
    }
  }

  killed(): void {
    this.#happened = []
  }

  committed({ writes }: Committed): void {
    this.#noting(() => {
      const before = this.version
      // What an account may is said when it is made, beside the ledger.
      if (this.#options.disk.commits === 1) {
        this.model.debtAllowed = this.#options.disk.read('SELECT allow_debt FROM account')[0]?.['allow_debt'] === 1
      }
      const only = this.#happened.length === 1 ? this.#happened[0] : undefined
      this.#judgeAll()
      for (const row of this.#options.disk.read('SELECT * FROM entries WHERE seq > ? ORDER BY seq', before)) {
        this.#addEntry(entryFromRow(row as Row))
      }
      if (this.version > before) this.#comesToRest()
      else if (only !== undefined && 'decision' in only && !only.decision.ok && writes > 0) {
        throw new Error(`I6: a refusal of ${only.command.op} wrote ${writes} rows`)
      }
    })
    this.#options.committed()
  }

  /** What writes nothing is judged when nothing of it can be lost any more. */
  #watch(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    queueMicrotask(() => {
      this.#isWatching = false
      if (!this.#options.disk.isInTurn) this.#noting(() => this.#judgeAll())
    })
  }

  #noting(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#options.failed(error)
    }
  }

  #judgeAll(): void {
    const happened = this.#happened
    this.#happened = []
    for (const each of happened) {
      if ('allowDebt' in each) this.model.debtAllowed = each.allowDebt
      else this.#judge(each)
    }
  }

  #judge({ command, now, decision, card }: Decided): void {
    const { model } = this
    if (card !== undefined) model.topUp.card = card
    const open = model.open
    try {
      const verdict = model.judge(command, now)
      compareAnswers(decision, verdict)
      this.#remember(open, verdict)
      if (command.op === 'reserve' && verdict.outcome !== 'refused') {
        this.#names.set(command.id, verdict.reservation?.id ?? command.id)
      }
      if (command.op === 'change_byok' && verdict.outcome === 'accepted') this.ownKeys.push(command.preview)
      const part = partOf(command)
      part?.call.permit(part.number, permittedBy(verdict, model))
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : cause
      throw new Error(`${JSON.stringify(command)} at ${now}: ${why}`, { cause })
    }
    if (decision.ok && decision.change !== null) this.#keepBalance(decision.change.book.seq)
  }

  #keepBalance(version: number): void {
    const { open, grants } = this.model
    let dueAt = Number.POSITIVE_INFINITY
    for (const { expiresAt } of open) dueAt = Math.min(dueAt, expiresAt)
    for (const { free, expiresAt } of grants) if (free > 0) dueAt = Math.min(dueAt, expiresAt ?? dueAt)
    this.#balances.set(version, { text: balanceText(this.model), dueAt })
  }

  /** What is made of a reservation is remembered, and of those that were closed on the way. */
  #remember(open: readonly ModelReservation[], verdict: Verdict | null): void {
    const touched = new Set(open)
    if (verdict !== null && verdict.outcome !== 'refused' && verdict.reservation !== null)
      touched.add(verdict.reservation)
    for (const reservation of touched) {
      const known = this.#reservations.get(reservation.id) ?? []
      const text = reservationText(reservation)
      if (known.at(-1) !== text) this.#reservations.set(reservation.id, [...known, text])
    }
  }

  #addEntry(entry: Entry): void {
    this.fold.add(entry)
    const { disk } = this.#options
    if (entry.kind === 'expire_reservation') {
      const [row] = disk.read('SELECT expires_at FROM reservations WHERE id = ?', entry.reservation)
      if (row?.['expires_at'] !== entry.at) throw new Error(`I9: ${entry.reservation} expired at ${entry.at}`)
    }
    for (const { id } of entry.kind === 'expire_grant' ? entry.grants : []) {
      const [row] = disk.read('SELECT expires_at FROM grants WHERE id = ?', id)
      if (Number(row?.['expires_at']) > entry.at) throw new Error(`I9: grant ${id} expired early, at ${entry.at}`)
    }
  }

  /** Whatever was due is done, so the model is where the entries are: I1 to I3. */
  #comesToRest(): void {
    const { model, fold } = this
    const open = model.open
    model.passTime(Math.max(Date.now(), fold.at))
    this.#remember(open, null)
    same('available', fold.available, model.free)
    same('reserved', fold.reserved, model.held)
    same('debt', fold.debt, model.debt)
    same('open reservations', fold.open, model.open.length)
    for (const [name, sum] of Object.entries(model.sums)) same(`total ${name}`, fold[name as 'granted'], sum)
    if (fold.available > 0 && fold.debt > 0) throw new Error('I3: free credits and debt stand beside each other')
    this.#keepBalance(fold.seq)
  }
}

const LAST_AT = 'SELECT at FROM entries ORDER BY seq DESC LIMIT 1'

function permittedBy(verdict: Verdict, model: Model): Permitted {
  if (verdict.outcome === 'refused') {
    const { code, figures } = verdict
    return { ok: false, code: code === 'invalid' ? 'invalid_request' : code, figures }
  }
  const { reservation, grant, outcome } = verdict
  const thing = reservation !== null ? reservationText(reservation) : grant === null ? '' : textOfGrant(grant, model)
  return { ok: true, replayed: outcome === 'replayed', thing, balance: balanceText(model) }
}

function textOfGrant(grant: ModelGrant, model: Model): string {
  return grantText(grant, model.heldOf(grant))
}
