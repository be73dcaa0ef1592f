/**
 * A whole deployment for one seed: two accounts with the real objects, the real app before them, D1, Stripe and the post.
 * Time passes only here, from one thing that is due to the next.
 */
import { createHmac } from 'node:crypto'
import type { Stripe } from 'stripe'
import type { AutoTopUp } from '../../../src/ledger/auto-top-up.ts'
import type { Random } from '../../../test/core/ledger/random.ts'
import { random } from '../../../test/core/ledger/random.ts'
import { type Counters as LedgerCounters, noCounts } from '../../../test/core/ledger/sometimes.ts'
import type { Bank } from '../bank.ts'
import { LAST_WORDS } from '../disk.ts'
import { Judge, Violation } from '../judge.ts'
import { Post } from '../post.ts'
import type { VirtualTime } from '../virtual-time.ts'
import type { Sent } from '../wire.ts'
import { AlarmWatch } from './alarm-watch.ts'
import { type D1, UNREAD } from './d1.ts'
import { Door } from './door.ts'
import { Follower } from './follower.ts'
import { ObjectHost } from './object-host.ts'
import { Repairs } from './repairs.ts'
import type { Resident } from './resident.ts'
import { BYOK_SECRETS, SECRETS, WEBHOOK_SECRET } from './secrets.ts'
import type { Count } from './sometimes.ts'

/** So much may happen while time passes once; more is a loop. */
const MAX_HAPPENINGS = 50_000

export const ACCOUNTS = ['acme', 'zeta'] as const

export interface SystemOptions {
  readonly time: VirtualTime
  readonly seed: number
  readonly bank: Bank
  readonly d1: D1
  readonly counters: Count
  /** What was called an error. */
  readonly errors: readonly unknown[]
}

/** Calls that leave an object or the Worker for Stripe, by the address that each life is given. */
export const lives = new Map<string, { readonly host: ObjectHost; readonly life: () => object | null }>()

export class System {
  readonly time: VirtualTime
  readonly bank: Bank
  readonly d1: D1
  readonly counters: Count
  readonly door: Door
  readonly post: Post
  readonly repairs: Repairs
  readonly residents: readonly Resident[]
  readonly ledgerCounts: LedgerCounters = noCounts()
  readonly failures: unknown[] = []
  /** What decides the step under way; each has its own, so that one that is left out changes no other. */
  chance: Random
  /** The newest first, as the deployment lists them. */
  byokSecrets: readonly string[] = BYOK_SECRETS.slice(0, 1)
  readonly #alarms = new AlarmWatch()
  readonly #errors: readonly unknown[]
  readonly #weather: Random

  constructor({ time, seed, bank, d1, counters, errors }: SystemOptions) {
    this.time = time
    this.bank = bank
    this.d1 = d1
    this.counters = counters
    this.#errors = errors
    this.chance = random(seed)
    this.#weather = random(seed ^ 0x0d1ce)
    lives.clear()
    const hosts = new Map<string, ObjectHost>()
    this.residents = ACCOUNTS.map((id) => this.#newResident(id))
    for (const { id, host } of this.residents) hosts.set(id, host)
    const failed = (error: unknown) => this.failures.push(error)
    this.door = new Door({ hosts, d1, weather: this.#weather, counters, failed })
    this.repairs = new Repairs({ time, d1, counters, door: this.door })
    this.post = new Post(
      bank,
      (event) => this.#deliver(event),
      this.#weather,
      counters,
      () => time.nowMs,
    )
    bank.listener = {
      sent: (request) => this.#noting(() => this.#judgeOf(paymentOf(request))?.sent(request)),
      heard: (request) => this.#judgeOf(paymentOf(request))?.heard(request),
      unheard: (request) => this.#judgeOf(paymentOf(request))?.unheard(request),
      written: (object) => {
        if (object.object !== 'event') return
        const event = object as Stripe.Event
        this.#noting(() => this.#happened(event))
        this.post.take(event)
      },
    }
  }

  #newResident(id: string): Resident {
    const { d1, counters } = this
    const failed = (error: unknown) => this.failures.push(error)
    let made: Resident | null = null
    const host = new ObjectHost({
      ...{ id, d1, counters, failed, weather: this.#weather },
      follower: (disk) =>
        new Follower({ disk, failed, counts: this.ledgerCounts, committed: () => made?.judge.watch(agreedIn(made)) }),
      envOf: (host, life) => this.#envOf(host, life),
    })
    // By the clock of the objects, as R15 has it: an hour is one by that.
    const judge = new Judge({ now: () => Date.now(), running: () => host.life }, counters)
    made = {
      id,
      host,
      judge,
      keys: { runner: '', billing: '' },
      reviews: [],
      grants: [],
      quotes: [],
      letters: [],
      ids: 0,
    }
    return made
  }

  #envOf(host: ObjectHost, life: number): object {
    const name = `${host.id}-${life}.stripe.test`
    let running: object | null = null
    const itself = () => {
      running ??= host.life
      return running
    }
    lives.set(name, { host, life: itself })
    return {
      ...SECRETS,
      BYOK_SECRETS: this.byokSecrets.join(),
      STRIPE_API_BASE: `https://${name}`,
      HISTORY: this.d1.database({
        mayGoOn: (place) => host.goesOn(itself(), place),
        readFailed: () => host.historyNotRead(),
      }),
    }
  }

  /** Stripe's webhook: signed, over the real route. Whether somebody has it, or nobody has to. */
  async #deliver(event: Stripe.Event): Promise<boolean> {
    const text = JSON.stringify(event)
    const at = Math.floor((this.time.nowMs + this.bank.skewMs) / 1_000)
    const mac = createHmac('sha256', WEBHOOK_SECRET).update(`${at}.${text}`).digest('hex')
    const headers = { 'Stripe-Signature': `t=${at},v1=${mac}`, 'Content-Type': 'application/json' }
    this.#countEarly(event)
    const heard = await this.door.send({
      ...{ account: null, what: 'webhook', method: 'POST', path: '/v1/stripe/webhook', text, headers },
    })
    return heard.heard && heard.status === 200
  }

  #countEarly({ data: { object } }: Stripe.Event): void {
    if (object.object !== 'payment_intent') return
    const query = "SELECT 1 FROM purchases WHERE payment_intent = ? AND stage = 'confirming'"
    const isEarly = this.residents.some(({ host }) => host.isOpen && host.disk.read(query, object.id).length > 0)
    if (isEarly) this.counters.count('post: came before the answer')
  }

  #judgeOf(payment: string | null): Judge | undefined {
    if (payment === null) return undefined
    const account = this.bank.books.get('payment_intent', payment)?.metadata['account']
    return this.residents.find(({ id }) => id === account)?.judge
  }

  #happened(event: Stripe.Event): void {
    const { object } = event.data
    if (object.object !== 'charge') return
    this.residents.find(({ id }) => id === object.metadata['account'])?.judge.happened(event)
  }

  /** Where an exception would be taken for a failure of Stripe's, it is kept for later. */
  #noting(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.failures.push(error)
    }
  }

  /** Whether anybody buys anything. */
  get hasPayments(): boolean {
    return this.repairs.hasStarted
  }

  get now(): number {
    return this.time.nowMs
  }

  /** Goes on beside what comes after it; what it throws is a failure of the run. */
  begin(begun: Promise<unknown>): void {
    void begun.catch((error: unknown) => this.failures.push(error))
  }

  later(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  async pass(ms: number): Promise<void> {
    await this.passUntil(this.now + ms)
  }

  async passUntil(at: number): Promise<void> {
    const { time, post, repairs, residents } = this
    for (let happened = 0; happened < MAX_HAPPENINGS; happened += 1) {
      await time.quiet()
      this.check()
      const alarms = residents.map(({ host }) => host.alarmAt - time.wallOffsetMs)
      const next = Math.min(time.nextAt(), post.nextAt(), repairs.nextAt, ...alarms)
      if (next > at) {
        time.nowMs = Math.max(time.nowMs, at)
        return
      }
      time.nowMs = Math.max(time.nowMs, next)
      const rings = alarms.findIndex((alarm) => alarm <= time.nowMs)
      if (rings >= 0) residents[rings]?.host.ringAlarm()
      else if (post.nextAt() <= time.nowMs) post.sendNext()
      else if (repairs.nextAt <= time.nowMs) this.begin(repairs.run())
      else time.fireNext()
    }
    throw new Violation('time stands still')
  }

  /** Lets time pass until something that was begun has ended. */
  async drive<T>(begun: Promise<T>): Promise<T> {
    let isOver = false
    const ended = begun.finally(() => {
      isOver = true
    })
    // A request that nobody answers ends by its time limit, so this ends.
    while (!isOver) await this.pass(1_000)
    return ended
  }

  /** What holds whenever all is quiet. */
  check(): void {
    const [failure] = this.failures
    if (failure !== undefined) throw failure
    const error = this.#errors.map((said) => JSON.stringify(said)).find((said) => !isExpected(said))
    if (error !== undefined) throw new Violation(error)
    for (const { host } of this.residents) this.#alarms.look(host)
  }
}

/** A life that was killed may well say that it cannot go on, the Worker that it did not reach it, or D1 that it is away. */
function isExpected(said: string): boolean {
  return [LAST_WORDS, UNREAD, 'account not reached'].some((words) => said.includes(words))
}

function paymentOf({ path }: Sent): string | null {
  return /\/(pi_[A-Za-z0-9_]+)/.exec(path)?.[1] ?? null
}

function agreedIn({ host }: Resident): AutoTopUp | null {
  const text = host.disk.read('SELECT auto_top_up FROM account')[0]?.['auto_top_up']
  return typeof text === 'string' ? (JSON.parse(text) as AutoTopUp) : null
}
