/** The client of one deployment: what all its accounts share. */
import { Account } from './account.ts'
import { type CallOptions, Connection } from './connection.ts'
import type { Estimate, ReviewFacts } from './contract.ts'
import { Deliveries } from './delivery.ts'
import type { Journal, Settlement } from './journal.ts'
import { RUNTIME, type Runtime } from './runtime.ts'
import { guarded, type OnTrouble } from './trouble.ts'

export interface AssayOptions {
  /** Where the API is, for example `https://credits.example.com`. */
  readonly url: string
  /** A runner's key: the deployment's, or one account's own. */
  readonly key: string
  /** Keeps settlements beyond this process. Without one they live as long as it does. */
  readonly journal?: Journal
  /** By default it is printed. */
  readonly onTrouble?: OnTrouble
  /** For tests, and for what has a `fetch` of its own. */
  readonly runtime?: Partial<Runtime>
}

export class AssayCredits {
  readonly #connection: Connection
  readonly #surroundings: {
    readonly deliveries: Deliveries
    readonly atWork: Set<string>
    readonly runtime: Runtime
    readonly onTrouble: OnTrouble
  }

  constructor({ url, key, journal, onTrouble, runtime: given }: AssayOptions) {
    const runtime = { ...RUNTIME, ...given }
    const told = guarded(onTrouble)
    this.#connection = new Connection(url, key, runtime)
    const deliveries = new Deliveries(this.#connection, runtime, journal, told)
    this.#surroundings = { deliveries, atWork: new Set(), runtime, onTrouble: told }
  }

  account(id: string): Account {
    return new Account(id, this.#connection, this.#surroundings)
  }

  /** By the plain formula; an account's own follow its history. */
  async estimate(facts: ReviewFacts, options?: CallOptions): Promise<Estimate> {
    const call = { method: 'POST', path: '/v1/estimates', body: facts, answers: ['reserve'] } as const
    return (await this.#connection.call<Estimate>(call, options)).body
  }

  /** At a runner's start: delivers in the background what the journal still holds. Resolves with how many those are. */
  resume(): Promise<number> {
    return this.#surroundings.deliveries.resume()
  }

  /**
   * At its end: waits for all settlements under way. With a time limit, those that are left then are given up by this
   * process and returned; the journal has them for the next. In a Worker, hand it to `waitUntil`.
   */
  drain(options: { readonly timeoutMs?: number } = {}): Promise<readonly Settlement[]> {
    return this.#surroundings.deliveries.drain(options.timeoutMs)
  }
}
