/**
 * A runner's surroundings in which time is ours: whenever nothing else can go on, it jumps to what is waited for next.
 * The network is a function; everything else is the client itself.
 */
import type { Fetch, FetchAnswer, Runtime, Signal } from '../../../src/client/runtime.ts'

/** A client that waits for ever is noticed. */
const MAX_JUMPS = 100_000

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly atMs: number
}

export type Network = (asked: Asked, signal: Signal) => Promise<FetchAnswer> | FetchAnswer

export class Virtual {
  readonly asked: Asked[] = []
  nowMs = 0
  #jumps = 0
  #pumping = false
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>()
  readonly runtime: Runtime

  constructor(network: Network, random: () => number = () => 0.5) {
    const fetch: Fetch = async (url, { method, body, signal }) => {
      const asked = { method, path: new URL(url).pathname, body: body && JSON.parse(body), atMs: this.nowMs }
      this.asked.push(asked)
      return await network(asked, signal)
    }
    const sleep = (ms: number, signal: Signal) => this.#sleep(ms, signal)
    this.runtime = { fetch, random, sleep, monotonicMs: () => this.nowMs, uuid: () => crypto.randomUUID() }
  }

  /** Who still waits for a time; none must be left behind. */
  get timers(): number {
    return this.#sleepers.size
  }

  #sleep(ms: number, signal: Signal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const sleeper = { atMs: this.nowMs + ms, wake }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', wake)
      if (!this.#pumping) this.#pump()
    })
  }

  /** Once all that can happen now has happened. */
  #pump(): void {
    this.#pumping = true
    setImmediate(() => {
      const next = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs)[0]
      this.#pumping = next !== undefined && this.#jumps < MAX_JUMPS
      if (next === undefined || !this.#pumping) return
      this.#jumps += 1
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.wake()
      this.#pump()
    })
  }
}

export function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): FetchAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers: { get: (name) => headers[name] ?? null }, text: async () => text }
}

export function refusal(
  status: number,
  code: string,
  more: object = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const problem = { type: `/docs#problem-${code}`, title: code, status, detail: `It is ${code}.`, code, ...more }
  return answer(status, problem, { 'Request-Id': 'req_1', ...headers })
}

/** A hold that lasts `ttlMs` by a server whose clock is `skewMs` ahead of ours. */
export function held(id: string, ttlMs: number, nowMs = 0, skewMs = 0, more: object = {}) {
  const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + skewMs + ms).toISOString()
  return {
    reservation: { id, state: 'held', mode: 'credits', accrued: 0, expires_at: at(nowMs + ttlMs), ...more },
    balance: { available: 0, as_of: at(nowMs) },
  }
}
