/**
 * The Account: one Durable Object per account, the only writer of its balance (R1). Every public method is called over
 * RPC, answers with plain data, and never throws: a refusal is an answer.
 */
import { DurableObject } from 'cloudflare:workers'
import type { EpochMs } from '../ledger/amounts.ts'
import type { Balance } from '../ledger/balance.ts'
import type { Command, GiveGrant } from '../ledger/commands.ts'
import type { Grant } from '../ledger/grants.ts'
import { TRIAL_GRANT } from '../ledger/grants.ts'
import type { Refusal } from '../ledger/refusals.ts'
import type { Reservation, ReservationState } from '../ledger/reservation.ts'
import { Alarm } from './alarm.ts'
import { type Audit, audit } from './audit.ts'
import { Details } from './details.ts'
import { Keys } from './keys.ts'
import { AccountLedger, HISTORY_DELAY_MS } from './ledger.ts'
import { Live, MAX_LIVE_CONNECTIONS } from './live.ts'
import { Outbox } from './outbox.ts'
import { presentBalance } from './present.ts'
import type {
  AccountDetails,
  AccountKey,
  AccountRefusal,
  Answer,
  Caller,
  LedgerAnswer,
  LedgerRequest,
  MintRequest,
  OpenRequest,
} from './requests.ts'
import { toReserve } from './requests.ts'
import { hasSchema, migrate } from './schema.ts'
import { Store } from './store.ts'
import { Turns } from './turns.ts'
import { isShort, Waiting } from './waiting.ts'

/** What an object has once it is an account. */
interface Parts {
  readonly ledger: AccountLedger
  readonly details: Details
  readonly keys: Keys
  readonly outbox: Outbox
  readonly waiting: Waiting
}

type Opened = Answer<{ created: boolean; details: AccountDetails; balance: Balance }>

interface Admitted extends Parts {
  readonly now: EpochMs
}

/** When the alarm itself failed for a reason nobody foresaw, it tries again so much later. */
const ALARM_RETRY_MS = 30_000

export class Account extends DurableObject<Env> {
  readonly #alarm: Alarm
  readonly #turns: Turns
  readonly #live: Live
  #parts: Parts | null = null

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#alarm = new Alarm(ctx.storage)
    this.#turns = new Turns(ctx, () => this.#publish())
    this.#live = new Live(ctx, (balance) => JSON.stringify(presentBalance(balance)))
    if (!hasSchema(ctx.storage.sql)) return
    migrate(ctx.storage)
    this.#parts = this.#assemble()
    void ctx.blockConcurrencyWhile(() => this.#alarm.load())
  }

  /** Creates the account, with its one trial grant (R11), or changes what may change of it. */
  async open(request: OpenRequest): Promise<Opened> {
    return this.#guard(() =>
      this.#turns.run(() => {
        if (this.#parts !== null) return this.#update(this.#parts, request)
        return this.#create(request)
      }),
    )
  }

  /** One write: reserve, settle, release, extend, grant or void. `waitMs` is how long a reservation may wait. */
  async execute(caller: Caller, request: LedgerRequest, waitMs = 0): Promise<Answer<LedgerAnswer>> {
    return this.#guard(async () => {
      const answer = await this.#turns.run(() => this.#execute(caller, request))
      if (waitMs === 0 || request.op !== 'reserve' || this.#parts === null || !isShort(answer)) return answer
      return this.#parts.waiting.join(caller, request, waitMs)
    })
  }

  /** Many writes in one turn: they reach the disk together, each decided by itself, in their order. */
  async executeAll(
    caller: Caller,
    requests: readonly LedgerRequest[],
  ): Promise<Answer<{ answers: Answer<LedgerAnswer>[]; balance: Balance }>> {
    return this.#guard(() =>
      this.#turns.run(() =>
        this.#admit(caller, ({ ledger, now }) => ({
          ok: true,
          answers: requests.map((request) => this.#execute(caller, request)),
          balance: ledger.balance(now),
        })),
      ),
    )
  }

  async describe(caller: Caller): Promise<Answer<{ details: AccountDetails; balance: Balance }>> {
    return this.#read(caller, ({ details, ledger, now }) => ({ details: details.value, balance: ledger.balance(now) }))
  }

  async balance(caller: Caller): Promise<Answer<{ balance: Balance }>> {
    return this.#read(caller, ({ ledger, now }) => ({ balance: ledger.balance(now) }))
  }

  async reservation(caller: Caller, id: string): Promise<Answer<{ reservation: Reservation }>> {
    return this.#guard(() =>
      this.#admit(caller, ({ ledger }) => {
        const reservation = ledger.store.reservation(id)
        return reservation === null ? refused({ code: 'not_found', what: 'reservation' }) : { ok: true, reservation }
      }),
    )
  }

  /** Newest first, before the given number. */
  async reservations(
    caller: Caller,
    page: { readonly state: ReservationState | null; readonly before: number | null; readonly limit: number },
  ): Promise<Answer<{ reservations: Reservation[] }>> {
    return this.#read(caller, ({ ledger }) => ({
      reservations: ledger.store.reservations(page.state, page.before, page.limit),
    }))
  }

  /** Newest first, before the given number. */
  async grants(
    caller: Caller,
    page: { readonly before: number | null; readonly limit: number },
  ): Promise<Answer<{ grants: Grant[] }>> {
    return this.#read(caller, ({ ledger }) => ({ grants: ledger.store.grants(page.before, page.limit) }))
  }

  async mintKey(caller: Caller, request: MintRequest): Promise<Answer<{ key: AccountKey; replayed: boolean }>> {
    return this.#guard(() => this.#admit(caller, ({ keys, now }) => keys.mint(request, now)))
  }

  async listKeys(caller: Caller): Promise<Answer<{ keys: AccountKey[] }>> {
    return this.#read(caller, ({ keys }) => ({ keys: keys.list() }))
  }

  async revokeKey(caller: Caller, id: string): Promise<Answer<{ key: AccountKey; replayed: boolean }>> {
    return this.#guard(() =>
      this.#admit(caller, ({ keys, now }) => {
        const answer = keys.revoke(id, now)
        if (answer.ok) this.#live.closeKey(id)
        return answer
      }),
    )
  }

  /** Whether the caller may ask about this account at all; for what is then read from history. */
  async admit(caller: Caller): Promise<Answer<{ lastSeq: number }>> {
    return this.#read(caller, ({ ledger }) => ({ lastSeq: ledger.book.seq }))
  }

  async audit(caller: Caller): Promise<Answer<{ audit: Audit }>> {
    return this.#guard(async () => {
      const admitted = this.#admit(caller, (parts) => ({ ok: true, parts }))
      if (!admitted.ok) return admitted
      const { ledger, outbox, details } = admitted.parts
      return { ok: true, audit: await audit(ledger, outbox, this.ctx.storage.sql, this.env.HISTORY, details.value.id) }
    })
  }

  /** Sends all entries to D1 once more; what it has stays as it is. */
  async rebuildHistory(caller: Caller): Promise<Answer<{ entries: number }>> {
    return this.#read(caller, ({ ledger, outbox, now }) => {
      outbox.startAgain()
      this.#alarm.atOrBefore(now)
      return { entries: ledger.book.seq }
    })
  }

  /** Only for live connections: a WebSocket cannot be opened over RPC. The Worker has authenticated the caller. */
  override async fetch(request: Request): Promise<Response> {
    const caller = JSON.parse(request.headers.get(CALLER_HEADER) ?? 'null') as Caller
    const answer = await this.#guard(() =>
      this.#admit(caller, ({ ledger, now }) => {
        if (this.#live.count >= MAX_LIVE_CONNECTIONS) {
          return refused({ code: 'too_many', limit: 'live_connections', maximum: MAX_LIVE_CONNECTIONS })
        }
        return { ok: true, response: this.#live.open(caller, ledger.balance(now)) }
      }),
    )
    return answer.ok ? answer.response : Response.json(answer.refusal, { status: 409 })
  }

  /** Nothing is expected from the other side but pings, which the runtime answers. */
  override async webSocketMessage(): Promise<void> {}

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // 1005 and 1006 say that there was no code; they may not be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code)
  }

  /** Everything that is due: expiries, then entries to history, then the next alarm. Never throws, or it would be lost. */
  override async alarm(): Promise<void> {
    this.#alarm.forget()
    const parts = this.#parts
    if (parts === null) return
    try {
      await this.#turns.run(() => this.#runDue(parts, parts.ledger.now()))
      const sendAt = parts.outbox.wakeAt(parts.ledger.book.seq)
      if (sendAt !== null && sendAt <= Date.now()) await parts.outbox.drain(this.env.HISTORY, parts.details.value)
      this.#arm(parts)
    } catch (error) {
      console.error({ message: 'alarm failed', account: this.ctx.id.name, error: describeError(error) })
      this.#alarm.forget()
      this.#alarm.atOrBefore(Date.now() + ALARM_RETRY_MS)
    }
  }

  #arm({ ledger, outbox }: Parts): void {
    const due = ledger.nextWake() ?? Number.POSITIVE_INFINITY
    const send = outbox.wakeAt(ledger.book.seq)
    this.#alarm.atOrBefore(Math.min(due, send === null ? Number.POSITIVE_INFINITY : Math.max(send, Date.now())))
  }

  #assemble(): Parts {
    const { storage } = this.ctx
    const store = new Store(storage.sql)
    return {
      ledger: new AccountLedger(storage, store, this.#alarm),
      details: new Details(storage.sql),
      keys: new Keys(storage.sql),
      outbox: new Outbox(storage.sql, store),
      waiting: new Waiting((caller, request) => this.#execute(caller, request)),
    }
  }

  #create(request: OpenRequest): Opened {
    const { storage } = this.ctx
    try {
      this.#parts = storage.transactionSync(() => {
        migrate(storage)
        Details.insert(storage.sql, request, Date.now())
        const parts = this.#assemble()
        const now = parts.ledger.now()
        if (request.trial !== null) parts.ledger.run(trialGrant(request.trial, now), now)
        this.#alarm.atOrBefore(now + HISTORY_DELAY_MS)
        return parts
      })
    } catch (error) {
      this.#alarm.forget()
      throw error
    }
    const { details, ledger } = this.#parts
    return { ok: true, created: true, details: details.value, balance: ledger.balance(ledger.now()) }
  }

  #update(parts: Parts, request: OpenRequest): Opened {
    const { ledger, details, outbox } = parts
    const now = ledger.now()
    this.#runDue(parts, now)
    if (request.region !== undefined && request.region !== details.value.region) {
      return refused({ code: 'changed_field', field: 'region' })
    }
    if (details.update(request, now)) {
      ledger.setAllowDebt(details.value.allowDebt)
      outbox.describeAgain()
      this.#alarm.atOrBefore(now)
    }
    return { ok: true, created: false, details: details.value, balance: ledger.balance(now) }
  }

  #execute(caller: Caller, request: LedgerRequest): Answer<LedgerAnswer> {
    return this.#admit(caller, (parts) => {
      const { ledger, now } = parts
      const command: Command = request.op === 'reserve' ? toReserve(request) : request
      const before = ledger.book.available
      const decision = ledger.run(command, now)
      if (!decision.ok) return refused(this.#explain(decision.refusal, parts))
      if (ledger.book.available > before) parts.waiting.round()
      const { replayed, reservation, grant } = decision
      return { ok: true, replayed, reservation, grant, balance: ledger.balance(now) }
    })
  }

  #runDue({ ledger, waiting }: Parts, now: EpochMs): void {
    const { available, seq } = ledger.book
    ledger.runDue(now)
    if (ledger.book.available > available) waiting.round()
    if (ledger.book.seq > seq) this.#publish()
  }

  #publish(): void {
    if (this.#parts === null) return
    const { ledger, keys } = this.#parts
    const now = ledger.now()
    this.#live.publish(
      ledger.book.seq,
      () => ledger.balance(now),
      (caller) => keys.admits(caller, now),
    )
  }

  /** A read: what is due is done first (R7). */
  #read<T extends object>(caller: Caller, look: (parts: Admitted) => T): Promise<Answer<T>> {
    return this.#guard(() => this.#admit(caller, (parts) => ({ ok: true, ...look(parts) })))
  }

  /** Whoever is not admitted learns nothing and changes nothing. */
  #admit<T>(caller: Caller, act: (parts: Admitted) => Answer<T>): Answer<T> {
    const parts = this.#parts
    if (parts === null) return refused({ code: 'unknown_account' })
    const now = parts.ledger.now()
    if (!parts.keys.admits(caller, now)) return refused({ code: 'unauthorized' })
    this.#alarm.rearmIfOverdue(now)
    this.#runDue(parts, now)
    return act({ ...parts, now })
  }

  #explain(refusal: Refusal, { ledger, now }: Admitted): AccountRefusal {
    if (refusal.code !== 'insufficient_credits') return refusal
    const soonest = ledger.store.soonestHeld()
    const nextExpiry = soonest === null ? null : { at: soonest.expiresAt, credits: soonest.held }
    return { ...refusal, nextExpiry, asOf: now }
  }

  /** Bugs throw, but not across RPC: what went wrong is logged, and the caller may ask again under the same id. */
  async #guard<T>(act: () => Answer<T> | Promise<Answer<T>>): Promise<Answer<T>> {
    try {
      return await act()
    } catch (error) {
      console.error({ message: 'command failed', account: this.ctx.id.name, error: describeError(error) })
      return refused({ code: 'overloaded', retryAfterSeconds: 1 })
    }
  }
}

/** Carries the authenticated caller from the Worker to `fetch`; nobody else can reach an object. */
export const CALLER_HEADER = 'X-Assay-Caller'

function trialGrant(trial: NonNullable<OpenRequest['trial']>, now: EpochMs): GiveGrant {
  const { credits, lastsMs } = trial
  return { op: 'grant', id: TRIAL_GRANT, kind: 'trial', credits, expiresAt: now + lastsMs, reason: null }
}

function refused(refusal: AccountRefusal): { readonly ok: false; readonly refusal: AccountRefusal } {
  return { ok: false, refusal }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
