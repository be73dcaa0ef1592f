/** What must happen sometimes in a large run of whole lives, or it has shown less than it says. */
import type { Sometimes as Ledger } from '../../../test/core/ledger/sometimes.ts'
import { FAULT_NAMES } from '../wire.ts'
import { FAILPOINTS } from './failpoints.ts'

const EVENTS = [
  'answer: done',
  'answer: a replay',
  'answer: a conflict',
  'answer: a refusal',
  'answer: nobody is there',
  'client: its request is lost',
  'client: its answer is lost',
  'client: asks again',
  'client: sends twice at once',
  'client: another body under the same id',
  'client: an old request comes again',
  'client: a key of another account',
  'own key: answered',
  'own key: given to a runner',
  'own key: refused to a runner',
  'secrets: another in front',
  'secrets: an old one taken away',
  'waiter: served',
  'waiter: refused in the end',
  'batch: mixed answers',
  'rpc: lost on its way',
  'rpc: its answer is lost',
  'rpc: the object died under it',
  'rpc: held up',
  'object: killed at rest',
  'object: killed with holds open',
  'alarm: late',
  'alarm: lost',
  'alarm: doubled',
  'alarm: killed and run again',
  'clock: set back',
  'clock: set forward',
  'history: fails before',
  'history: fails after',
  'history: is slow',
  'history: is silent',
  'history: a read fails',
  'history: a read is slow',
  'history: set back in time',
  'customer: agreed',
  'customer: sees that the limit is reached',
  'attempt: charged, and the answer was never heard',
  'attempt: the last that the limit allows',
  'money: refunded by the operator',
  'money: refunded in the dashboard',
  'money: a refund failed',
  'money: disputed',
  'money: a dispute was won',
  'money: a dispute was lost',
  'post: delivered',
  'post: delivered twice',
  'post: out of order',
  'post: never delivered',
  'post: refused, and sent again',
  'post: came before the answer',
  'post: the scheduled repair ran',
  'outcome: paid',
  'outcome: declined',
] as const

/**
 * Of what the model counts, what whole lives must meet as well. Not among it is 'quote: replayed, though it is no longer
 * good', which takes a deployment without the secret that signed the quote (workerd/quotes), and 'byok: not read, removed',
 * which the object says of itself, without the ledger (workerd/byok).
 */
const OF_LEDGER = [
  'reserve: held',
  'reserve: with the last free millicredit',
  'quote: serves a reservation',
  'quote: expired',
  'quote: used',
  'quote: forged',
  'quote: mismatch',
  'quote: what is above it is absorbed',
  'quote: under byok',
  'reserve: replayed',
  'reserve: replayed after it closed',
  'reserve: deduplicated',
  'reserve: replayed under another name',
  'supersede: open',
  'supersede: closed',
  'supersede: unknown',
  'supersede: refused, the old hold stays',
  'settle: all of the hold',
  'settle: partial',
  'settle: nothing',
  'settle: replayed',
  'settle: beats expiry by 1 ms',
  'expiry: at its very instant',
  'expiry: charges what was accrued',
  'expiry: returns all',
  'overage: available takes free credits',
  'overage: available absorbs the rest',
  'overage: cap absorbs',
  'overage: debt takes free credits',
  'overage: debt owes',
  'overage: debt no longer allowed',
  'overage: above max_credits is absorbed',
  'late: settled',
  'late: below what expiry charged',
  'late: free credits do not suffice',
  'late: lost credits are absorbed',
  'late: above the hold',
  'late: replayed',
  'release: returns all',
  'release: replayed',
  'release: after expiry',
  'extend: later',
  'extend: raises the hold',
  'extend: lower accrued ignored',
  'grant: given',
  'grant: replayed',
  'grant: expires',
  'grant: adjusted away',
  'grant: voided',
  'grant: voided while held',
  'return: lost, its grant expired',
  'return: lost, its grant was voided',
  'return: pays debt',
  'debt: repaid by a grant',
  'byok: reserved',
  'byok: settled',
  'byok: settled late',
  'byok: settled after it was switched off',
  'byok: replayed',
  'byok: added',
  'byok: replaced',
  'byok: removed',
  'byok: removed while reviews are held',
  'byok: reserved without credits',
  'byok: expires',
  'byok: read',
  'byok: read under another name',
  'byok: not read, closed',
  'byok: not read, paid for in credits',
  'purchase: started',
  'purchase: replayed',
  'payment: paid after it was open',
  'payment: reported paid again',
  'payment: taken from its own grant',
  'payment: taken as debt',
  'payment: given back',
  'attempt: written',
  'attempt: paid',
  'top-up: agreed',
  'top-up: switched off',
  'top-up: off after a refund',
  'top-up: off after a dispute',
  'refused: insufficient_credits',
  'refused: conflict',
  'refused: reservation_settled',
  'refused: reservation_released',
  'refused: reservation_expired',
  'refused: not_found',
  'refused: forbidden',
] as const satisfies readonly Ledger[]

export type Sometimes =
  | (typeof EVENTS)[number]
  | `fault: ${(typeof FAULT_NAMES)[number]}`
  | `killed: ${(typeof FAILPOINTS)[number]}`
  | `ledger: ${(typeof OF_LEDGER)[number]}`

/** Its entry follows another one of the same commit, which has freed or given the credits, and is named by that. */
const UNREACHED = /commit of debt_repaid/

export const SOMETIMES: readonly Sometimes[] = [
  ...EVENTS,
  ...FAULT_NAMES.map((name) => `fault: ${name}` as const),
  ...OF_LEDGER.map((name) => `ledger: ${name}` as const),
  ...FAILPOINTS.filter((name) => !UNREACHED.test(name)).map((name) => `killed: ${name}` as const),
]

export type Counts = Readonly<Record<Sometimes, number>>

/** Counts what is listed here; the actors that are shared with the simulation of top-ups count more than that. */
export interface Count {
  count(name: string): void
}

const KNOWN: ReadonlySet<string> = new Set(SOMETIMES)

export class Counters implements Count {
  readonly counts = Object.fromEntries(SOMETIMES.map((name) => [name, 0])) as Record<Sometimes, number>

  count(name: string): void {
    if (KNOWN.has(name)) this.counts[name as Sometimes] += 1
  }

  countLedger(counts: Readonly<Record<Ledger, number>>): void {
    for (const name of OF_LEDGER) this.counts[`ledger: ${name}`] += counts[name]
  }

  add(counts: Counts): void {
    for (const name of SOMETIMES) this.counts[name] += counts[name]
  }

  missed(): Sometimes[] {
    return SOMETIMES.filter((name) => this.counts[name] === 0)
  }
}
