/**
 * What the account learned from its own settled reviews, and the estimates that follow from it. Learning is a job of the
 * alarm: it walks the entries behind the last one that it learned from, in batches. A batch and how far it went are one
 * transaction, so no review ever teaches twice or is passed over; and no command ever waits for it.
 */
import { type Accuracy, judged, NO_ACCURACY } from '../catalog/accuracy.ts'
import { calibrated, learn, NEW_TIER, NO_SUMS, type Sums, type TierExperience } from '../catalog/calibration.ts'
import type { Announced, Estimate, ReviewFacts } from '../catalog/estimates.ts'
import { TIER_IDS, type TierId } from '../catalog/tiers.ts'
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import { describeError } from './describe-error.ts'
import type { Job } from './jobs.ts'
import type { AccountLedger } from './ledger.ts'
import { letOthersIn } from './let-others-in.ts'
import { integer, type Row, text } from './rows.ts'

/** Pairs of a tier and a repository; beyond them the one that was learned from longest ago is forgotten. */
export const MAX_PAIRS = 256
/** Entries looked at in one turn: a few milliseconds, in which no command is served. */
export const ENTRIES_AT_ONCE = 500
/** No further batch is begun after this; the next alarm goes on. */
const WORK_MS = 5_000
/** What could not be learned for a reason that nobody foresaw is tried again so much later. */
const RETRY_MS = 60_000

interface Tier {
  readonly experience: TierExperience
  readonly accuracy: Accuracy
}

interface Learnt {
  readonly learnedTo: number
  readonly tiers: ReadonlyMap<TierId, Tier>
}

/** Of one tier in one repository. */
interface Pair {
  readonly tier: TierId
  readonly repository: string
  readonly sums: Sums
}

/** A settled review that had been announced by its facts. */
interface Lesson {
  readonly seq: number
  readonly tier: TierId
  readonly actual: Millicredits
  readonly announced: Announced
}

const NEW: Tier = { experience: NEW_TIER, accuracy: NO_ACCURACY }

export interface AccuracyReport {
  /** The number of the last entry that was learned from. */
  readonly learnedTo: number
  readonly tiers: readonly { readonly tier: TierId; readonly accuracy: Accuracy }[]
}

const SETTLED = `SELECT entries.seq, entries.actual, reservations.tier, reservations.announced
  FROM entries JOIN reservations ON reservations.id = entries.reservation
  WHERE entries.seq > ? AND entries.seq <= ? AND entries.kind = 'settle' AND reservations.announced IS NOT NULL
  ORDER BY entries.seq`
const PUT_PAIR = `INSERT INTO calibrations (tier, repository, sums, last_seq) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET sums = excluded.sums, last_seq = excluded.last_seq`

export class Learning implements Job {
  readonly #storage: DurableObjectStorage
  readonly #ledger: AccountLedger
  readonly #inTurn: (act: () => void) => void | Promise<void>
  #learnt: Learnt
  /** The least recently learned from first. Read when an estimate first needs it, not when the object is opened. */
  #pairs: ReadonlyMap<string, Pair> | null = null
  #retryAt: EpochMs = 0

  /** `inTurn` runs an act as a turn of the object, like what a request does. */
  constructor(storage: DurableObjectStorage, ledger: AccountLedger, inTurn: (act: () => void) => void | Promise<void>) {
    this.#storage = storage
    this.#ledger = ledger
    this.#inTurn = inTurn
    const row = storage.sql.exec<Row>('SELECT learned_to, tiers FROM learning').one()
    const stored = parsed(text(row, 'tiers')) as Partial<Record<TierId, unknown>> | null
    const tiers = TIER_IDS.flatMap((id): [TierId, Tier][] => {
      const tier = stored?.[id]
      return isLike(tier, NEW) ? [[id, tier]] : []
    })
    this.#learnt = { learnedTo: integer(row, 'learned_to'), tiers: new Map(tiers) }
  }

  /** What a review will probably cost this account. */
  estimate(facts: ReviewFacts): Estimate {
    const pair = facts.repository === null ? undefined : this.#loaded().get(keyOf(facts.tier, facts.repository))
    return calibrated(facts, this.#tier(facts.tier).experience, pair?.sums ?? NO_SUMS)
  }

  /** How well estimates did. */
  report(): AccuracyReport {
    return {
      learnedTo: this.#learnt.learnedTo,
      tiers: TIER_IDS.map((tier) => ({ tier, accuracy: this.#tier(tier).accuracy })),
    }
  }

  wakeAt(): EpochMs | null {
    return this.#learnt.learnedTo < this.#ledger.book.seq ? this.#retryAt : null
  }

  async run(): Promise<void> {
    const until = Date.now() + WORK_MS
    try {
      while (this.#learnt.learnedTo < this.#ledger.book.seq && Date.now() < until) {
        await this.#inTurn(() => this.#learnBatch())
        await letOthersIn()
      }
    } catch (error) {
      // Estimates stay as they are; nothing else depends on them.
      this.#retryAt = Date.now() + RETRY_MS
      console.error({ message: 'learning failed', error: describeError(error) })
    }
  }

  #learnBatch(): void {
    const { learnedTo } = this.#learnt
    const to = Math.min(learnedTo + ENTRIES_AT_ONCE, this.#ledger.book.seq)
    const before = this.#loaded()
    const tiers = new Map(this.#learnt.tiers)
    const pairs = new Map(before)
    const lastSeqs = new Map<string, number>()
    for (const lesson of this.#lessons(learnedTo, to)) {
      const key = take(lesson, tiers, pairs)
      if (key !== null) lastSeqs.set(key, lesson.seq)
    }
    const learnt = { learnedTo: to, tiers }
    this.#storage.transactionSync(() => this.#write(learnt, before, pairs, lastSeqs))
    this.#learnt = learnt
    this.#pairs = pairs
  }

  #lessons(after: number, to: number): Lesson[] {
    return this.#storage.sql
      .exec<Row>(SETTLED, after, to)
      .toArray()
      .map((row) => ({
        seq: integer(row, 'seq'),
        tier: text(row, 'tier') as TierId,
        actual: integer(row, 'actual'),
        announced: JSON.parse(text(row, 'announced')) as Announced,
      }))
  }

  #write(
    { learnedTo, tiers }: Learnt,
    before: ReadonlyMap<string, Pair>,
    pairs: ReadonlyMap<string, Pair>,
    lastSeqs: ReadonlyMap<string, number>,
  ): void {
    const { sql } = this.#storage
    for (const [key, { tier, repository }] of before) {
      if (!pairs.has(key)) sql.exec('DELETE FROM calibrations WHERE tier = ? AND repository = ?', tier, repository)
    }
    for (const [key, seq] of lastSeqs) {
      const pair = pairs.get(key)
      // One that was learned from and made room again, all in one batch, was never written.
      if (pair !== undefined) sql.exec(PUT_PAIR, pair.tier, pair.repository, JSON.stringify(pair.sums), seq)
    }
    sql.exec('UPDATE learning SET learned_to = ?, tiers = ?', learnedTo, JSON.stringify(Object.fromEntries(tiers)))
  }

  #tier(id: TierId): Tier {
    return this.#learnt.tiers.get(id) ?? NEW
  }

  #loaded(): ReadonlyMap<string, Pair> {
    this.#pairs ??= new Map(
      this.#storage.sql
        .exec<Row>('SELECT tier, repository, sums FROM calibrations ORDER BY last_seq')
        .toArray()
        .map((row) => {
          const sums = parsed(text(row, 'sums'))
          const pair = {
            tier: text(row, 'tier') as TierId,
            repository: text(row, 'repository'),
            sums: isLike(sums, NO_SUMS) ? sums : NO_SUMS,
          }
          return [keyOf(pair.tier, pair.repository), pair]
        }),
    )
    return this.#pairs
  }
}

/** `null` for what is no JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}

/**
 * Whether it has every number of the model, and each is one. What was learned is derived, and no review may fail of it:
 * what is damaged, or was written in another form by another release, is learned anew.
 */
function isLike<T>(value: unknown, model: T): value is T {
  if (typeof model === 'number') return Number.isFinite(value)
  if (typeof model !== 'object' || model === null || typeof value !== 'object' || value === null) return false
  return Object.entries(model).every(([key, part]) => isLike((value as Readonly<Record<string, unknown>>)[key], part))
}

/** Judges what was announced, then learns from it. Returns which pair learned. */
function take(lesson: Lesson, tiers: Map<TierId, Tier>, pairs: Map<string, Pair>): string | null {
  const { tier: id, actual, announced } = lesson
  const { repository, factor, plain, estimate } = announced
  const tier = tiers.get(id) ?? NEW
  const key = repository === null ? null : keyOf(id, repository)
  const known = key === null ? undefined : pairs.get(key)
  const learned = learn({ tier: id, factor, actual }, tier.experience, known?.sums ?? NO_SUMS)
  tiers.set(id, { experience: learned.tier, accuracy: judged(tier.accuracy, estimate, plain, actual) })
  if (key === null || repository === null) return null
  // A map keeps its order of insertion: taken out and put in again, the pair is the last to be forgotten.
  pairs.delete(key)
  pairs.set(key, { tier: id, repository, sums: learned.repository })
  const [oldest] = pairs.keys()
  if (pairs.size > MAX_PAIRS && oldest !== undefined) pairs.delete(oldest)
  return key
}

/** No tier has a space in its name. */
function keyOf(tier: TierId, repository: string): string {
  return `${tier} ${repository}`
}
