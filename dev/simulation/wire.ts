/**
 * The way of requests to Stripe's double, where the weather decides which of them come to harm; and where the object
 * may be killed before a request goes out and before its answer is heard.
 */
import { once } from 'node:events'
import type { Random } from '../../test/core/ledger/random.ts'
import type { Control } from '../stripe/control.ts'
import type { Double } from '../stripe/double.ts'
import type { Wire as Fetch } from '../../src/stripe/client.ts'
import type { Counters } from './sometimes.ts'

/** How bad it is out there: of 1,000 requests, so many come to harm. */
export type Weather = 'calm' | 'breezy' | 'stormy'
const HARMED: Readonly<Record<Weather, number>> = { calm: 0, breezy: 60, stormy: 350 }

/** Asked before a request goes out and before its answer is heard. Whether the object lives on. */
export type MayGoOn = (place: 'before the call' | 'after the call', route: string) => boolean

export interface WireListener {
  sent(request: Sent): void
  heard(request: Sent): void
  /** Nobody will ever hear what became of it. */
  unheard(request: Sent): void
}

export interface Sent {
  readonly route: string
  readonly path: string
  readonly key: string | null
}

interface Fault {
  readonly name: FaultName
  readonly strikes: 'before' | 'after'
  readonly answer: 'real' | 'lost' | number
  readonly delayMs: readonly [number, number]
}

/** Each way, so that everything else may come in between. */
const MAX_TRAVEL_MS = 300
const AT_ONCE = [0, 0] as const
/** Slower than the SDK's 10 s, yet with a skewed clock within the 5 minutes by which R14 allows Stripe's to differ. */
const TOO_SLOW = [10_001, 55_000] as const
const SLOW = [500, 9_500] as const

const FAULTS = [
  { name: 'lost on its way', strikes: 'before', answer: 'lost', delayMs: AT_ONCE },
  { name: 'the answer is lost', strikes: 'after', answer: 'lost', delayMs: AT_ONCE },
  { name: 'the answer is lost after a while', strikes: 'after', answer: 'lost', delayMs: SLOW },
  { name: '500 before', strikes: 'before', answer: 500, delayMs: AT_ONCE },
  { name: '500 after', strikes: 'after', answer: 500, delayMs: AT_ONCE },
  { name: '503 before', strikes: 'before', answer: 503, delayMs: AT_ONCE },
  { name: '409', strikes: 'before', answer: 409, delayMs: AT_ONCE },
  { name: '429', strikes: 'before', answer: 429, delayMs: AT_ONCE },
  { name: 'slow', strikes: 'before', answer: 'real', delayMs: SLOW },
  { name: 'carried out after the time limit', strikes: 'before', answer: 'real', delayMs: TOO_SLOW },
  { name: 'answered after the time limit', strikes: 'after', answer: 'real', delayMs: TOO_SLOW },
] as const satisfies readonly (Omit<Fault, 'name'> & { readonly name: string })[]

export type FaultName = (typeof FAULTS)[number]['name']
export const FAULT_NAMES: readonly FaultName[] = FAULTS.map(({ name }) => name)

/** Routes by their form: an id is a parameter. */
const IDS = /\/(?:pi|cus|pm|re|du|cs|ch|evt)_[A-Za-z0-9_]+/g

export class Wire {
  weather: Weather = 'calm'
  /** Requests that are being answered. */
  #busy = 0
  readonly #double: Double
  readonly #control: Control
  readonly #chance: () => Random
  readonly #counters: Pick<Counters, 'count'>
  readonly #listener: WireListener

  constructor(double: Double, chance: () => Random, counters: Pick<Counters, 'count'>, listener: WireListener) {
    this.#double = double
    this.#control = double.control
    this.#chance = chance
    this.#counters = counters
    this.#listener = listener
  }

  /** What was on its way is forgotten with the time in which it was. */
  startAgain(): void {
    this.weather = 'calm'
    this.#busy = 0
  }

  /** Whether no request is on its way. */
  get isIdle(): boolean {
    return this.#busy === 0
  }

  /** The SDK's way out, for one life of the object. Where that ends, no answer comes, not even an error. */
  fetchFor(mayGoOn: MayGoOn): Fetch {
    return async (input, init) => {
      const request = new Request(String(input), { ...init, signal: null })
      const { signal } = init ?? {}
      const path = new URL(request.url).pathname
      const route = `${request.method} ${path.replaceAll(IDS, '/:id')}`
      // The output gate: what was written before it is on disk by then, or the object is dead.
      await null
      if (!mayGoOn('before the call', route)) return never()
      const sent = { route, path, key: request.headers.get('idempotency-key') }
      this.#listener.sent(sent)
      try {
        const answer = this.#ask(request, route)
        const response = await (signal == null ? answer : Promise.race([answer, abortion(signal)]))
        if (mayGoOn('after the call', route)) {
          this.#listener.heard(sent)
          return response
        }
      } catch (error) {
        this.#listener.unheard(sent)
        throw error
      }
      this.#listener.unheard(sent)
      return never()
    }
  }

  /** Goes on whatever becomes of the sender. */
  async #ask(request: Request, route: string): Promise<Response> {
    this.#busy += 1
    try {
      await this.#travel()
      this.#harm(route)
      const response = await this.#double.fetch(request)
      await this.#travel()
      return response
    } finally {
      this.#busy -= 1
    }
  }

  #travel(): Promise<void> {
    const ms = this.#chance().below(MAX_TRAVEL_MS)
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Orders a fault for the request that goes out next. */
  #harm(route: string): void {
    const chance = this.#chance()
    if (chance.below(1_000) >= HARMED[this.weather]) return
    const { name, strikes, answer, delayMs } = chance.pick(FAULTS)
    const [least, most] = delayMs
    this.#control.fault({ route, strikes, answer, delayMs: least + chance.below(most - least + 1) })
    this.#counters.count(`fault: ${name}`)
  }
}

/** What a sender hears that is no more. */
function never(): Promise<never> {
  return new Promise(() => {})
}

async function abortion(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort')
  throw signal.reason
}
