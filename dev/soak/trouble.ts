/** What goes wrong now and then while a system is soaked: D1 that cannot write, and Stripe that fails or says nothing. */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../test/core/ledger/random.ts'
import { d1File } from '../local-d1.ts'

const LONGEST_OUTAGE_MS = 6_000
const LONGEST_QUIET_MS = 15_000
const STRIPE_ANSWERS = [500, 429, 'lost'] as const

export interface Troubles {
  d1: number
  stripe: number
}

/** Goes on until it is over; ends with everything well again. */
export async function makeTrouble(
  { stateDir, stripeUrl, chance }: { stateDir: string; stripeUrl: string; chance: Random },
  isOver: () => boolean,
): Promise<Troubles> {
  const troubles = { d1: 0, stripe: 0 }
  while (!isOver()) {
    await pause(1_000 + chance.below(LONGEST_QUIET_MS))
    if (isOver()) break
    if (chance.below(2) === 0) {
      await orderFault(stripeUrl, { route: '*', times: 1 + chance.below(5), answer: chance.pick(STRIPE_ANSWERS) })
      troubles.stripe += 1
    } else {
      await lockD1(stateDir, 1_000 + chance.below(LONGEST_OUTAGE_MS))
      troubles.d1 += 1
    }
  }
  await fetch(`${stripeUrl}/_control/faults`, { method: 'DELETE' })
  return troubles
}

/** Whoever holds SQLite's write lock keeps all others from writing: D1 then fails, and nothing in the Worker knows why. */
async function lockD1(stateDir: string, forMs: number): Promise<void> {
  const database = new DatabaseSync(d1File(stateDir), { timeout: 5_000 })
  try {
    database.exec('BEGIN IMMEDIATE')
    await pause(forMs)
    database.exec('ROLLBACK')
  } finally {
    database.close()
  }
}

async function orderFault(stripeUrl: string, fault: object): Promise<void> {
  await fetch(`${stripeUrl}/_control/faults`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(fault),
  })
}
