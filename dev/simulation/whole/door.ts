/**
 * The way of clients to the Worker: real requests through the real app, which may get lost on either way. Every answer
 * is judged, whether or not its client gets to hear it.
 */
import type { Random } from '../../../test/core/ledger/random.ts'
import { judgeAnswer } from './answers.ts'
import { Call } from './call.ts'
import type { D1 } from './d1.ts'
import type { ObjectHost } from './object-host.ts'
import { SECRETS } from './secrets.ts'
import type { Count } from './sometimes.ts'
import type { Json } from './texts.ts'
import { app } from './worker-parts.ts'

export interface Asked {
  /** `null` for a request that is about none. */
  readonly account: string | null
  /** The operation, in the words of the contract. */
  readonly what: string
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: object
  /** The body as it is sent, where it is signed. */
  readonly text?: string
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Heard = { readonly heard: true; readonly status: number; readonly json: Json } | { readonly heard: false }

export interface DoorOptions {
  readonly hosts: ReadonlyMap<string, ObjectHost>
  readonly d1: D1
  readonly weather: Random
  readonly counters: Count
  readonly failed: (error: unknown) => void
}

/** Of the reservation that a path ends in. */
export function nameIn(path: string): string {
  return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
}

const ORIGIN = 'https://assay.test'
const NOTHING_HEARD = { heard: false } as const
/** Of 1,000 requests so many get lost on each way, where it is not calm. */
const LOST = 25

export class Door {
  isCalm = true
  /** Requests that are under way. */
  busy = 0
  readonly #options: DoorOptions
  readonly #env: object

  constructor(options: DoorOptions) {
    this.#options = options
    const PUBLIC_LIMIT = { limit: async () => ({ success: true }) }
    this.#env = {
      ...SECRETS,
      PUBLIC_LIMIT,
      STRIPE_API_BASE: 'https://worker.stripe.test',
    }
  }

  /** What the scheduled repair runs with. */
  envFor(call: Call): object {
    const { hosts } = this.#options
    const getByName = (name: string) => {
      const call_ =
        (method: string) =>
        (...args: unknown[]) => {
          const host = hosts.get(name)
          if (host === undefined) throw new Error(`nobody has opened ${name}`)
          return host.call(call, method, args)
        }
      return new Proxy({}, { get: (_, method) => call_(String(method)) })
    }
    const readFailed = () => {
      call.mayBeAway = true
    }
    return { ...this.#env, ACCOUNT: { getByName }, HISTORY: this.#options.d1.database({ readFailed }) }
  }

  async send(asked: Asked): Promise<Heard> {
    const { weather, counters } = this.#options
    const isLost = !this.isCalm && weather.below(1_000) < LOST
    const isAnswerLost = !this.isCalm && weather.below(1_000) < LOST
    if (isLost) {
      counters.count('client: its request is lost')
      return NOTHING_HEARD
    }
    this.busy += 1
    try {
      const heard = await this.#ask(asked)
      if (!isAnswerLost) return heard
      counters.count('client: its answer is lost')
      return NOTHING_HEARD
    } catch (error) {
      this.#options.failed(error)
      return NOTHING_HEARD
    } finally {
      this.busy -= 1
    }
  }

  async #ask(asked: Asked): Promise<Heard> {
    const {
      method,
      path,
      body,
      key,
      headers = {},
      text = body === undefined ? undefined : JSON.stringify(body),
    } = asked
    const { hosts, counters } = this.#options
    const host = hosts.get(asked.account ?? '')
    const call = new Call(asked.what, this.isCalm)
    const named = host?.follower.historyOf(nameIn(asked.path))
    const known = {
      version: host?.follower.version ?? 0,
      states: named?.length ?? 0,
      ownKeys: host?.follower.ownKeys.length ?? 0,
      readings: host?.follower.model.byokReadings ?? 0,
    }
    const request = new Request(ORIGIN + path, {
      method,
      headers: {
        ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
        ...(text === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
    })
    const response = await app.fetch(request, this.envFor(call))
    const answer = await response.text()
    const json = (answer === '' ? {} : JSON.parse(answer)) as Json
    judgeAnswer({ asked, call, response, text: answer, json, host, known, others: [...hosts.keys()], counters })
    return { heard: true, status: response.status, json }
  }
}
