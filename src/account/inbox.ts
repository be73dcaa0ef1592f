/**
 * What Stripe has to be asked about, by topic. A webhook is one row here before it is answered; asking Stripe once
 * answers everything that came before the asking, so a topic is one row however many events speak of it.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import { integer, optionalText, type Row, text } from './rows.ts'

/** Looked at by one purchase's id, or the account's kept card. */
export type Topic = `purchase:${string}` | 'cards'

export interface Asked {
  readonly topic: Topic
  /** How often it has been asked for: more than when the work began means that it has to be done again. */
  readonly asked: number
  readonly failures: number
}

/** For whoever looks into why something has not come yet. */
export interface Waiting {
  readonly failures: number
  readonly dueAt: EpochMs
  /** The event that last asked for it. */
  readonly event: string | null
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 10 * 60_000

const ASK = `INSERT INTO inbox (topic, event, payment, asked, failures, due_at) VALUES (?, ?, ?, 1, 0, ?)
  ON CONFLICT (topic) DO UPDATE SET asked = asked + 1, failures = 0, due_at = excluded.due_at,
    event = ifnull(excluded.event, event), payment = ifnull(excluded.payment, payment)`
const LOOK_AT = `INSERT INTO inbox (topic, asked, failures, due_at) VALUES (?, 1, 0, ?)
  ON CONFLICT (topic) DO UPDATE SET due_at = min(due_at, excluded.due_at)`

export class Inbox {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** At once, because something has happened. */
  ask(
    topic: Topic,
    now: EpochMs,
    about: { readonly event: string; readonly payment: string | null } | null = null,
  ): void {
    this.#sql.exec(ASK, topic, about?.event ?? null, about?.payment ?? null, now)
  }

  /** What was asked for and could not be answered yet can be now. */
  hurry(topic: Topic, now: EpochMs): void {
    this.#sql.exec('UPDATE inbox SET due_at = min(due_at, ?) WHERE topic = ? AND event IS NOT NULL', now, topic)
  }

  /** At the latest then, whether or not anything is heard until then. */
  lookAt(topic: Topic, at: EpochMs): void {
    this.#sql.exec(LOOK_AT, topic, at)
  }

  due(now: EpochMs, limit: number): Asked[] {
    return this.#sql
      .exec<Row>('SELECT * FROM inbox WHERE due_at <= ? ORDER BY due_at LIMIT ?', now, limit)
      .toArray()
      .map((row) => ({
        topic: text(row, 'topic') as Topic,
        asked: integer(row, 'asked'),
        failures: integer(row, 'failures'),
      }))
  }

  /** How it stands with a topic; `null` if there is nothing to ask. */
  get(topic: Topic): Waiting | null {
    const row = this.#sql.exec<Row>('SELECT failures, due_at, event FROM inbox WHERE topic = ?', topic).toArray()[0]
    if (row === undefined) return null
    return { failures: integer(row, 'failures'), dueAt: integer(row, 'due_at'), event: optionalText(row, 'event') }
  }

  nextAt(): EpochMs | null {
    const row = this.#sql.exec<Row>('SELECT due_at FROM inbox ORDER BY due_at LIMIT 1').toArray()[0]
    return row === undefined ? null : integer(row, 'due_at')
  }

  /** It was done; what was asked for meanwhile stays. */
  done({ topic, asked }: Asked, lookAgainAt: EpochMs | null): void {
    if (lookAgainAt === null) this.#sql.exec('DELETE FROM inbox WHERE topic = ? AND asked = ?', topic, asked)
    else this.#put({ topic, asked }, 0, lookAgainAt)
  }

  /** Stripe could not be asked: again after a growing pause. */
  failed({ topic, asked, failures }: Asked, now: EpochMs): void {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 16))
    // Jitter, because a Stripe that was down is asked by all accounts at the same moment otherwise.
    this.#put({ topic, asked }, failures + 1, now + Math.round(pause * (0.5 + Math.random() / 2)))
  }

  #put({ topic, asked }: Pick<Asked, 'topic' | 'asked'>, failures: number, dueAt: EpochMs): void {
    const put = 'UPDATE inbox SET failures = ?, due_at = ? WHERE topic = ? AND asked = ?'
    this.#sql.exec(put, failures, dueAt, topic, asked)
  }
}
