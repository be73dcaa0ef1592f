/**
 * The door of an account's object: whatever is asked of it over RPC comes in here. What is due is done first (R7), the
 * caller is admitted or learns nothing, and nothing is thrown: a bug is logged, and answered with a refusal.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import { describeError } from './describe-error.ts'
import { changeAccount, createAccount, type Opened } from './open-account.ts'
import { OpenedAccount, SET_BACK, type Surroundings } from './opened.ts'
import {
  type Answer,
  type Caller,
  type LedgerAnswer,
  type LedgerRequest,
  type OpenRequest,
  refused,
} from './requests.ts'
import { hasSchema, migrate } from './schema.ts'

export class Door {
  readonly #name: string | undefined
  readonly #surroundings: Surroundings
  /** `null` until somebody opens the account: until then the object has no tables and stores nothing. */
  #account: OpenedAccount | null = null

  /** `name` is the account's, for the log. */
  constructor(name: string | undefined, surroundings: Surroundings) {
    this.#name = name
    this.#surroundings = surroundings
    const { storage } = surroundings
    if (!hasSchema(storage.sql)) return
    migrate(storage)
    this.#account = new OpenedAccount(surroundings)
  }

  get account(): OpenedAccount | null {
    return this.#account
  }

  /** Whoever comes here is the operator. In a turn. */
  open(request: OpenRequest): Opened {
    if (this.#account?.isSetBack) return SET_BACK
    if (this.#account !== null) return changeAccount(this.#account, this.#surroundings, request)
    this.#account = createAccount(this.#surroundings, request)
    const { details, ledger } = this.#account
    return { ok: true, created: true, changed: true, details: details.value, balance: ledger.balance(ledger.now()) }
  }

  /** One command. In a turn. */
  execute(caller: Caller, request: LedgerRequest): Answer<LedgerAnswer> {
    return this.#account?.execute(caller, request) ?? UNKNOWN_ACCOUNT
  }

  admit<T>(caller: Caller, act: (account: OpenedAccount, now: EpochMs) => Answer<T>): Answer<T> {
    const account = this.#account
    return account === null ? UNKNOWN_ACCOUNT : account.admit(caller, (now) => act(account, now))
  }

  /** A call that is over in one go. */
  serve<T>(caller: Caller, act: (account: OpenedAccount, now: EpochMs) => Answer<T>): Promise<Answer<T>> {
    return this.guard(() => this.admit(caller, act))
  }

  /** The same for what writes, which an account that was set back does not. */
  write<T>(caller: Caller, act: (account: OpenedAccount, now: EpochMs) => Answer<T>): Promise<Answer<T>> {
    return this.serve<T>(caller, (account, now) => (account.isSetBack ? SET_BACK : act(account, now)))
  }

  /** For what cannot be refused. */
  read<T extends object>(caller: Caller, look: (account: OpenedAccount, now: EpochMs) => T): Promise<Answer<T>> {
    return this.serve(caller, (account, now) => ({ ok: true, ...look(account, now) }))
  }

  /** For what takes longer than a turn: others are served meanwhile. */
  ask<T>(caller: Caller, act: (account: OpenedAccount) => Promise<Answer<T>>): Promise<Answer<T>> {
    return this.guard<T>(async () => {
      const admitted = this.admit(caller, (account) => ({ ok: true, account }))
      return admitted.ok ? act(admitted.account) : admitted
    })
  }

  /** The same for what writes. */
  change<T>(caller: Caller, act: (account: OpenedAccount) => Promise<Answer<T>>): Promise<Answer<T>> {
    return this.ask<T>(caller, async (account) => (account.isSetBack ? SET_BACK : act(account)))
  }

  /** Bugs throw, but not across RPC: what went wrong is logged, and the caller may ask again under the same id. */
  async guard<T>(act: () => Answer<T> | Promise<Answer<T>>): Promise<Answer<T>> {
    try {
      const due = this.#account?.due.catchUp() ?? null
      if (due !== null) await due
      return await act()
    } catch (error) {
      console.error({ message: 'command failed', account: this.#name, error: describeError(error) })
      return refused({ code: 'overloaded', retryAfterSeconds: 1 })
    }
  }
}

const UNKNOWN_ACCOUNT = refused({ code: 'unknown_account' })
