/**
 * The runtime of one account's object, as far as payments see it: opens it, brings its alarm, and kills it. A kill drops
 * all that is in memory and every answer that is on its way; what was committed stays, and so does the alarm.
 */
import { Alarm } from '../../src/account/alarm.ts'
import { Live } from '../../src/account/live.ts'
import { createAccount } from '../../src/account/open-account.ts'
import { OpenedAccount, type Surroundings } from '../../src/account/opened.ts'
import type { OpenRequest } from '../../src/account/requests.ts'
import { Turns } from '../../src/account/turns.ts'
import { newClient, type StripeClient } from '../../src/stripe/client.ts'
import { Disk, type Life } from './disk.ts'
import { type Failpoint, failpointAt } from './failpoints.ts'
import { History } from './history.ts'
import type { Counters } from './sometimes.ts'
import type { Wire } from './wire.ts'

/** As object.ts has it, for an alarm that failed for a reason nobody foresaw. */
const ALARM_RETRY_MS = 30_000

export type Asked<T> = { readonly heard: true; readonly answer: T } | { readonly heard: false }

/** What a broken build does to an account when it is opened. */
export type Breakage = (account: OpenedAccount) => void

export interface HostOptions {
  readonly request: OpenRequest
  readonly wire: Wire
  readonly counters: Counters
  readonly now: () => number
  /** After each commit, before anything in it is answered. */
  readonly committed: (account: OpenedAccount) => void
  readonly breakage: Breakage
}

interface Running extends Life {
  isAlive: boolean
  readonly alarm: Alarm
  readonly turns: Turns
  readonly account: OpenedAccount
  /** Until then the runtime holds back everything. */
  readonly ready: Promise<void>
  readonly ended: Promise<void>
  end(): void
}

export class Host {
  readonly disk = new Disk()
  readonly history = new History()
  /** Where the object will be killed next, if it comes there; and after how many more failpoints, whichever. */
  killAt: Failpoint | null = null
  killAfter: number | null = null
  #running: Running | null = null
  #isInAlarm = false
  /** An alarm that was killed is brought again. */
  #againAt = Number.POSITIVE_INFINITY
  readonly #options: HostOptions
  readonly failures: unknown[] = []

  constructor(options: HostOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#running !== null
  }

  get isInAlarm(): boolean {
    return this.#isInAlarm
  }

  /** The account, opened if it has to be. */
  get account(): OpenedAccount {
    return this.#run().account
  }

  /** When the alarm comes; not while one is under way. */
  get alarmAt(): number {
    if (this.#isInAlarm) return Number.POSITIVE_INFINITY
    return Math.min(this.#againAt, this.disk.alarmAt ?? Number.POSITIVE_INFINITY)
  }

  /** A request to the object. It is not heard of any more if the object is killed meanwhile. */
  async ask<T>(act: (account: OpenedAccount) => T | Promise<T>): Promise<Asked<T>> {
    const running = this.#run()
    const lost = running.ended.then(() => ({ heard: false }) as const)
    const answered = this.#answer(running, act)
    return Promise.race([answered, lost])
  }

  /** A command, decided in a turn. */
  inTurn<T>(act: (account: OpenedAccount) => T): Promise<Asked<T>> {
    return this.ask((account) => this.#run().turns.run(() => act(account)))
  }

  async #answer<T>(running: Running, act: (account: OpenedAccount) => T | Promise<T>): Promise<Asked<T>> {
    try {
      await running.ready
      const answer = await act(running.account)
      return running.isAlive ? { heard: true, answer } : { heard: false }
    } catch (error) {
      if (running.isAlive) this.failures.push(error)
      return { heard: false }
    }
  }

  /** Brings the alarm, as the runtime does: it is gone then, unless the object is killed while it works. */
  ringAlarm(): void {
    this.#isInAlarm = true
    this.#againAt = Number.POSITIVE_INFINITY
    void this.#work(this.#run())
  }

  async #work(running: Running): Promise<void> {
    try {
      await running.ready
      if (!running.isAlive) return
      this.disk.alarmAt = null
      running.alarm.forget()
      await Promise.race([running.account.work(), running.ended])
    } catch (error) {
      if (!running.isAlive) return
      this.failures.push(error)
      running.alarm.atOrBefore(this.#options.now() + ALARM_RETRY_MS)
    } finally {
      if (running.isAlive) this.#isInAlarm = false
    }
  }

  kill(): void {
    const running = this.#running
    if (running === null) return
    running.isAlive = false
    this.#running = null
    this.killAt = null
    this.killAfter = null
    running.end()
    if (!this.#isInAlarm) return
    this.#isInAlarm = false
    this.#options.counters.count('alarm: killed and run again')
    this.#againAt = this.#options.now()
  }

  /** Makes the account of an object that is none yet. */
  create(): void {
    this.#running = this.#newLife((surroundings) => createAccount(surroundings, this.#options.request))
  }

  #run(): Running {
    this.#running ??= this.#newLife((surroundings) => new OpenedAccount(surroundings))
    return this.#running
  }

  #newLife(open: (surroundings: Surroundings) => OpenedAccount): Running {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    let started: Running | null = null
    const life: Life & { isAlive: boolean } = {
      isAlive: true,
      meets: (place, what) => started !== null && this.#meets(started, failpointAt(place, what)),
      committed: () => {
        if (started !== null) this.#options.committed(started.account)
      },
    }
    const storage = this.disk.storageOf(life)
    const alarm = new Alarm(storage)
    const ctx = contextOf(storage, this.#options.request.id)
    const turns = new Turns(ctx, () => started?.account.publish())
    const stripe = this.#clientOf(() => started)
    const account = open({
      ...{ storage, alarm, turns, live: new Live(ctx, JSON.stringify) },
      ...{ history: () => this.history.database(), stripe: () => stripe, byokSecrets: () => [] },
    })
    this.#options.breakage(account)
    started = Object.assign(life, { alarm, turns, account, ready: alarm.load(), ended, end })
    return started
  }

  #clientOf(life: () => Running | null): StripeClient {
    const fetch = this.#options.wire.fetchFor((place, route) => {
      const running = life()
      return running?.isAlive === true && !this.#meets(running, failpointAt(place, route))
    })
    return newClient({ key: 'sk_test_0123456789abcdef', apiBase: null }, fetch)
  }

  /** Whether the object is killed here. */
  #meets(running: Running, failpoint: Failpoint): boolean {
    if (!running.isAlive) return true
    if (this.killAfter !== null) this.killAfter -= 1
    if (this.killAt !== failpoint && this.killAfter !== 0) return false
    this.#options.counters.count(`killed: ${failpoint}`)
    this.kill()
    return true
  }
}

function contextOf(storage: DurableObjectStorage, name: string): DurableObjectState {
  const ctx = {
    id: { name },
    storage,
    waitUntil: () => {},
    setWebSocketAutoResponse: () => {},
    getWebSockets: () => [],
  }
  // Of the object's context, its parts use these.
  return ctx as unknown as DurableObjectState
}
