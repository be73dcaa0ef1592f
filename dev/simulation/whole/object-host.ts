/**
 * The runtime of one account's object: makes the real object over its disk, brings calls and its alarm to it, loses,
 * delays and doubles both, and kills it. A kill drops all that is in memory and every answer that is on its way.
 */
import type { Random } from '../../../test/core/ledger/random.ts'
import { Dead, Disk, type Committed, type Life } from '../disk.ts'
import type { Call } from './call.ts'
import type { D1 } from './d1.ts'
import { type Failpoint, isFailpoint } from './failpoints.ts'
import type { Follower } from './follower.ts'
import { building } from './observe.ts'
import type { Count } from './sometimes.ts'
import { Account, type AccountObject, type ObjectMethod } from './worker-parts.ts'

/** What the runtime says when an object goes away under a call; some of these say that trying again is safe. */
class Broken extends Error {
  readonly retryable: boolean

  constructor(retryable: boolean) {
    super('the object was reset')
    this.retryable = retryable
  }
}

interface Running extends Life {
  isAlive: boolean
  readonly object: AccountObject
  /** Alarms that were brought beside the one that was armed. */
  doubles: number
  /** Until then the runtime holds back everything. */
  ready: Promise<unknown>
  readonly ended: Promise<void>
  end(): void
}

export interface HostOptions {
  readonly id: string
  readonly d1: D1
  readonly counters: Count
  readonly weather: Random
  readonly follower: (disk: Disk) => Follower
  /** Secrets and bindings for one life; Stripe's address is one that leads back to it. */
  readonly envOf: (host: ObjectHost, life: number) => object
  readonly failed: (error: unknown) => void
}

const MAX_TRAVEL_MS = 30
/** Of 1,000 calls so many do not arrive, or their answers do not; only where it is not calm. */
const LOST = 15
/** A caller's patience is longer, yet much may happen meanwhile. */
const HELD_UP_MS = 8_000

export class ObjectHost {
  readonly id: string
  readonly disk = new Disk()
  readonly follower: Follower
  isCalm = true
  /** Where the object will be killed next, if it comes there; and after how many more failpoints, whichever. */
  killAt: Failpoint | null = null
  killAfter: number | null = null
  /** One place of this life's: there it is killed when it first comes there, however seldom anybody does. */
  aim: Failpoint | null = null
  /** The runtime has lost the alarm that is armed; arming another brings it back. */
  lostAlarm: number | null = null
  alarmLateByMs = 0
  /** What was armed when the machine's clock was set back: it comes later than it was meant to, until something is armed. */
  armedBeforeJump: number | null = null
  readonly #options: HostOptions
  #running: Running | null = null
  #lives = 0
  readonly #calls = new Set<Call>()
  #isInAlarm = false
  /** An alarm that was killed is brought again. */
  #againAt = Number.POSITIVE_INFINITY

  constructor(options: HostOptions) {
    this.id = options.id
    this.#options = options
    this.follower = options.follower(this.disk)
  }

  get isOpen(): boolean {
    return this.#running !== null
  }

  /** Whether one is under way; until it is over, what it will arm for is not armed. */
  get isInAlarm(): boolean {
    return this.#isInAlarm || (this.#running?.doubles ?? 0) > 0
  }

  /** Which life of the object this is; `null` while it has none. */
  get life(): object | null {
    return this.#running
  }

  /** When the alarm comes, by the machine's own clock; not while one is under way. */
  get alarmAt(): number {
    const { alarmAt } = this.disk
    if (this.#isInAlarm) return Number.POSITIVE_INFINITY
    if (alarmAt === null || alarmAt === this.lostAlarm) return this.#againAt
    return Math.min(this.#againAt, alarmAt + this.alarmLateByMs)
  }

  /** One call of a method over RPC. */
  async call(call: Call, method: string, args: readonly unknown[]): Promise<unknown> {
    const { weather } = this.#options
    const isLost = !this.isCalm && weather.below(1_000) < LOST
    const isAnswerLost = !this.isCalm && weather.below(1_000) < LOST
    await this.#travel(call)
    if (isLost) throw this.#broken(call, 'rpc: lost on its way')
    const running = this.#run()
    const sent = structuredClone([...args])
    call.sent(method, sent)
    this.#calls.add(call)
    const answering = this.#answer(running, method, sent).finally(() => this.#calls.delete(call))
    const answer = await Promise.race([answering, running.ended.then(() => DIED)])
    if (answer === DIED) throw this.#broken(call, 'rpc: the object died under it')
    await this.#travel(call)
    if (isAnswerLost) throw this.#broken(call, 'rpc: its answer is lost')
    return answer
  }

  async #answer(running: Running, method: string, args: unknown[]): Promise<unknown> {
    await running.ready
    const object = running.object as unknown as Readonly<Record<string, ObjectMethod>>
    const answer = structuredClone(await object[method]?.(...args))
    // What a life that has ended still says reaches nobody.
    return running.isAlive ? answer : new Promise(() => {})
  }

  /** A read of D1 by the object: whoever asked it may be answered that nobody is there. */
  historyNotRead(): void {
    for (const call of this.#calls) call.mayBeAway = true
  }

  #broken(call: Call, how: `rpc: ${string}`): Broken {
    call.mayBeAway = true
    this.#options.counters.count(how)
    return new Broken(this.#options.weather.below(3) > 0)
  }

  #travel(call: Call): Promise<void> {
    const { weather, counters } = this.#options
    const isHeldUp = !this.isCalm && weather.below(100) === 0
    if (isHeldUp) counters.count('rpc: held up')
    const ms = weather.below(isHeldUp ? HELD_UP_MS : call.isCalm ? 1 : MAX_TRAVEL_MS)
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Brings the alarm, as the runtime does: it is gone then, unless the object is killed while it works. */
  ringAlarm(): void {
    this.#isInAlarm = true
    this.#againAt = Number.POSITIVE_INFINITY
    this.alarmLateByMs = 0
    void this.#work(this.#run())
  }

  /** Once more, beside one that may be under way. */
  doubleAlarm(): void {
    if (!this.isOpen) return
    const running = this.#run()
    running.doubles += 1
    const isOver = () => {
      running.doubles -= 1
    }
    void running.object.alarm().then(isOver, (error: unknown) => {
      if (running.isAlive) this.#options.failed(error)
    })
  }

  async #work(running: Running): Promise<void> {
    try {
      await running.ready
      if (!running.isAlive) return
      this.disk.alarmAt = null
      await Promise.race([running.object.alarm(), running.ended])
    } catch (error) {
      if (running.isAlive) this.#options.failed(error)
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
    this.follower.killed()
    running.end()
    if (!this.#isInAlarm) return
    this.#isInAlarm = false
    this.#options.counters.count('alarm: killed and run again')
    this.#againAt = Date.now()
  }

  /** Whether the object of this life goes on here; a life that has ended does not. */
  goesOn(life: object | null, place: string): boolean {
    return life !== null && life === this.#running && !this.#meets(this.#running, place)
  }

  #run(): Running {
    this.#running ??= this.#newLife()
    return this.#running
  }

  #newLife(): Running {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    let started: Running | null = null
    const life = {
      isAlive: true,
      meets: (place: string, _what: string, kind: string) =>
        started !== null && this.#meets(started, `${place} of ${kind}`),
      committed: (turn: Committed) => this.follower.committed(turn),
    }
    this.#lives += 1
    const running: Running = Object.assign(life, {
      ready: Promise.resolve(),
      ended,
      end,
      doubles: 0,
      object: NO_OBJECT,
    })
    const env = this.#options.envOf(this, this.#lives)
    const ctx = this.#contextOf(life, running)
    building(this.follower, () => Object.assign(running, { object: new Account(ctx, env) }))
    started = running
    return running
  }

  #contextOf(life: Life, running: Running): DurableObjectState {
    const storage = this.disk.storageOf(life)
    const { transactionSync } = storage
    // An account is made in a transaction; and what is undone was not decided.
    storage.transactionSync = (work) => {
      const undo = this.follower.mark()
      try {
        return building(this.follower, () => transactionSync(work))
      } catch (error) {
        undo()
        throw error
      }
    }
    const ctx = {
      id: { name: this.id },
      storage,
      waitUntil: () => {},
      setWebSocketAutoResponse: () => {},
      getWebSockets: () => [],
      blockConcurrencyWhile: (work: () => Promise<unknown>) => {
        running.ready = work()
        return running.ready
      },
    }
    // Of the object's context, an account uses these.
    return ctx as unknown as DurableObjectState
  }

  /** Whether the object is killed here. */
  #meets(running: Running, place: string): boolean {
    if (!running.isAlive) return true
    const here = place
    if (!isFailpoint(here)) {
      this.#options.failed(new Error(`${here} is not among the failpoints`))
      return false
    }
    if (this.killAfter !== null) this.killAfter -= 1
    if (this.killAt !== here && this.killAfter !== 0 && this.aim !== here) return false
    if (this.aim === here) this.aim = null
    this.#options.counters.count(`killed: ${here}`)
    if (this.follower.model.open.length > 0) this.#options.counters.count('object: killed with holds open')
    this.kill()
    return true
  }
}

const DIED = Symbol('died')

/** Until the object is made, which happens in the same breath. */
const NO_OBJECT: AccountObject = {
  alarm() {
    throw new Dead()
  },
}
