/** Reserve: hold credits for one review (R3, R5), in place of another hold if it supersedes one. */

import type { EpochMs } from './amounts.ts'
import type { Book } from './book.ts'
import type { Decision, Reserve, View } from './commands.ts'
import { accept, replay } from './decision.ts'
import { Draft } from './draft.ts'
import { DEDUPE_WINDOW_MS, MAX_OPEN_RESERVATIONS } from './limits.ts'
import { checkQuote, checkQuoteIsOpen } from './quote.ts'
import { refuse } from './refusals.ts'
import { releaseHold } from './release.ts'
import { firstDifference, type RequestFields, type Reservation } from './reservation.ts'

export function reserve(view: View, command: Reserve, now: EpochMs): Decision {
  const known = view.reservation
  if (known !== null) return answerKnown(known, view.aliasRequest ?? known.request, command)
  const wrong = checkQuote(command)
  if (wrong !== null) return wrong
  const twin = view.deduplicated
  if (twin !== null && isTwin(twin, now)) {
    const alias = { id: command.id, reservation: twin.id, request: command.request }
    const change = { book: view.book, entries: [], reservations: [], grants: [], alias, purchases: [] }
    return { ok: true, replayed: true, reservation: twin, grant: null, purchase: null, change }
  }
  const closed = checkQuoteIsOpen(view, command, now)
  if (closed !== null) return closed
  const draft = new Draft(view.book, now, view.retired)
  const released =
    view.superseded?.state === 'held' ? releaseHold(draft, view.superseded, `superseded by ${command.id}`) : null
  const refused = check(view.book, draft, command)
  if (refused !== null) return refused
  const made = open(draft, command, view.book)
  return accept(draft, { reservation: made, reservations: released === null ? [made] : [released, made] })
}

function answerKnown(known: Reservation, first: RequestFields, command: Reserve): Decision {
  const field = firstDifference(first, command.request)
  return field === null ? replay(known) : refuse({ code: 'conflict', field, reservation: known })
}

/** Whether a reservation with the same dedupe key is recent enough to be the same review. */
function isTwin(twin: Reservation, now: EpochMs): boolean {
  return twin.state !== 'released' && now - twin.createdAt < DEDUPE_WINDOW_MS
}

function check(book: Book, draft: Draft, command: Reserve): Decision | null {
  if (command.overage === 'debt' && !book.allowDebt) {
    return refuse({ code: 'forbidden', why: 'This account may not go into debt.' })
  }
  if (draft.open >= MAX_OPEN_RESERVATIONS) {
    return refuse({ code: 'limit_exceeded', limit: 'open_reservations', maximum: MAX_OPEN_RESERVATIONS })
  }
  if (!book.byok && draft.available < command.amount) {
    // The balance as it is, without the superseded hold: that one stays, so its credits are not free.
    const { available, debt } = book
    const shortfall = command.amount - draft.available
    return refuse({ code: 'insufficient_credits', requested: command.amount, available, shortfall, debt })
  }
  return null
}

function open(draft: Draft, command: Reserve, book: Book): Reservation {
  const held = book.byok ? 0 : command.amount
  const mode = book.byok ? 'byok' : 'credits'
  const ordinal = draft.nextSeq
  const parts = draft.hold(held)
  draft.openReservation()
  draft.write('reserve', { reservation: command.id, tier: command.tier, metadata: command.metadata, mode })
  return {
    id: command.id,
    state: 'held',
    mode,
    tier: command.tier,
    held,
    parts,
    charged: null,
    returned: null,
    absorbed: null,
    actual: null,
    costUsd: null,
    accrued: 0,
    maxCredits: command.maxCredits,
    overage: command.overage,
    onExpiry: command.onExpiry,
    late: false,
    supersedes: command.supersedes,
    dedupeKey: command.dedupeKey,
    quote: command.quote?.verdict === 'good' ? command.quote.key : null,
    metadata: command.metadata,
    ttlMs: command.ttlMs,
    request: command.request,
    announced: command.announced,
    createdAt: draft.now,
    expiresAt: draft.now + command.ttlMs,
    closedAt: null,
    ordinal,
  }
}
