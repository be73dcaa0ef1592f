/**
 * The account's own key (R17), as far as the ledger knows of it: whether there is one, what customers see of it, and who
 * was given it for which review.
 */
import type { EpochMs } from './amounts.ts'
import type { ChangeByok, Decision, ReadByok, View } from './commands.ts'
import { accept, replay } from './decision.ts'
import { Draft } from './draft.ts'
import { refuse } from './refusals.ts'

/** Put the same key twice, or remove it twice, and nothing changes. Another key is an entry although the mode stays. */
export function changeByok(view: View, command: ChangeByok, now: EpochMs): Decision {
  const { enabled, isSame, preview, former, by } = command
  const wasEnabled = view.book.byok
  if (enabled === wasEnabled && (isSame || !enabled)) return replay(null)
  const draft = new Draft(view.book, now)
  draft.setByok(enabled)
  const change = !enabled ? 'removed' : wasEnabled ? 'replaced' : 'added'
  draft.write('byok_changed', { detail: { enabled, change, preview, former, by } })
  return accept(draft, {})
}

/**
 * A held reservation of that mode keeps it whatever became of the key (R17): it is given the key that is there now, if
 * there is one. Every reading is an entry, and nothing else of the account changes.
 */
export function readByok(view: View, command: ReadByok, now: EpochMs): Decision {
  const reservation = view.reservation
  if (reservation === null) return refuse({ code: 'not_found', what: 'reservation' })
  if (reservation.state !== 'held') return refuse({ code: `reservation_${reservation.state}`, reservation })
  if (reservation.mode !== 'byok') {
    return refuse({
      code: 'forbidden',
      why: "This review is paid for in credits, so it may not use the account's key.",
    })
  }
  if (!view.book.byok) return refuse({ code: 'not_found', what: 'byok_key' })
  const draft = new Draft(view.book, now)
  const { id, tier, metadata, mode } = reservation
  draft.write('byok_read', { reservation: id, tier, metadata, mode, detail: { by: command.by } })
  return accept(draft, { reservation, reservations: [] })
}
