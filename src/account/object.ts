/**
 * The Account: one Durable Object per account, the only writer of its balance (R1). Every public method is called over
 * RPC, answers with plain data, and never throws: a refusal is an answer.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Estimate, ReviewFacts } from '../catalog/estimates.ts'
import type { EpochMs } from '../ledger/amounts.ts'
import type { Balance } from '../ledger/balance.ts'
import type { Grant } from '../ledger/grants.ts'
import type { Reservation, ReservationState } from '../ledger/reservation.ts'
import { stripeOf } from '../stripe/client.ts'
import { Alarm } from './alarm.ts'
import { type Audit, audit } from './audit.ts'
import type { ByokView } from './byok.ts'
import { describeError } from './describe-error.ts'
import { DESK, DESK_READS, type Desk } from './desk.ts'
import { Door } from './door.ts'
import { byokSecretsOf } from './key-ring.ts'
import type { KeyPosition } from './keys.ts'
import type { AccuracyReport } from './learning.ts'
import type { ReservationPage } from './lists.ts'
import { Live } from './live.ts'
import type { Opened } from './open-account.ts'
import type { OpenedAccount } from './opened.ts'
import { presentBalance } from './present.ts'
import {
  type AccountDetails,
  type AccountKey,
  type Answer,
  CALLER_HEADER,
  type Caller,
  type LedgerAnswer,
  type LedgerRequest,
  type MintRequest,
  type OpenRequest,
  type Overview,
  type Page,
  refused,
  type SessionCaller,
} from './requests.ts'
import type { LinkRequest } from './sessions.ts'
import { Turns } from './turns.ts'
import { isShort } from './waiting.ts'

/** When the alarm itself failed for a reason nobody foresaw, it tries again so much later. */
const ALARM_RETRY_MS = 30_000

export class Account extends DurableObject<Env> {
  readonly #alarm: Alarm
  readonly #turns: Turns
  readonly #live: Live
  readonly #door: Door

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#alarm = new Alarm(ctx.storage)
    this.#turns = new Turns(ctx, () => this.#door.account?.publish())
    this.#live = new Live(ctx, (balance) => JSON.stringify(presentBalance(balance)))
    this.#door = new Door(ctx.id.name, {
      ...{ storage: ctx.storage, alarm: this.#alarm, live: this.#live, turns: this.#turns },
      history: () => this.env.HISTORY,
      stripe: () => stripeOf(this.env),
      byokSecrets: () => byokSecretsOf(this.env),
    })
    const { account } = this.#door
    if (account !== null) void ctx.blockConcurrencyWhile(() => this.#wake(account))
  }

  /** Creates the account, with its one trial grant (R11), or changes what may change of it. */
  async open(request: OpenRequest): Promise<Opened> {
    return this.#door.guard(() => this.#turns.run(() => this.#door.open(request)))
  }

  /** One write: reserve, settle, release, extend, grant or void. `waitMs` is how long a reservation may wait. */
  async execute(caller: Caller, request: LedgerRequest, waitMs = 0): Promise<Answer<LedgerAnswer>> {
    return this.#door.guard(async () => {
      // In one turn, or credits could come between the refusal and the waiting, and nobody would tell the waiter.
      const { answer, waited } = await this.#turns.run(() => {
        const answer = this.#door.execute(caller, request)
        const mayWait = waitMs > 0 && request.op === 'reserve' && isShort(answer)
        return { answer, waited: mayWait ? this.#door.account?.waiting.join(caller, request, waitMs) : undefined }
      })
      return waited ?? answer
    })
  }

  /** Many writes in one turn: they reach the disk together, each decided by itself, in their order. */
  async executeAll(
    caller: Caller,
    requests: readonly LedgerRequest[],
  ): Promise<Answer<{ answers: Answer<LedgerAnswer>[]; balance: Balance }>> {
    return this.#door.guard(() =>
      this.#turns.run(() =>
        this.#door.admit(caller, (account, now) => ({
          ok: true,
          answers: requests.map((request) => account.execute(caller, request)),
          balance: account.ledger.balance(now),
        })),
      ),
    )
  }

  /** Everything about payments; what there is, stands in desk.ts. */
  async desk<Op extends keyof Desk>(
    caller: Caller,
    op: Op,
    asked: Parameters<Desk[Op]>[2],
  ): Promise<Awaited<ReturnType<Desk[Op]>>> {
    // One function of many: that `asked` belongs to it, the type parameter has said.
    const serve = DESK[op] as (account: OpenedAccount, caller: Caller, asked: unknown) => Promise<Answer<object>>
    const reads = DESK_READS.has(op)
    const answer = await (reads
      ? this.#door.ask(caller, (account) => serve(account, caller, asked))
      : this.#door.change(caller, (account) => serve(account, caller, asked)))
    return answer as Awaited<ReturnType<Desk[Op]>>
  }

  async describe(caller: Caller): Promise<Answer<{ details: AccountDetails; balance: Balance }>> {
    return this.#door.read(caller, ({ details, ledger }, now) => ({
      details: details.value,
      balance: ledger.balance(now),
    }))
  }

  async balance(caller: Caller): Promise<Answer<{ balance: Balance }>> {
    return this.#door.read(caller, ({ ledger }, now) => ({ balance: ledger.balance(now) }))
  }

  /** `asOf` is the object's own time (R18): a quote that is made of the estimate expires by the same clock. */
  async estimate(caller: Caller, facts: ReviewFacts): Promise<Answer<{ estimate: Estimate; asOf: EpochMs }>> {
    return this.#door.read(caller, (account, now) => ({ estimate: account.estimate(facts), asOf: now }))
  }

  /** How well estimates did so far, with what was learned and without. */
  async accuracy(caller: Caller): Promise<Answer<{ report: AccuracyReport }>> {
    return this.#door.read(caller, ({ learning }) => ({ report: learning.report() }))
  }

  async reservation(caller: Caller, id: string): Promise<Answer<{ reservation: Reservation }>> {
    return this.#door.serve(caller, ({ ledger }) => {
      const reservation = ledger.store.reservation(id)
      return reservation === null ? refused({ code: 'not_found', what: 'reservation' }) : { ok: true, reservation }
    })
  }

  /** Newest first, before the given number. */
  async reservations(
    caller: Caller,
    page: Page & { readonly state: ReservationState | null },
  ): Promise<Answer<ReservationPage>> {
    return this.#door.read(caller, ({ ledger }) => ledger.store.lists.reservations(page.state, page))
  }

  /** Newest first, before the given number. */
  async grants(caller: Caller, page: Page): Promise<Answer<{ grants: Grant[] }>> {
    return this.#door.read(caller, ({ ledger }) => ({ grants: ledger.store.lists.grants(page) }))
  }

  async mintKey(caller: Caller, request: MintRequest): Promise<Answer<{ key: AccountKey; replayed: boolean }>> {
    return this.#door.write(caller, ({ keys }, now) => keys.mint(request, now))
  }

  /** Newest first, behind the given one. */
  async listKeys(
    caller: Caller,
    page: { readonly after: KeyPosition | null; readonly limit: number },
  ): Promise<Answer<{ keys: AccountKey[] }>> {
    return this.#door.read(caller, ({ keys }) => ({ keys: keys.list(page.after, page.limit) }))
  }

  async revokeKey(caller: Caller, id: string): Promise<Answer<{ key: AccountKey; replayed: boolean }>> {
    return this.#door.write(caller, ({ keys }, now) => {
      const answer = keys.revoke(id, now)
      if (answer.ok) this.#live.closeOf(id)
      return answer
    })
  }

  async byok(caller: Caller): Promise<Answer<{ byok: ByokView }>> {
    return this.#door.ask(caller, async ({ byok }) => ({ ok: true, byok: await byok.view() }))
  }

  async putByok(caller: Caller, apiKey: string): Promise<Answer<{ byok: ByokView; replayed: boolean }>> {
    return this.#door.change(caller, ({ byok }) => byok.put(caller, apiKey))
  }

  async removeByok(caller: Caller): Promise<Answer<{ byok: ByokView; replayed: boolean }>> {
    return this.#door.change(caller, ({ byok }) => byok.remove(caller))
  }

  /** The account's own key itself, for one held reservation. */
  async readByok(caller: Caller, reservation: string): Promise<Answer<{ apiKey: string }>> {
    return this.#door.change(caller, ({ byok }) => byok.read(caller, reservation))
  }

  /** A one-time link into the dashboard. Sessions go on when the account was set back: they are how customers read. */
  async mintLink(caller: Caller, request: LinkRequest): Promise<Answer<{ expiresAt: EpochMs }>> {
    return this.#door.serve(caller, ({ sessions }, now) => sessions.mint(request, now))
  }

  /** The link becomes a session. Whoever has the link may; that is what it is for. */
  async enter(id: string, linkHash: string, sessionHash: string): Promise<Answer<{ expiresAt: EpochMs }>> {
    return this.#door.serve({ kind: 'service' }, ({ sessions }, now) => sessions.enter(id, linkHash, sessionHash, now))
  }

  /** Ends the caller's own session, and what was opened with it. */
  async leave(caller: SessionCaller): Promise<Answer<{ returnUrl: string | null }>> {
    return this.#door.read(caller, ({ sessions }) => {
      this.#live.closeOf(caller.id)
      return { returnUrl: sessions.end(caller.id) }
    })
  }

  /** What the dashboard's first page shows, in one look. */
  async overview(caller: Caller, held: number): Promise<Answer<Overview>> {
    return this.#door.read(caller, ({ details, ledger, toppingUp }, now) => ({
      details: details.value,
      balance: ledger.balance(now),
      held: ledger.store.lists.longestHeld(held),
      autoTopUp: toppingUp.view(now),
      byok: ledger.book.byok,
    }))
  }

  /** Whether the caller may ask about this account at all; for what is then read from history. */
  async admit(caller: Caller): Promise<Answer<{ lastSeq: number }>> {
    return this.#door.read(caller, ({ ledger }) => ({ lastSeq: ledger.book.seq }))
  }

  async audit(caller: Caller): Promise<Answer<{ audit: Audit }>> {
    return this.#door.ask(caller, async (account) => ({
      ok: true,
      audit: await audit(account, this.ctx.storage.sql, this.env.HISTORY),
    }))
  }

  /** Sends all entries to D1 once more; what it has stays as it is. */
  async rebuildHistory(caller: Caller): Promise<Answer<{ entries: number }>> {
    return this.#door.read(caller, ({ ledger, outbox }) => {
      outbox.startAgain()
      this.#alarm.atOrBefore(Date.now())
      return { entries: ledger.book.seq }
    })
  }

  /** Only for live connections: a WebSocket cannot be opened over RPC. The Worker has authenticated the caller. */
  override async fetch(request: Request): Promise<Response> {
    const caller = JSON.parse(request.headers.get(CALLER_HEADER) ?? 'null') as Caller
    const answer = await this.#door.serve(caller, ({ ledger }, now) => this.#live.open(caller, ledger.balance(now)))
    return answer.ok ? answer.response : Response.json(answer.refusal, { status: 409 })
  }

  /** Nothing is expected from the other side but pings, which the runtime answers. */
  override async webSocketMessage(): Promise<void> {}

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // 1005 and 1006 say that there was no code; they may not be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code)
  }

  /** Everything that is due: expiries, entries to history, payments, the next alarm. Never throws, or it would be lost. */
  override async alarm(): Promise<void> {
    this.#alarm.forget()
    const { account } = this.#door
    if (account === null) return
    try {
      await account.work()
    } catch (error) {
      console.error({ message: 'alarm failed', account: this.ctx.id.name, error: describeError(error) })
      // A command may have armed it for sooner meanwhile; that stands.
      this.#alarm.atOrBefore(Date.now() + ALARM_RETRY_MS)
    }
  }

  /** What is due may have changed while the object slept: a pack may cost again what was agreed, since a deploy. */
  async #wake(account: OpenedAccount): Promise<void> {
    await this.#alarm.load()
    account.arm()
    await account.byok.renew()
  }
}
