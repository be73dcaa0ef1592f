/**
 * Judges an answer: I14, its form; I13, that it speaks of no other account; and that it is one of those that the model
 * permits, which are known from what was decided for this very request.
 */
import { same } from '../../../test/core/ledger/same.ts'
import { Violation } from '../judge.ts'
import type { Call, Permitted } from './call.ts'
import { type Asked, nameIn } from './door.ts'
import type { ObjectHost } from './object-host.ts'
import type { Count } from './sometimes.ts'
import { previewOf } from '../../../src/account/byok.ts'
import { ownKeyOf } from './secrets.ts'
import { type Json, textOfBalance, textOfGrant, textOfReservation } from './texts.ts'
import { PROBLEMS } from './worker-parts.ts'

/** When a request was sent. */
interface Known {
  /** The last entry on disk. */
  readonly version: number
  /** In how many states the reservation that it names had been. */
  readonly states: number
  /** How often the own key had been another, and how often it had been given out. */
  readonly ownKeys: number
  readonly readings: number
}

export interface Answered {
  readonly asked: Asked
  readonly call: Call
  readonly response: Response
  readonly text: string
  readonly json: Json
  readonly host: ObjectHost | undefined
  readonly known: Known
  readonly others: readonly string[]
  readonly counters: Count
}

const WRITES = new Set(['reserve', 'settle', 'release', 'extend', 'giveGrant', 'voidGrant'])

export function judgeAnswer(answered: Answered): void {
  const { asked, call, json, counters } = answered
  try {
    judgeForm(answered)
    const code = json['code']
    if (code === 'overloaded') {
      if (!call.mayBeAway) throw new Violation('nobody is there, though nothing broke')
      counters.count('answer: nobody is there')
      return
    }
    if (asked.what === 'batch') judgeBatch(answered)
    else if (WRITES.has(asked.what)) judgeWrite(answered)
    else if (asked.what === 'getBalance') judgeBalance(answered, json)
    else if (asked.what === 'getReservation') judgeReservation(answered)
    else if (asked.what === 'readByokKey') judgeReading(answered)
    else if (asked.what.endsWith('Byok')) judgeOwnKey(answered)
    else if (asked.what === 'foreign') same('status of a foreign key', answered.response.status, 404)
  } catch (error) {
    const { method, path, body } = asked
    const why = error instanceof Error ? error.message : String(error)
    throw new Violation(`${method} ${path} ${JSON.stringify(body)}: ${why}; answered ${answered.text.slice(0, 1_500)}`)
  }
}

function judgeForm({ asked, response, text, json, others }: Answered): void {
  const { status, headers } = response
  const type = headers.get('content-type') ?? ''
  if (!headers.has('request-id')) throw new Violation('I14: it has no Request-Id')
  if (status >= 200 && status < 300) {
    if (!type.startsWith('application/json')) throw new Violation(`I14: a ${status} of ${type}`)
  } else {
    if (!type.startsWith('application/problem+json')) throw new Violation(`I14: a ${status} of ${type}`)
    const code = String(json['code'])
    if (PROBLEMS[code]?.status !== status) throw new Violation(`I14: a ${status} with the code ${code}`)
  }
  if (asked.account === null) return
  for (const other of others) {
    if (other !== asked.account && text.includes(other))
      throw new Violation(`I13: an answer to ${asked.account} names ${other}`)
  }
}

function judgeWrite(answered: Answered): void {
  const { asked, call, response, json, counters } = answered
  const permitted = call.permitted(0)
  const found = permitted.find((each) => isIt(each, response.status === 201, response.headers, json))
  if (found === undefined) throw new Violation(`permitted is ${JSON.stringify(permitted)}`)
  if (found.ok) judgeBalance(answered, json['balance'] as Json)
  if (found.ok) counters.count(found.replayed ? 'answer: a replay' : 'answer: done')
  else counters.count(found.code === 'conflict' ? 'answer: a conflict' : 'answer: a refusal')
  if (Number((asked.body as Json | undefined)?.['wait_seconds'] ?? 0) === 0 || permitted.length < 2) return
  counters.count(found.ok ? 'waiter: served' : 'waiter: refused in the end')
}

function isIt(each: Permitted, isMade: boolean, headers: Headers, json: Json): boolean {
  if (!each.ok) return each.code === json['code'] && hasFigures(each.figures, json)
  if (each.replayed !== headers.has('idempotent-replayed')) return false
  if (each.replayed && isMade) return false
  if (json['balance'] === undefined || textOfBalance(json['balance'] as Json) !== each.balance) return false
  const { reservation, grant } = json as { readonly reservation?: Json; readonly grant?: Json }
  return each.thing === (reservation ? textOfReservation(reservation) : grant ? textOfGrant(grant) : '')
}

function hasFigures(figures: Readonly<Record<string, unknown>>, json: Json): boolean {
  const { requested, available, debt, limit } = figures
  const isSame = (field: string, milli: unknown) =>
    milli === undefined || Math.round(Number(json[field]) * 1_000) === milli
  if (limit !== undefined && json['limit'] !== limit) return false
  return isSame('requested', requested) && isSame('available', available) && isSame('debt', debt)
}

/** Each by itself, in its place; all of them in one turn, so the balance is that after the last. */
function judgeBatch(answered: Answered): void {
  const { call, json, counters } = answered
  if (json['code'] !== undefined) throw new Violation('a batch is refused as a whole')
  const results = json['results'] as readonly Json[]
  const statuses = new Set<boolean>()
  for (const [number, { status, reservation, problem }] of results.entries()) {
    const permitted = call.permitted(number)
    statuses.add(Number(status) < 300)
    const found = permitted.some((each) =>
      each.ok
        ? reservation !== undefined &&
          each.thing === textOfReservation(reservation as Json) &&
          (status !== 201 || !each.replayed)
        : each.code === (problem as Json | undefined)?.['code'],
    )
    if (!found) throw new Violation(`command ${number} may be answered ${JSON.stringify(permitted)}`)
  }
  judgeBalance(answered, json['balance'] as Json)
  if (statuses.size === 2) counters.count('batch: mixed answers')
}

/** That of its version, and none from before the request was sent. */
function judgeBalance({ host, known, json }: Answered, balance: Json): void {
  if (json['code'] !== undefined) throw new Violation('a balance is refused')
  const version = Number(balance['version'])
  if (version < known.version)
    throw new Violation(`version ${version} is older than ${known.version}, which was on disk`)
  const then = host?.follower.balanceAt(version)
  same(`the balance at version ${version}`, textOfBalance(balance), then?.text)
  const asOf = Date.parse(String(balance['as_of']))
  if (then !== undefined && asOf >= then.dueAt)
    throw new Violation(`R7: at ${asOf} it leaves out what was due at ${then.dueAt}`)
}

/** As it was at some time since the request was sent. */
function judgeReservation({ asked, host, known, response, json }: Answered): void {
  const history = host?.follower.historyOf(nameIn(asked.path)).slice(Math.max(0, known.states - 1)) ?? []
  if (response.status === 404) {
    same('states of what is said not to be there', known.states, 0)
    return
  }
  const text = textOfReservation(json)
  if (!history.includes(text)) throw new Violation(`it never was so; it was ${history.join(', then ')}`)
}

/** As it was at some time since the request was sent; what was put is what is there then. */
function judgeOwnKey({ asked, host, known, response, json, counters }: Answered): void {
  same('status', response.status, 200)
  const { preview, enabled, usable } = json
  const history = host?.follower.ownKeys.slice(known.ownKeys - 1) ?? []
  if (!history.includes(preview as string | null)) throw new Violation(`it never was so; it was ${history.join()}`)
  same('whether there is one', enabled, preview !== null)
  // Old secrets stay listed until no key is sealed under them.
  same('whether it opens', usable, enabled)
  const { api_key: put } = (asked.body ?? {}) as { readonly api_key?: string }
  if (asked.method === 'PUT') same('the key that was put', preview, previewOf(String(put)))
  if (asked.method === 'DELETE') same('the key that was removed', preview, null)
  counters.count('own key: answered')
}

const MAY_REFUSE: ReadonlySet<unknown> = new Set([
  'not_found',
  'forbidden',
  'reservation_settled',
  'reservation_released',
  'reservation_expired',
])

/** A key that was there since it was asked for, and not before the entry that says so is on disk. */
function judgeReading({ asked, host, known, response, json, counters }: Answered): void {
  if (response.status !== 200) {
    if (!MAY_REFUSE.has(json['code'])) throw new Violation('a key is refused for no reason')
    counters.count('own key: refused to a runner')
    return
  }
  const history = host?.follower.ownKeys.slice(known.ownKeys - 1) ?? []
  const given = history.filter((shown) => shown !== null).map((shown) => ownKeyOf(asked.account ?? '', numberIn(shown)))
  if (!given.includes(String(json['api_key']))) throw new Violation(`that key was not there; there was ${given.join()}`)
  const readings = host?.follower.model.byokReadings ?? 0
  if (readings <= known.readings) throw new Violation('a key is given out, and no entry says so')
  counters.count('own key: given to a runner')
}

function numberIn(preview: string): number {
  return Number(preview.slice(-4))
}
