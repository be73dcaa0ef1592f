/**
 * The account's own key: stored sealed, shown as a preview, given to a runner for a review that is held in that mode.
 * Sealing and opening take time, so they come before the turn in which something is written; that turn then decides by
 * what is stored at that moment, and its row and its entry are one transaction.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { ChangeByok } from '../ledger/commands.ts'
import type { Refusal } from '../ledger/refusals.ts'
import { describeError } from './describe-error.ts'
import { KeyRing, type Sealed, type Unsealed } from './key-ring.ts'
import type { AccountLedger } from './ledger.ts'
import { type AccountRefusal, type Answer, type Caller, refused } from './requests.ts'
import { integer, type Row, text } from './rows.ts'

/** Each lost try is a change of the key by the customer, who does not make five at once. */
const MAX_TRIES = 5
const SHOWN_LAST = 4

/** What customers see of it; `usable` is whether it can be opened still. */
export interface ByokView {
  readonly enabled: boolean
  readonly preview: string | null
  readonly since: EpochMs | null
  readonly usable: boolean
}

export interface ByokParts {
  readonly sql: SqlStorage
  readonly ledger: AccountLedger
  readonly account: string
  /** Throws where the deployment's secrets are not right. */
  secrets(): readonly string[]
  /** Writes in a turn, all or nothing, in the name of a caller who is admitted in that very turn. */
  writeAs<T>(caller: Caller, act: (now: EpochMs) => Answer<T>): Promise<Answer<T>>
  explain(refusal: Refusal, now: EpochMs): AccountRefusal
}

interface Stored extends Sealed {
  readonly preview: string
  readonly since: EpochMs
}

const NONE: ByokView = { enabled: false, preview: null, since: null, usable: false }
const UNREADABLE = refused({ code: 'key_unreadable', retryAfterSeconds: 30 })

export class Byok {
  readonly #parts: ByokParts

  constructor(parts: ByokParts) {
    this.#parts = parts
  }

  async view(): Promise<ByokView> {
    const stored = this.#stored()
    return stored === null ? NONE : viewOf(stored, (await this.#open(stored)).ok)
  }

  /** The same key once more changes nothing; another takes its place. */
  async put(caller: Caller, apiKey: string): Promise<Answer<{ byok: ByokView; replayed: boolean }>> {
    const { account, ledger, sql } = this.#parts
    const ring = await this.#ring()
    const [sealed, marks, broken] = await Promise.all([
      ring.seal(account, apiKey),
      ring.marks(account, apiKey),
      this.#broken(),
    ])
    return this.#parts.writeAs(caller, (now) => {
      const before = this.#stored()
      // What cannot be opened is put anew, whatever its mark says.
      const isSame = before !== null && before.sealed !== broken && marks.get(before.secret) === before.mark
      const change = { enabled: true, isSame, preview: previewOf(apiKey), former: before?.preview ?? null }
      const decision = ledger.run(this.#change(caller, change), now)
      if (!decision.ok) return refused(this.#parts.explain(decision.refusal, now))
      if (decision.replayed && before !== null) return { ok: true, replayed: true, byok: viewOf(before, true) }
      const stored = { ...sealed, preview: change.preview, since: now }
      put(sql, stored)
      return { ok: true, replayed: false, byok: viewOf(stored, true) }
    })
  }

  /** Nothing of it is left. Reviews that are held in its mode stay so (R17), and are told that there is none. */
  async remove(caller: Caller): Promise<Answer<{ byok: ByokView; replayed: boolean }>> {
    const { ledger, sql } = this.#parts
    return this.#parts.writeAs(caller, (now) => {
      const former = this.#stored()?.preview ?? null
      const change = this.#change(caller, { enabled: false, isSame: false, preview: null, former })
      const decision = ledger.run(change, now)
      if (!decision.ok) return refused(this.#parts.explain(decision.refusal, now))
      if (former !== null) sql.exec('DELETE FROM byok')
      return { ok: true, replayed: decision.replayed, byok: NONE }
    })
  }

  /** The key itself, for a held reservation. The entry that says so is on disk before the answer leaves. */
  async read(caller: Caller, id: string): Promise<Answer<{ apiKey: string }>> {
    const { ledger } = this.#parts
    const command = { op: 'read_byok', id, by: readerOf(caller) } as const
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      await this.renew()
      const stored = this.#stored()
      const opened = stored === null ? null : await this.#open(stored)
      const answer = await this.#parts.writeAs(caller, (now): Answer<{ apiKey: string | null }> => {
        // Replaced, removed or sealed anew while it was opened: what was opened is not what is there.
        if (this.#stored()?.sealed !== stored?.sealed) return { ok: true, apiKey: null }
        const isReadable = opened?.ok === true
        const decision = isReadable ? ledger.run(command, now) : ledger.ask(command, now)
        if (!decision.ok) return refused(this.#parts.explain(decision.refusal, now))
        return isReadable ? { ok: true, apiKey: opened.text } : UNREADABLE
      })
      if (!answer.ok) return answer
      if (answer.apiKey !== null) return { ok: true, apiKey: answer.apiKey }
    }
    return refused({ code: 'overloaded', retryAfterSeconds: 1 })
  }

  /**
   * Seals the key anew if an older secret sealed it. Secrets change by a deployment, which opens every object anew, and
   * this is done before anything is asked of it then; and again before a key is used, which costs nothing. Never throws.
   */
  async renew(): Promise<void> {
    const { account, sql } = this.#parts
    const stored = this.#stored()
    if (stored === null) return
    try {
      const ring = await this.#ring()
      if (ring.ageOf(stored.secret) === 'newest') return
      const opened = await this.#open(stored)
      if (!opened.ok) return this.#warn(stored, opened.why)
      const { secret, sealed, mark } = await ring.seal(account, opened.text)
      // Whoever has put another key, or removed this one, meanwhile is not undone.
      const renew = 'UPDATE byok SET secret = ?, sealed = ?, mark = ? WHERE sealed = ?'
      sql.exec(renew, secret, sealed, mark, stored.sealed)
    } catch (error) {
      console.error({ message: 'the own key was not sealed anew', account, error: describeError(error) })
    }
  }

  /** For the audit: names what differs, and says under which of the secrets the key is sealed. */
  async audit(differ: (difference: string) => void): Promise<'newest' | 'older' | 'unlisted' | null> {
    await this.renew()
    const stored = this.#stored()
    const isOn = this.#parts.ledger.book.byok
    if (stored === null) {
      if (isOn) differ('BYOK is on, but no key is stored')
      return null
    }
    if (!isOn) differ('a key is stored, but BYOK is off')
    const age = (await this.#ring()).ageOf(stored.secret)
    const opened = await this.#open(stored)
    const why = opened.ok || this.#stored()?.sealed !== stored.sealed ? null : opened.why
    if (why === 'unlisted_secret') {
      differ(`the account's own key is sealed under secret ${stored.secret}, which BYOK_SECRETS does not list`)
    }
    if (why === 'damaged') differ("the account's own key was changed, or sealed for another account: it does not open")
    return age
  }

  /** What is stored, if it cannot be opened. */
  async #broken(): Promise<string | null> {
    const stored = this.#stored()
    return stored === null || (await this.#open(stored)).ok ? null : stored.sealed
  }

  async #open(stored: Stored): Promise<Unsealed> {
    return (await this.#ring()).open(this.#parts.account, stored)
  }

  #ring(): Promise<KeyRing> {
    return KeyRing.of(this.#parts.secrets())
  }

  #stored(): Stored | null {
    const row = this.#parts.sql.exec<Row>('SELECT * FROM byok').toArray()[0]
    if (row === undefined) return null
    return {
      secret: text(row, 'secret'),
      sealed: text(row, 'sealed'),
      mark: text(row, 'mark'),
      preview: text(row, 'preview'),
      since: integer(row, 'since'),
    }
  }

  #change(caller: Caller, change: Omit<ChangeByok, 'op' | 'by'>): ChangeByok {
    return { op: 'change_byok', by: changerOf(caller), ...change }
  }

  /** The name of a secret is no secret. */
  #warn({ secret }: Stored, why: string): void {
    console.error({ message: 'the own key does not open', account: this.#parts.account, why, secret })
  }
}

function put(sql: SqlStorage, { secret, sealed, mark, preview, since }: Stored): void {
  sql.exec(
    'INSERT OR REPLACE INTO byok (id, secret, sealed, mark, preview, since) VALUES (1, ?, ?, ?, ?, ?)',
    ...[secret, sealed, mark, preview, since],
  )
}

/** `sk-ant-…wxyz`: all of a key that is ever shown. */
export function previewOf(apiKey: string): string {
  return `sk-ant-…${apiKey.slice(-SHOWN_LAST)}`
}

function viewOf({ preview, since }: Stored, usable: boolean): ByokView {
  return { enabled: true, preview, since, usable }
}

function changerOf(caller: Caller): string {
  if (caller.kind === 'service') return 'operator'
  return caller.kind === 'session' ? 'dashboard' : caller.id
}

/** Service keys are the deployment's, and which of them it was is not told to the object. */
function readerOf(caller: Caller): string {
  return caller.kind === 'account_key' ? caller.id : 'service'
}
