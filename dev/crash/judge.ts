/**
 * Judges what a system that was killed shows afterwards against what its clients sent and were answered. Pure: it is
 * itself tested with systems that forget, repeat, and tell halves.
 */
import type { Reply } from './api.ts'
import { ABSENT, describe, type Effect, sameThing, type Thing } from './command.ts'
import { type History, isAnswered, type Sent } from './history.ts'

/** As `GET …/entries` shows it, with what is needed here. */
export interface SeenEntry {
  readonly seq: number
  readonly kind: string
  readonly available_delta: number
  readonly reserved_delta: number
  readonly available: number
  readonly reserved: number
  readonly reservation: string | null
  readonly grants: readonly { readonly id: string }[]
}

export interface SeenAccount {
  /** By id; what is not there is missing. */
  readonly things: ReadonlyMap<string, Thing>
  /** All, oldest first. */
  readonly entries: readonly SeenEntry[]
  readonly balance: { readonly available: number; readonly reserved: number; readonly version: number }
  /** What stands in the ledger beside the clients' commands: by Stripe's books, what was paid; each once. */
  readonly paid: readonly Effect[]
}

/** Right after the restart, before anybody asks anything again: acknowledged is there, unanswered wholly or not at all. */
export function judgeAtRestart(history: History, things: ReadonlyMap<string, Thing>, ids: readonly string[]): string[] {
  return ids.flatMap((id) => {
    const seen = things.get(id) ?? ABSENT
    const permitted = history.permitted(id)
    if (permitted.some((thing) => sameThing(thing, seen))) return []
    return [`${id} is ${describe(seen)}, but after what was acknowledged it is ${permitted.map(describe).join(' or ')}`]
  })
}

/** After all that was in doubt was asked again by its id. */
export function judgeAtRest(history: History, seen: SeenAccount): string[] {
  return [...history.all.flatMap(judgeReplies), ...judgeThings(history, seen), ...judgeEntries(history, seen)]
}

/** A command is done at most once, and every answer to it tells of the same thing. */
function judgeReplies(sent: Sent): string[] {
  const { command, replies } = sent
  const name = `${command.op} ${command.id} of client ${sent.client}`
  if (!isAnswered(sent)) return [`${name} has no answer`]
  const answered = replies.filter((reply): reply is Reply => reply !== null)
  const violations = answered
    .filter(({ status }) => status >= 300)
    .map(({ status, text }) => `${name} was answered ${status} ${text}`)
  const fresh = answered.filter(({ isFresh }) => isFresh === true).length
  if (fresh > 1) violations.push(`${name} was done ${fresh} times, by its answers`)
  return violations
}

function judgeThings(history: History, seen: SeenAccount): string[] {
  return history.ids.flatMap((id) => {
    const [expected, found] = [history.now(id), seen.things.get(id) ?? ABSENT]
    return sameThing(expected, found) ? [] : [`${id} is ${describe(found)}, and should be ${describe(expected)}`]
  })
}

function judgeEntries(history: History, { entries, balance, paid }: SeenAccount): string[] {
  const violations: string[] = []
  let [seq, available, reserved] = [0, 0, 0]
  for (const entry of entries) {
    seq += 1
    available = round(available + entry.available_delta)
    reserved = round(reserved + entry.reserved_delta)
    if (entry.seq !== seq) return [`entry ${seq} is missing, or there twice: ${entry.seq} stands there`]
    if (entry.available !== available || entry.reserved !== reserved) {
      violations.push(
        `entry ${seq} says ${entry.available} and ${entry.reserved}, its fold ${available} and ${reserved}`,
      )
    }
  }
  const { version } = balance
  if (version !== seq || balance.available !== available || balance.reserved !== reserved) {
    violations.push(`the balance is ${JSON.stringify(balance)}, its ${seq} entries say ${available} and ${reserved}`)
  }
  return [...violations, ...compareEffects([...history.effects(), ...paid], entries)]
}

/** As bags: what must be there is there as often as it must, and nothing else is. */
function compareEffects(effects: readonly Effect[], entries: readonly SeenEntry[]): string[] {
  const balance = new Map<string, number>()
  const count = (key: string, by: number) => balance.set(key, (balance.get(key) ?? 0) + by)
  for (const { kind, id, available, reserved } of effects) count(keyOf(kind, id, round(available), round(reserved)), 1)
  for (const entry of entries) {
    const { kind, reservation, available_delta, reserved_delta } = entry
    count(keyOf(kind, reservation ?? entry.grants[0]?.id ?? '', available_delta, reserved_delta), -1)
  }
  return [...balance].flatMap(([key, lacking]) => {
    if (lacking === 0) return []
    return [
      lacking > 0
        ? `the ledger lacks ${lacking} of: ${key}`
        : `the ledger has ${-lacking} that nobody asked for: ${key}`,
    ]
  })
}

function keyOf(kind: string, id: string, available: number, reserved: number): string {
  return `${kind} ${id}, available ${available}, reserved ${reserved}`
}

/** Credits have three decimals, and their sums as JSON numbers have more. */
function round(credits: number): number {
  const rounded = Math.round(credits * 1_000) / 1_000
  return rounded === 0 ? 0 : rounded
}
