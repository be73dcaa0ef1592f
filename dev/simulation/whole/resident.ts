/** One account of a simulated deployment, with all that its actors remember of it. */
import type { Judge } from '../judge.ts'
import type { Asked } from './door.ts'
import type { ObjectHost } from './object-host.ts'

export interface Resident {
  readonly id: string
  readonly host: ObjectHost
  /** Of what Stripe charges to it (I12). */
  readonly judge: Judge
  /** Keys of its own. */
  readonly keys: { runner: string; billing: string }
  /** All reservations that were ever asked for, the newest last. */
  readonly reviews: string[]
  readonly grants: string[]
  readonly quotes: string[]
  /** What was sent, to be sent once more. */
  readonly letters: Asked[]
  /** Ids that were given out. */
  ids: number
}

export function newId(resident: Resident, prefix: string): string {
  resident.ids += 1
  return `${resident.id}-${prefix}${resident.ids}`
}
