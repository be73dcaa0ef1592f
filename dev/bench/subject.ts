/**
 * One account of one subject: plenty of credits, loads of reserves, and in the end the proof that what was measured was
 * right. A figure of a ledger that lost something is no figure.
 */
import { type Api, expectEqual, fund, historyIsComplete, operatorApi } from './api.ts'
import type { LoadGenerator, LoadResult } from './load.ts'
import { RUNNER_KEY } from './runtime.ts'

export const SUBJECTS = ['real', 'noop', 'naive'] as const
export type Subject = (typeof SUBJECTS)[number]

/** Where each is served. */
const PREFIX: Readonly<Record<Subject, string>> = { real: '', noop: '/noop', naive: '/naive' }

/** Longer than any benchmark. */
export const NOT_MEANWHILE_MS = 3_600_000

const CREDITS = 12.5
const GRANTED = 10_000_000
export const BODY = JSON.stringify({ credits: CREDITS, metadata: { repository: 'acme/api', pull_request: '1042' } })

export class SubjectAccount {
  readonly #subject: Subject
  readonly #account: string
  readonly #url: URL
  readonly #generator: LoadGenerator
  readonly #api: Api
  readonly #path: string
  #made = 0

  private constructor(subject: Subject, account: string, url: URL, generator: LoadGenerator) {
    this.#subject = subject
    this.#account = account
    this.#url = url
    this.#generator = generator
    this.#api = operatorApi(url)
    this.#path = `${PREFIX[subject]}/v1/accounts/${account}`
  }

  static async open(subject: Subject, account: string, url: URL, generator: LoadGenerator): Promise<SubjectAccount> {
    const opened = new SubjectAccount(subject, account, url, generator)
    await opened.#fund()
    return opened
  }

  async #fund(): Promise<void> {
    if (this.#subject === 'real') return fund(this.#api, this.#account, GRANTED)
    const gift = { kind: 'promotional', credits: GRANTED, reason: 'benchmark' }
    await this.#api('PUT', `${this.#path}/grants/funds`, gift)
  }

  async reserve(connections: number, requests: number): Promise<LoadResult> {
    const { hostname: host, port } = this.#url
    const target = { host, port: Number(port), path: this.#path, key: RUNNER_KEY, body: BODY, settle: null }
    const result = await this.#generator.run({ ...target, connections, requests, firstId: this.#made })
    this.#made += requests
    expectEqual(`${this.#subject}: reservations made`, result.statuses['201'] ?? 0, requests)
    return result
  }

  /** Nothing goes to history from here on: D1 is on the same thread here, and would be a part of what is measured. */
  async holdHistory(): Promise<void> {
    if (this.#subject !== 'real') return
    await this.#historyIsComplete()
    await this.#sendHistory(Date.now() + NOT_MEANWHILE_MS)
  }

  async releaseHistory(): Promise<void> {
    if (this.#subject !== 'real') return
    await this.#sendHistory(0)
    await this.#historyIsComplete()
  }

  async verify(): Promise<void> {
    if (this.#subject === 'noop') return
    const balance = (await this.#api('GET', `${this.#path}/balance`)) as { reserved: number; available: number }
    expectEqual(`${this.#subject}: credits reserved`, balance.reserved, this.#made * CREDITS)
    expectEqual(`${this.#subject}: credits available`, balance.available, GRANTED - this.#made * CREDITS)
    if (this.#subject !== 'real') return
    await this.#historyIsComplete()
    const audit = (await this.#api('GET', `${this.#path}/audit`)) as { ok: boolean; checked: { history: number } }
    if (!audit.ok) throw new Error(`the audit found differences: ${JSON.stringify(audit)}`)
    expectEqual('entries in history', audit.checked.history, this.#made + 1)
  }

  /** The object keeps in memory when it sends next, so it is opened anew. */
  async #sendHistory(sentFrom: number): Promise<void> {
    await this.#api('POST', `/bench/${this.#account}/past`, { closed: 0, sentFrom, heldUntil: null })
    await this.#api('POST', `/bench/${this.#account}/evict`)
    await this.#api('GET', `${this.#path}/balance`)
  }

  #historyIsComplete(): Promise<void> {
    return historyIsComplete(this.#api, this.#path, this.#made + 1)
  }
}
