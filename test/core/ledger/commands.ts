/** Makes commands of steps for one account, and remembers what it sent under which id. */
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import type { Command, Extend, GiveGrant, Reserve } from '../../../src/ledger/commands.ts'
import { TRIAL_GRANT } from '../../../src/ledger/grants.ts'
import type { QuoteFound } from '../../../src/ledger/quote.ts'
import type { RequestFields, Reservation } from '../../../src/ledger/reservation.ts'
import type { Payer } from './payment-commands.ts'
import type { Step } from './steps.ts'
import type { Store } from './store.ts'

// The simulation in workerd takes its steps from here.
export { randomStep } from './steps.ts'

/** Two keys that look the same in their previews, and a third. */
const OWN_KEYS = ['aaaa', 'bbbb', 'cccc'].map(
  (start, at) => `sk-ant-api03-${start}${'0'.repeat(16)}${at < 2 ? 'wxyz' : 'last'}`,
)

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

type Good = Extract<QuoteFound, { verdict: 'good' }>

export class Sender {
  readonly #store: Store
  readonly #reserves: Reserve[] = []
  readonly #grants: GiveGrant[] = []
  /** Quotes as they were given, with what each holds. */
  readonly #quotes: { readonly found: Good; readonly reserve: number }[] = []
  readonly #payer: Payer | null
  #ids = 0
  #ownKey: string | null = null

  /** Without a payer, steps about payments send nothing. */
  constructor(store: Store, payer: Payer | null = null) {
    this.#store = store
    this.#payer = payer
  }

  /** When the step happens. */
  time(step: Step, now: number): number {
    return Math.max(now, this.#moment(step, now) ?? now)
  }

  /** `null` for a step that sends nothing. */
  command(step: Step, now: number): Command | null {
    const id = this.#reservationId(step.slot, step.open)
    switch (step.act) {
      case 'reserve':
        return this.#reserve(step, now)
      case 'settle':
        return { op: 'settle', id, actual: this.#amount(step.size, this.#store.reservation(id)), costUsd: '0' }
      case 'release':
        return { op: 'release', id, reason: step.negative ? 'the pull request was closed' : null }
      case 'extend':
        return this.#extend(step, id, now)
      case 'grant':
        return this.#grant(step, now)
      case 'void':
        return {
          op: 'void_grant',
          id: step.kind === 'trial' ? TRIAL_GRANT : (nth(this.#grants, step.slot)?.id ?? 'none'),
        }
      case 'switch byok':
        return this.#changeByok(step)
      case 'read byok':
        return { op: 'read_byok', id, by: 'service' }
      case 'wait':
      case 'switch debt':
        return null
      default:
        return this.#payer?.command(step, this.#amount(step.size, null), now) ?? null
    }
  }

  #moment(step: Step, now: number): number | null {
    const { jump } = step
    if (typeof jump === 'number') return now + jump
    const named = this.#store.reservation(this.#reservationId(step.slot, step.open))
    switch (jump) {
      case 'just before the next due time':
        return (this.#nextDue() ?? now) - 1
      case 'to the next due time':
        return this.#nextDue()
      case 'just after the next due time':
        return (this.#nextDue() ?? now) + 1
      case 'just before it expires':
        return named && named.expiresAt - 1
      case 'to when it expires':
        return named?.expiresAt ?? null
      case 'just before it is too late':
        return named && named.expiresAt + 7 * DAY - 1
      case 'to when it is too late':
        return named && named.expiresAt + 7 * DAY
      case 'just before 60 s after it was made':
        return named && named.createdAt + MINUTE - 1
      case 'to 60 s after it was made':
        return named && named.createdAt + MINUTE
      default:
        return this.#payer?.moment(jump, now) ?? null
    }
  }

  #nextDue(): number | null {
    let soonest = this.#store.soonestHeld()?.expiresAt ?? Number.POSITIVE_INFINITY
    for (const { free, expiresAt } of this.#store.book.grants) {
      if (free > 0 && expiresAt !== null && expiresAt < soonest) soonest = expiresAt
    }
    return soonest === Number.POSITIVE_INFINITY ? null : soonest
  }

  #reserve(step: Step, now: number): Reserve {
    const sent = nth(this.#reserves, step.slot)
    if (sent !== null) return again(sent, step)
    const quoted = this.#quote(step, Math.max(1, this.#amount(step.size, null)), now)
    const { quote, reserve } = quoted
    const maxCredits = capFor(step.cap, reserve)
    const amount = quote === null ? reserve : Math.min(reserve, maxCredits)
    const metadata = { repository: 'acme/api', pull_request: '118' }
    const supersedes = step.other < 0 ? null : step.other === 0 ? 'unknown' : this.#reservationId(step.other, step.open)
    const { overage, onExpiry, dedupeKey } = step
    const ttlMs = typeof step.ttl === 'number' ? step.ttl : 2 * MINUTE
    const specialists = ['security', 'quality']
    const request = {
      amount,
      quote: keyOf(quote),
      overage,
      onExpiry,
      dedupeKey,
      supersedes,
      ttlMs,
      specialists,
      metadata,
      wait: undefined,
    }
    const command: Reserve = {
      op: 'reserve',
      id: this.#newId('r'),
      request,
      amount,
      maxCredits,
      tier: quote === null ? null : 'code_review',
      ttlMs,
      overage,
      onExpiry,
      supersedes,
      dedupeKey,
      quote,
      metadata,
      announced: null,
    }
    this.#reserves.push(command)
    return command
  }

  #quote(step: Step, amount: number, now: number): { readonly quote: Reserve['quote']; readonly reserve: number } {
    if (step.quote === null) return { quote: null, reserve: amount }
    if (step.quote === 'forged') return { quote: { verdict: 'forged' }, reserve: amount }
    if (step.quote === 'of another account') return { quote: { verdict: 'mismatch' }, reserve: amount }
    const sent = step.quote === 'one sent before' ? nth(this.#quotes, Math.max(1, step.other)) : null
    if (sent !== null) return { quote: sent.found, reserve: sent.reserve }
    const maxCredits = Math.min(MAX_MILLICREDITS, 2 * amount)
    const found: Good = { verdict: 'good', key: this.#newId('q'), maxCredits, expiresAt: now + (step.lasts ?? DAY) }
    this.#quotes.push({ found, reserve: amount })
    return { quote: found, reserve: amount }
  }

  #extend(step: Step, id: string, now: number): Extend {
    const named = this.#store.reservation(id)
    const limit = named === null ? MINUTE : named.createdAt + DAY - now
    const ttls = { 'to the very limit': limit, '1 ms beyond the limit': limit + 1 }
    return {
      op: 'extend',
      id,
      ttlMs: step.negative ? null : typeof step.ttl === 'number' ? step.ttl : Math.max(1, ttls[step.ttl]),
      credits: step.body === 'another' || step.size === 0 ? null : this.#raised(step, named),
      accrued: step.accrued === null ? null : this.#amount(step.accrued, named),
    }
  }

  /** A raise to all that the account has is as interesting as one to the cap. */
  #raised(step: Step, named: Reservation | null): number {
    const amount = this.#amount(step.size, named)
    return typeof step.size === 'string' && step.size.includes('free') ? amount + (named?.held ?? 0) : amount
  }

  #grant(step: Step, now: number): GiveGrant {
    const sent =
      step.kind === 'trial' ? this.#grants.find((each) => each.kind === 'trial') : nth(this.#grants, step.slot)
    if (sent) return step.body === 'another' ? anotherGrant(sent, step) : sent
    const amount = Math.max(1, this.#amount(step.size, null))
    const isNegative = step.kind === 'adjustment' && step.negative
    const lasts = step.kind === 'trial' ? 14 * DAY : step.lasts
    const command: GiveGrant = {
      op: 'grant',
      id: step.kind === 'trial' ? TRIAL_GRANT : this.#newId('g'),
      kind: step.kind,
      credits: isNegative ? -amount : amount,
      expiresAt: lasts === null || isNegative ? null : now + lasts,
      reason: step.negative ? 'an apology' : null,
    }
    this.#grants.push(command)
    return command
  }

  /** As the shell asks: it knows which key is there, and so whether the one that is put is the same. */
  #changeByok(step: Step): Command {
    const key = step.negative ? (OWN_KEYS[step.slot % OWN_KEYS.length] ?? null) : null
    const before = this.#ownKey
    this.#ownKey = key
    const change = { enabled: key !== null, isSame: key !== null && key === before, by: 'operator' }
    return { op: 'change_byok', ...change, preview: key && previewOf(key), former: before && previewOf(before) }
  }

  /** The key that is put last, for whoever sends the commands on. */
  get ownKey(): string | null {
    return this.#ownKey
  }

  #amount(size: Step['size'], named: Reservation | null): number {
    if (typeof size === 'number') return size
    const { available } = this.#store.book
    const [held, cap, accrued] = [named?.held ?? 3, named?.maxCredits ?? 5, named?.accrued ?? 2]
    const amounts: Readonly<Record<Exclude<Step['size'], number>, number>> = {
      'the hold - 1': held - 1,
      'the hold': held,
      'the hold + 1': held + 1,
      'the cap': cap,
      'the cap + 1': cap + 1,
      'what has accrued - 1': accrued - 1,
      'what has accrued': accrued,
      'what has accrued + 1': accrued + 1,
      'half the free': Math.ceil(available / 2),
      'the free': available,
      'the free + 1': available + 1,
      'the most there is': MAX_MILLICREDITS,
    }
    return Math.min(MAX_MILLICREDITS, Math.max(0, amounts[size]))
  }

  #reservationId(slot: number, onlyOpen: boolean): string {
    if (slot <= 0) return 'unknown'
    const open = onlyOpen ? this.#nthMade(slot, (made) => made.state === 'held') : null
    return open ?? this.#nthMade(slot, () => true) ?? 'unknown'
  }

  /** Refused reserves are passed over: nothing but `not_found` could come of them. */
  #nthMade(slot: number, counts: (made: Reservation) => boolean): string | null {
    let left = slot
    let last: string | null = null
    for (let at = this.#reserves.length - 1; at >= 0 && left > 0; at -= 1) {
      const id = this.#reserves[at]?.id ?? ''
      const made = this.#store.reservation(id)
      if (made === null || !counts(made)) continue
      last = id
      left -= 1
    }
    return last
  }

  #newId(prefix: string): string {
    this.#ids += 1
    return `${prefix}${this.#ids}`
  }
}

function keyOf(quote: Reserve['quote']): string | null {
  return quote === null ? null : quote.verdict === 'good' ? quote.key : quote.verdict
}

/** All that anybody is shown of a key. */
function previewOf(key: string): string {
  return `sk-ant-…${key.slice(-4)}`
}

/** The n-th newest, or the oldest if there are not that many; `null` for 0. */
function nth<T>(sent: readonly T[], slot: number): T | null {
  return slot === 0 ? null : (sent.at(-Math.min(slot, sent.length)) ?? null)
}

function again(sent: Reserve, step: Step): Reserve {
  const { request } = sent
  switch (step.body) {
    case 'as before':
      return sent
    case 'in another order':
      return { ...sent, request: reordered(request) }
    case 'as before, derived anew':
      return { ...sent, amount: sent.amount + 1, maxCredits: sent.maxCredits + 2, quote: unknownSince(sent.quote) }
    case 'another':
      return { ...sent, request: { ...request, ...otherField(step) } }
  }
}

/** The secret that signed it was taken away since. */
function unknownSince(quote: Reserve['quote']): Reserve['quote'] {
  return quote === null ? null : { verdict: 'forged' }
}

function reordered(request: RequestFields): RequestFields {
  const metadata = { pull_request: '118', repository: 'acme/api' }
  const { wait: _omitted, ...fields } = request
  return { metadata, ...fields, specialists: ['quality', 'security'] }
}

function otherField(step: Step): RequestFields {
  switch (step.overage) {
    case 'available':
      return { amount: 123_456 }
    case 'cap':
      return { metadata: { repository: 'acme/api', pull_request: '119' } }
    case 'debt':
      return { specialists: ['security'] }
  }
}

function anotherGrant(sent: GiveGrant, step: Step): GiveGrant {
  switch (step.overage) {
    case 'available':
      return { ...sent, credits: sent.credits + 1 }
    case 'cap':
      return { ...sent, expiresAt: (sent.expiresAt ?? 0) + 1 }
    case 'debt':
      return step.negative
        ? { ...sent, reason: 'another' }
        : { ...sent, kind: 'promotional', credits: sent.credits + 1 }
  }
}

function capFor(cap: Step['cap'], amount: number): number {
  switch (cap) {
    case 'twice':
      return Math.min(MAX_MILLICREDITS, 2 * amount)
    case 'the amount':
      return amount
    case 'half':
      return Math.ceil(amount / 2)
    case 'the most there is':
      return MAX_MILLICREDITS
  }
}
