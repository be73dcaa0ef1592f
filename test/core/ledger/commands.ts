/**
 * Commands to try the ledger with. A step says in words what to do (settle the newest reservation, 1 ms before it
 * expires, for one more than it holds); only in an account it becomes a command with ids, amounts and a time. So steps
 * keep their meaning when others before them are taken away, which is what shrinking does.
 */
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import type { Command, Extend, GiveGrant, Reserve } from '../../../src/ledger/commands.ts'
import { type GrantKind, TRIAL_GRANT } from '../../../src/ledger/grants.ts'
import type { OnExpiry, Overage, RequestFields, Reservation } from '../../../src/ledger/reservation.ts'
import type { Random } from './random.ts'
import type { Store } from './store.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const ACTS = [
  'wait',
  'reserve',
  'settle',
  'release',
  'extend',
  'grant',
  'void',
  'switch byok',
  'switch debt',
] as const

/** How far time goes on before the command: by so many milliseconds, or to a moment at which something changes. */
export const JUMPS = [
  0,
  1,
  SECOND,
  MINUTE - 1,
  MINUTE,
  10 * MINUTE,
  HOUR,
  DAY,
  8 * DAY,
  'just before the next due time',
  'to the next due time',
  'just after the next due time',
  'just before it expires',
  'to when it expires',
  'just before it is too late',
  'to when it is too late',
  'just before 60 s after it was made',
  'to 60 s after it was made',
] as const

export const SIZES = [
  1,
  0,
  2,
  7,
  1_000,
  14_370,
  62_500,
  1_000_000,
  'the hold - 1',
  'the hold',
  'the hold + 1',
  'the cap',
  'the cap + 1',
  'what has accrued - 1',
  'what has accrued',
  'what has accrued + 1',
  'half the free',
  'the free',
  'the free + 1',
  'the most there is',
] as const

/** What is sent when an id is used again. */
export const BODIES = ['as before', 'in another order', 'as before, derived anew', 'another'] as const
export const CAPS = ['twice', 'the amount', 'half', 'the most there is'] as const
export const TTLS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 24 * HOUR, 'to the very limit', '1 ms beyond the limit'] as const
export const LASTS = [null, 1, MINUTE, HOUR, 14 * DAY, 0] as const
export const KINDS = ['purchase', 'trial', 'promotional', 'adjustment', 'top_up'] as const
export const OVERAGES = ['available', 'cap', 'debt'] as const
export const ON_EXPIRY = ['release', 'settle_accrued'] as const
export const DEDUPE_KEYS = [null, 'a', 'b'] as const

/** Of ids this many of the newest are used again; the older ones would hardly still collide with anything. */
export const NEWEST = 6

export interface Step {
  readonly act: (typeof ACTS)[number]
  readonly jump: (typeof JUMPS)[number]
  /** 0 names a new id, 1 the newest one, 2 the one before it. */
  readonly slot: number
  /** Whether the slot counts only the reservations that are held. */
  readonly open: boolean
  /** The same for what is superseded; -1 is none, 0 an unknown id. */
  readonly other: number
  readonly size: (typeof SIZES)[number]
  readonly body: (typeof BODIES)[number]
  readonly cap: (typeof CAPS)[number]
  readonly ttl: (typeof TTLS)[number]
  readonly overage: Overage
  readonly onExpiry: OnExpiry
  readonly dedupeKey: string | null
  readonly accrued: (typeof SIZES)[number] | null
  readonly kind: GrantKind
  readonly lasts: (typeof LASTS)[number]
  readonly negative: boolean
}

const WEIGHTED_ACTS = weighted<Step['act']>({
  wait: 3,
  reserve: 34,
  settle: 20,
  release: 6,
  extend: 11,
  grant: 16,
  void: 3,
  'switch byok': 2,
  'switch debt': 5,
})

/** Mostly short ones: an account in which everything has expired shows little. */
const WEIGHTED_JUMPS: readonly Step['jump'][] = [
  ...repeated<Step['jump']>(150, [0]),
  ...repeated<Step['jump']>(12, [1, SECOND]),
  ...repeated<Step['jump']>(2, JUMPS.slice(JUMPS.indexOf('just before the next due time'))),
  ...JUMPS,
]

const WEIGHTED_LASTS: readonly Step['lasts'][] = [...repeated<Step['lasts']>(4, [null, HOUR, 14 * DAY]), ...LASTS]

/** The largest amount fills an account for good, so it comes rarely. */
const COMMON_SIZES: readonly Step['size'][] = [...SIZES.slice(0, -1), 'half the free', 'half the free']

export function randomStep(chance: Random): Step {
  const act = chance.pick(WEIGHTED_ACTS)
  const isNew = act === 'reserve' || act === 'grant' ? chance.below(100) < 75 : chance.below(100) < 2
  return {
    act,
    jump: chance.pick(WEIGHTED_JUMPS),
    slot: isNew ? 0 : 1 + Math.min(chance.below(NEWEST), chance.below(NEWEST)),
    open: chance.below(2) === 0,
    other: chance.below(5) === 0 ? chance.below(NEWEST) : -1,
    size: chance.below(2_000) === 0 ? 'the most there is' : chance.pick(COMMON_SIZES),
    body: chance.pick(BODIES),
    cap: chance.pick(CAPS),
    ttl: chance.pick(TTLS),
    overage: chance.pick(OVERAGES),
    onExpiry: chance.pick(ON_EXPIRY),
    dedupeKey: chance.below(2) === 0 ? null : chance.pick(DEDUPE_KEYS),
    accrued: chance.below(3) === 0 ? null : chance.pick(COMMON_SIZES),
    kind: chance.pick(KINDS),
    lasts: chance.pick(WEIGHTED_LASTS),
    negative: chance.below(4) === 0,
  }
}

/** Makes commands of steps for one account, and remembers what it sent under which id. */
export class Sender {
  readonly #store: Store
  readonly #reserves: Reserve[] = []
  readonly #grants: GiveGrant[] = []
  #ids = 0

  constructor(store: Store) {
    this.#store = store
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
        return this.#reserve(step)
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
        return { op: 'change_byok', enabled: step.negative }
      case 'wait':
      case 'switch debt':
        return null
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
    }
  }

  #nextDue(): number | null {
    let soonest = this.#store.soonestHeld()?.expiresAt ?? Number.POSITIVE_INFINITY
    for (const { free, expiresAt } of this.#store.book.grants) {
      if (free > 0 && expiresAt !== null && expiresAt < soonest) soonest = expiresAt
    }
    return soonest === Number.POSITIVE_INFINITY ? null : soonest
  }

  #reserve(step: Step): Reserve {
    const sent = nth(this.#reserves, step.slot)
    if (sent !== null) return again(sent, step)
    const amount = Math.max(1, this.#amount(step.size, null))
    const metadata = { repository: 'acme/api', pull_request: '118' }
    const supersedes = step.other < 0 ? null : step.other === 0 ? 'unknown' : this.#reservationId(step.other, step.open)
    const { overage, onExpiry, dedupeKey } = step
    const ttlMs = typeof step.ttl === 'number' ? step.ttl : 2 * MINUTE
    const specialists = ['security', 'quality']
    const request = { amount, overage, onExpiry, dedupeKey, supersedes, ttlMs, specialists, metadata, wait: undefined }
    const command: Reserve = {
      op: 'reserve',
      id: this.#newId('r'),
      request,
      amount,
      maxCredits: capFor(step.cap, amount),
      tier: null,
      ttlMs,
      overage,
      onExpiry,
      supersedes,
      dedupeKey,
      metadata,
    }
    this.#reserves.push(command)
    return command
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
      return { ...sent, amount: sent.amount + 1, maxCredits: sent.maxCredits + 2 }
    case 'another':
      return { ...sent, request: { ...request, ...otherField(step) } }
  }
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

function weighted<T extends string>(weights: Readonly<Record<T, number>>): readonly T[] {
  const entries = Object.entries(weights) as [T, number][]
  return entries.flatMap(([name, weight]) => repeated(weight, [name]))
}

function repeated<T>(times: number, of: readonly T[]): readonly T[] {
  return Array.from({ length: times }, () => of).flat()
}
