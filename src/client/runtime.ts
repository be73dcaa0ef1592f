/**
 * What the client uses of where it runs. Node 20, Workers and browsers all have it; described here rather than by the
 * types of any of them, so that what is published compiles under each.
 */

/**
 * The `AbortSignal` of where this is compiled; without one, what the client itself needs of it. Found by way of `fetch`,
 * because a global that is declared as a class, as by Workers, is no member of `globalThis` to the compiler.
 */
export type Signal = typeof globalThis extends { fetch: (url: never, init?: infer Init) => unknown }
  ? NonNullable<NonNullable<Init> extends { signal?: infer Real } ? Real : BareSignal>
  : BareSignal

interface BareSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; redirect: 'manual'; signal: Signal },
) => Promise<FetchAnswer>

export interface FetchAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
}

/** Each can be given instead, which is what tests of time and chance do. */
export interface Runtime {
  readonly fetch: Fetch
  /** Grows steadily whatever becomes of the wall clock; all intervals are measured by it. */
  monotonicMs(): number
  /** Uniform in [0, 1). */
  random(): number
  uuid(): string
  /** Ends early when the signal aborts, and says nothing of why. One in the `background` lets a process end. */
  sleep(ms: number, signal: Signal, background?: boolean): Promise<void>
}

export interface Controller {
  readonly signal: Signal
  abort(reason?: unknown): void
}

const globals = globalThis as unknown as {
  fetch: Fetch
  performance: { now(): number }
  crypto: { randomUUID(): string }
  AbortController: new () => Controller
  setTimeout(done: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
  console: { error(text: string): void }
}

/** The longest that a timer can be; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

export const RUNTIME: Runtime = {
  // Called on the global object, as Workers insist, and looked up late, for those who replace it.
  fetch: (url, init) => globals.fetch(url, init),
  monotonicMs: () => globals.performance.now(),
  random: () => Math.random(),
  uuid: () => globals.crypto.randomUUID(),
  sleep,
}

export function newController(): Controller {
  return new globals.AbortController()
}

/** A controller that aborts with the given signal; `unlink` forgets the signal, which may live much longer. */
export function linkedController(signal: Signal | undefined): Controller & { unlink(): void } {
  const controller = newController()
  const abort = () => controller.abort(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => signal?.removeEventListener('abort', abort),
  }
}

export function complain(message: string): void {
  globals.console.error(message)
}

function sleep(ms: number, signal: Signal, background = false): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      globals.clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = globals.setTimeout(done, Math.min(ms, MAX_TIMER_MS))
    // Only Node's timers hold a process, and only they are objects.
    if (background) (timer as { unref?: () => void }).unref?.()
    signal.addEventListener('abort', done)
  })
}
