/**
 * The HTTP API as a runner and an operator call it. Every write names what it writes, so whatever got no clear answer is
 * simply sent again.
 */
import { setTimeout as pause } from 'node:timers/promises'

const MAX_TRIES = 6
const FIRST_PAUSE_MS = 50
const CALL_WITHIN_MS = 15_000

export interface Keys {
  readonly operatorKey: string
  readonly runnerKey: string
}

export interface Estimate {
  readonly typical: number
  readonly low: number
  readonly high: number
}

export interface Balance {
  readonly available: number
  readonly reserved: number
  readonly total: number
}

export interface Reservation {
  readonly state: 'held' | 'settled' | 'released' | 'expired'
  readonly credits: number
  readonly charged: number | null
  readonly returned: number | null
  readonly absorbed: number | null
  readonly late: boolean
}

export interface Audit {
  readonly ok: boolean
  readonly checked: { readonly entries: number; readonly history: number }
  readonly differences: readonly string[]
}

interface Figures {
  readonly in_range: number | null
  readonly covered_by_hold: number | null
  readonly median_error: number | null
}

export interface Accuracy {
  readonly data: readonly {
    readonly tier: string
    readonly reviews: number
    readonly with_calibration: Figures
    readonly without_calibration: Figures
  }[]
  readonly complete_to: number
}

export interface Pack {
  readonly name: string
  readonly credits: number
  readonly price_cents: number
}

export interface Tier {
  readonly id: string
  readonly name: string
  readonly typical: number
}

export interface Written {
  readonly reservation: Reservation
  readonly replayed: boolean
}

/** A 402: how many credits are missing, and the pack that the API suggests to buy. */
export interface Refused {
  readonly shortfall: number
  readonly suggested_pack: Pack | null
}

/** An answer that the demo has no use for, or none at all. */
export class ApiError extends Error {}

export class Api {
  readonly #url: string
  readonly #keys: Keys
  #retries = 0

  constructor(url: string, keys: Keys) {
    this.#url = url
    this.#keys = keys
  }

  /** How many calls had to be sent again. */
  get retries(): number {
    return this.#retries
  }

  asOperator<T>(method: string, path: string, body?: object): Promise<T> {
    return this.#expect(this.#keys.operatorKey, method, path, body) as Promise<T>
  }

  asRunner<T>(method: string, path: string, body?: object): Promise<T> {
    return this.#expect(this.#keys.runnerKey, method, path, body) as Promise<T>
  }

  async reserve(path: string, body: object): Promise<Written | { readonly refused: Refused }> {
    const answer = await this.#send(this.#keys.runnerKey, 'PUT', path, body)
    if (answer.status === 402) return { refused: answer.body as Refused }
    return toWritten(answer, path)
  }

  /** Settle, release or extend. */
  async write(path: string, body: object): Promise<Written> {
    return toWritten(await this.#send(this.#keys.runnerKey, 'POST', path, body), path)
  }

  async #expect(key: string, method: string, path: string, body?: object): Promise<unknown> {
    const answer = await this.#send(key, method, path, body)
    if (answer.status >= 300) throw unexpected(answer, path)
    return answer.body
  }

  async #send(key: string, method: string, path: string, body?: object): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#sendOnce(key, method, path, body)
        if (answer.status !== 429 && answer.status < 500) return answer
        if (tries === MAX_TRIES) throw unexpected(answer, path)
      } catch (error) {
        if (error instanceof ApiError) throw error
        if (tries === MAX_TRIES) throw new ApiError(`${this.#url} does not answer any more: ${reasonOf(error)}`)
      }
      this.#retries += 1
      // With jitter, because many runners fail at the same moment and must not come back at the same moment.
      await pause(FIRST_PAUSE_MS * 2 ** tries * (0.5 + Math.random()))
    }
  }

  async #sendOnce(key: string, method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        Authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_WITHIN_MS),
    })
    const text = await response.text()
    const isJson = response.headers.get('Content-Type')?.includes('json') ?? false
    return {
      status: response.status,
      body: isJson ? JSON.parse(text) : { detail: text },
      replayed: response.headers.get('Idempotent-Replayed') === 'true',
    }
  }
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly replayed: boolean
}

function toWritten(answer: Answer, path: string): Written {
  if (answer.status >= 300) throw unexpected(answer, path)
  return { reservation: (answer.body as { reservation: Reservation }).reservation, replayed: answer.replayed }
}

/** `fetch` says only that it failed; why is in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message : message
}

function unexpected({ status, body }: Answer, path: string): ApiError {
  return new ApiError(`${path} answered ${status}: ${(body as { detail?: string }).detail ?? ''}`)
}
