/**
 * The one door of the ledger: what was looked up, a command and the time in; what to write and what to answer, or a
 * refusal, out. Pure: the same arguments always give the same decision.
 */
import type { EpochMs } from './amounts.ts'
import { advanceAttempt, changeAutoTopUp, startAttempt } from './attempt.ts'
import { changeByok, readByok } from './byok.ts'
import type { Command, Decision, View } from './commands.ts'
import { expireGrant, expireReservation } from './due.ts'
import { extend } from './extend.ts'
import { giveGrant, voidGrant } from './give.ts'
import { openCheckout, reportPayment, startCheckout } from './payment.ts'
import { release } from './release.ts'
import { reserve } from './reserve.ts'
import { settle } from './settle.ts'

/** `now` is the object's own time (R18); for due work, the time at which it was due. */
export function decide(view: View, command: Command, now: EpochMs): Decision {
  switch (command.op) {
    case 'reserve':
      return reserve(view, command, now)
    case 'settle':
      return settle(view, command, now)
    case 'release':
      return release(view, command, now)
    case 'extend':
      return extend(view, command, now)
    case 'grant':
      return giveGrant(view, command, now)
    case 'void_grant':
      return voidGrant(view, command, now)
    case 'change_byok':
      return changeByok(view, command, now)
    case 'read_byok':
      return readByok(view, command, now)
    case 'start_checkout':
      return startCheckout(view, command, now)
    case 'open_checkout':
      return openCheckout(view, command, now)
    case 'report_payment':
      return reportPayment(view, command, now)
    case 'start_attempt':
      return startAttempt(view, command, now)
    case 'advance_attempt':
      return advanceAttempt(view, command, now)
    case 'change_auto_top_up':
      return changeAutoTopUp(view, command, now)
    case 'expire_reservation':
      return expireReservation(view, now)
    case 'expire_grant':
      return expireGrant(view, now)
  }
}
