/** A reserve's answer as the real object gives it, field by field, so that no subject answers less than another. */
import type { LedgerAnswer } from '../../../src/account/requests.ts'
import type { EpochMs, Millicredits } from '../../../src/ledger/amounts.ts'
import type { Balance } from '../../../src/ledger/balance.ts'
import type { Reserve } from '../../../src/ledger/commands.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'

/** What a reference object knows of an account: one promotional grant and what is held of it. */
export interface Funds {
  readonly available: Millicredits
  readonly reserved: Millicredits
  readonly version: number
}

export function heldAnswer(command: Reserve, funds: Funds, createdAt: EpochMs): { readonly ok: true } & LedgerAnswer {
  const reservation = heldReservation(command, funds.version, createdAt)
  return { ok: true, replayed: false, reservation, grant: null, balance: balanceOfFunds(funds, createdAt) }
}

export function balanceOfFunds({ available, reserved, version }: Funds, asOf: EpochMs): Balance {
  return {
    available,
    reserved,
    debt: 0,
    trial: null,
    promotional: { available, reserved, nextExpiresAt: null },
    purchased: { available: 0, reserved: 0 },
    version,
    asOf,
  }
}

function heldReservation(command: Reserve, ordinal: number, createdAt: EpochMs): Reservation {
  const { op: _, amount, ...asked } = command
  return {
    ...asked,
    state: 'held',
    mode: 'credits',
    held: amount,
    parts: [{ grant: 'funds', held: amount, charged: 0, lost: 0 }],
    charged: null,
    returned: null,
    absorbed: null,
    actual: null,
    costUsd: null,
    accrued: 0,
    late: false,
    quote: null,
    createdAt,
    expiresAt: createdAt + command.ttlMs,
    closedAt: null,
    ordinal,
  }
}
