/**
 * One call to the API, as often as it takes within its bounds. All that this client asks is safe to ask again: it reads,
 * or it writes under an id.
 */
import { pauseMs, readRetryAfter } from './backoff.ts'
import type { Problem } from './contract.ts'
import { AssayError, AssayUnreachable, isPassing } from './errors.ts'
import { linkedController, newController, type Runtime, type Signal } from './runtime.ts'

/** The first pauses sum to about 6 s on average: what a deploy or a restart takes. */
const MAX_TRIES = 7
const BACKOFF = { firstMs: 200, maxMs: 10_000 } as const
/** A whole call with all its tries, unless it names another. */
const CALL_WITHIN_MS = 30_000
/** One try: a connection that says nothing for so long is lost. */
export const TRY_WITHIN_MS = 10_000

/** What may stand in a header as it is. Anything else `fetch` would refuse, and quote in its message. */
const KEY = /^[\x21-\x7e]+$/
const CALLER_ID = /^(?!\.{1,2}$)[A-Za-z0-9._:@~-]{1,128}$/

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Behind the base URL, encoded. */
  readonly path: string
  readonly body?: object
  /** What its answer has. Without them, something else has answered in the API's place. */
  readonly answers: readonly string[]
  /** How long the API may take on top, because it was asked to wait. */
  readonly waitMs?: number
}

/** Of every write on a reservation. */
export const RESERVATION_ANSWER = ['reservation', 'balance'] as const

export interface CallOptions {
  readonly signal?: Signal
  /** For all tries together; by default 30 s. */
  readonly timeoutMs?: number
  /** By default 7, and no more than fit into the time; 1 for a call that is not asked again. */
  readonly tries?: number
}

export interface Answer<Body> {
  readonly body: Body
  /** It had been done before. */
  readonly replayed: boolean
}

export class Connection {
  readonly #base: string
  readonly #key: string
  readonly #runtime: Runtime

  constructor(url: string, key: string, runtime: Runtime) {
    if (!/^https?:\/\/[^\s@?#]+$/.test(url)) throw new TypeError('url is not the http(s) address of an Assay API')
    if (!KEY.test(key)) throw new TypeError('key is empty, or has characters that no key has')
    this.#base = url.replace(/\/+$/, '')
    this.#key = key
    this.#runtime = runtime
  }

  /** Tries again what may pass, until the tries or the time are over. The error is then that of the last try. */
  async call<Body>(call: Call, options: CallOptions = {}): Promise<Answer<Body>> {
    const { signal, timeoutMs = CALL_WITHIN_MS + (call.waitMs ?? 0), tries: maxTries = MAX_TRIES } = options
    const deadline = this.#runtime.monotonicMs() + timeoutMs
    const waiting = linkedController(signal)
    try {
      for (let tries = 1; ; tries += 1) {
        const left = deadline - this.#runtime.monotonicMs()
        try {
          return await this.once(call, Math.min(left, TRY_WITHIN_MS + (call.waitMs ?? 0)), signal)
        } catch (error) {
          if (!isPassing(error) || tries >= maxTries) throw error
          const pause = pauseMs(BACKOFF, tries, error.retryAfterMs, this.#runtime.random)
          if (this.#runtime.monotonicMs() + pause >= deadline) throw error
          await this.#runtime.sleep(pause, waiting.signal)
        }
        if (signal?.aborted) throw signal.reason
      }
    } finally {
      waiting.unlink()
    }
  }

  /** One try. Throws `AssayError`, `AssayUnreachable`, or the reason of the given signal. */
  async once<Body>(call: Call, withinMs: number, signal?: Signal): Promise<Answer<Body>> {
    if (signal?.aborted) throw signal.reason
    const trying = linkedController(signal)
    const timer = newController()
    const tooSlow = new AssayUnreachable(`no answer within ${Math.round(withinMs)} ms`)
    const aborted = new Promise<never>((_, reject) => {
      trying.signal.addEventListener('abort', () => reject(trying.signal.reason))
    })
    // Nobody waits for it once there is an answer.
    aborted.catch(() => {})
    void this.#runtime.sleep(withinMs, timer.signal).then(() => {
      if (!timer.signal.aborted) trying.abort(tooSlow)
    })
    try {
      // Raced, because not every `fetch` that is given to us listens to its signal.
      return await Promise.race([this.#exchange<Body>(call, trying.signal), aborted])
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw error
    } finally {
      timer.abort()
      trying.unlink()
    }
  }

  async #exchange<Body>(call: Call, signal: Signal): Promise<Answer<Body>> {
    const { fetch } = this.#runtime
    // What cannot be written as JSON is the caller's mistake, and no answer that was lost.
    const sent = call.body === undefined ? undefined : JSON.stringify(call.body)
    let status: number
    let header: (name: string) => string | null
    let text: string
    try {
      const response = await fetch(this.#base + call.path, {
        method: call.method,
        headers: {
          Authorization: `Bearer ${this.#key}`,
          Accept: 'application/json',
          ...(sent === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(sent === undefined ? {} : { body: sent }),
        // The API never redirects; whatever does is not the API, and a write that is followed becomes a GET.
        redirect: 'manual',
        signal,
      })
      status = response.status
      header = (name) => response.headers.get(name)
      text = await response.text()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw new AssayUnreachable(reasonOf(error).replaceAll(this.#key, '[key]'))
    }
    const body = parse(text)
    if (status >= 200 && status < 300 && body !== null && call.answers.every((field) => field in body)) {
      return { body: body as Body, replayed: header('Idempotent-Replayed') === 'true' }
    }
    const retryAfterMs = readRetryAfter(header('Retry-After'), header('Date'), Date.now())
    if (isProblem(body, status)) throw new AssayError(body, header('Request-Id'), retryAfterMs)
    // A success that says nothing is a lost answer: it may be cut off, or a network's that wants its visitors to sign in.
    if (status < 300) throw new AssayUnreachable(`an answer ${status} that was cut off or is not the API's`)
    throw new AssayUnreachable(`something that is not the API answered ${status}`, status, retryAfterMs)
  }
}

/** Checked before it is sent: `..` would be taken out of the path, and another route be called. */
export function idInPath(id: string): string {
  if (!CALLER_ID.test(id)) throw new TypeError('an id has 1 to 128 of A-Z, a-z, 0-9 and . _ : @ ~ -')
  return encodeURIComponent(id)
}

function parse(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

function isProblem(body: object | null, status: number): body is Problem {
  const { code, status: said, detail } = (body ?? {}) as Record<string, unknown>
  return typeof code === 'string' && typeof detail === 'string' && said === status
}

/** `fetch` says only that it failed; why is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, cause } = error
  return cause instanceof Error ? `${message}: ${cause.message || cause.name}` : message
}
