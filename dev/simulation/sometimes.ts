/** What must happen sometimes in a full run, or it has shown less than it says. */
import { FAILPOINTS } from './failpoints.ts'
import { FAULT_NAMES } from './wire.ts'

const OUTCOMES = ['paid', 'declined', 'authentication_required', 'not_created', 'not_allowed'] as const
const STATES = [
  'off',
  'armed',
  'charging',
  'limit_reached',
  'suspended',
  'needs_card',
  'needs_agreement',
  'action_required',
] as const

const EVENTS = [
  'attempt: charged, and the answer was never heard',
  'attempt: charged after its confirmation had been given up',
  'attempt: charged while the object was dead',
  'attempt: charged within 5 minutes of the turn of a month',
  "attempt: charged in another month than the account's clock says",
  'attempt: waits for the first 5 minutes of a month',
  'attempt: confirmed more than once',
  'attempt: cancelled in the dashboard',
  'attempt: the last that the limit allows',
  'customer: limit lowered while an attempt is open',
  'customer: limit lowered below what is spent',
  'customer: limit raised where it was reached',
  'customer: pack changed while an attempt is open',
  'customer: switched off while an attempt is open',
  'customer: an old request to switch on comes again',
  'customer: pays the link of an attempt',
  'customer: agrees again after a suspension',
  'customer: deleted at Stripe',
  'card: swapped',
  'card: detached',
  'money: refunded by the operator',
  'money: refunded in the dashboard',
  'money: a refund failed',
  'money: disputed',
  'money: a dispute was won',
  'money: a dispute was lost',
  'money: taken back as debt',
  'post: delivered',
  'post: delivered twice',
  'post: out of order',
  'post: never delivered',
  'post: refused, and sent again',
  'post: came before the answer',
  'post: brought by the scheduled repair',
  'alarm: twice',
  'alarm: killed and run again',
  'history: fails',
  'object: killed at rest',
  "clock: Stripe's is ahead",
  "clock: Stripe's is behind",
] as const

export type Sometimes =
  | (typeof EVENTS)[number]
  | `fault: ${(typeof FAULT_NAMES)[number]}`
  | `outcome: ${(typeof OUTCOMES)[number]}`
  | `state: ${(typeof STATES)[number]}`
  | `killed: ${(typeof FAILPOINTS)[number]}`

export const SOMETIMES: readonly Sometimes[] = [
  ...EVENTS,
  ...FAULT_NAMES.map((name) => `fault: ${name}` as const),
  ...OUTCOMES.map((name) => `outcome: ${name}` as const),
  ...STATES.map((name) => `state: ${name}` as const),
  ...FAILPOINTS.map((name) => `killed: ${name}` as const),
]

export type Counts = Readonly<Record<Sometimes, number>>

export class Counters {
  readonly counts = Object.fromEntries(SOMETIMES.map((name) => [name, 0])) as Record<Sometimes, number>

  count(name: Sometimes): void {
    this.counts[name] += 1
  }

  add(counts: Counts): void {
    for (const name of SOMETIMES) this.counts[name] += counts[name]
  }

  missed(): Sometimes[] {
    return SOMETIMES.filter((name) => this.counts[name] === 0)
  }
}
