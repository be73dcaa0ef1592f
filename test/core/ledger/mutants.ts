/**
 * Ledgers that are broken in one place each. Most are consistent otherwise, book and entries agree: so they are caught
 * for what they do. They show that the simulation sees what it claims to see.
 */
import { MAX_MILLICREDITS } from '../../../src/ledger/amounts.ts'
import type { Command, View } from '../../../src/ledger/commands.ts'
import { decide } from '../../../src/ledger/decide.ts'
import { nextDue } from '../../../src/ledger/due.ts'
import type { Grant } from '../../../src/ledger/grants.ts'
import { LATE_SETTLE_MS } from '../../../src/ledger/limits.ts'
import { refuse } from '../../../src/ledger/refusals.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'
import { withGrants, withReservation } from './patches.ts'
import { PAYMENT_MUTANTS } from './payment-mutants.ts'
import type { Ledger } from './store.ts'

export const MUTANTS: Readonly<Record<string, Partial<Ledger>>> = {
  ...PAYMENT_MUTANTS,
  'settle forgets to return the rest': {
    decide(view, command, now) {
      const held = view.reservation?.held ?? 0
      if (!isSettleOf(view, command, 'held') || command.actual >= held) return decide(view, command, now)
      const { actual } = command
      return withReservation(decide(view, { ...command, actual: held }, now), (made) => ({ ...made, actual }))
    },
  },
  'settle returns the rest in its answer, but not to the book': {
    decide(view, command, now) {
      const decision = decide(view, command, now)
      if (!isSettleOf(view, command, 'held') || !decision.ok || decision.change === null) return decision
      const { book } = decision.change
      const available = Math.max(0, book.available - (decision.reservation?.returned ?? 0))
      return { ...decision, change: { ...decision.change, book: { ...book, available } } }
    },
  },
  'a late settle ignores what expiry charged': {
    decide(view, command, now) {
      if (view.reservation === null || !isSettleOf(view, command, 'expired')) return decide(view, command, now)
      const parts = view.reservation.parts.map((part) => ({ ...part, charged: 0 }))
      return decide({ ...view, reservation: { ...view.reservation, charged: 0, parts } }, command, now)
    },
  },
  'a late settle is accepted in the millisecond after the last': {
    decide(view, command, now) {
      const isLast = isSettleOf(view, command, 'expired') && now === (view.reservation?.expiresAt ?? 0) + LATE_SETTLE_MS
      return decide(view, command, isLast ? now - 1 : now)
    },
  },
  'a reservation expires one millisecond early': {
    nextDue: (book, soonest, now) =>
      nextDue(book, soonest && { id: soonest.id, expiresAt: soonest.expiresAt - 1 }, now),
    decide(view, command, now) {
      if (command.op !== 'expire_reservation' || view.reservation === null) return decide(view, command, now)
      const { expiresAt } = view.reservation
      const early = { ...view, reservation: { ...view.reservation, expiresAt: now } }
      return withReservation(decide(early, command, now), (made) => ({ ...made, expiresAt }))
    },
  },
  'what is due is done one millisecond late': {
    nextDue: (book, soonest, now) => nextDue(book, soonest, now - 1),
  },
  'expiry forgets what has accrued': {
    decide(view, command, now) {
      if (command.op !== 'expire_reservation' || view.reservation === null) return decide(view, command, now)
      return decide({ ...view, reservation: { ...view.reservation, onExpiry: 'release' } }, command, now)
    },
  },
  'the burn order is reversed': {
    decide(view, command, now) {
      if (command.op !== 'reserve') return decide(view, command, now)
      const reversed = { ...view, book: { ...view.book, grants: [...view.book.grants].reverse() } }
      return withGrants(decide(reversed, command, now), (grant) => grant)
    },
  },
  'credits return to a grant that was voided': {
    decide(view, command, now) {
      const voided = new Set(view.book.grants.filter((grant) => grant.voided).map((grant) => grant.id))
      const revive = (grant: Grant) => ({ ...grant, voided: false })
      const book = { ...view.book, grants: view.book.grants.map(revive) }
      const decision = decide({ ...view, book }, command, now)
      return withGrants(decision, (grant) => (voided.has(grant.id) ? { ...grant, voided: true } : grant))
    },
  },
  'max_credits is forgotten': {
    decide(view, command, now) {
      if (view.reservation === null || command.op !== 'settle') return decide(view, command, now)
      const { maxCredits } = view.reservation
      const uncapped = { ...view, reservation: { ...view.reservation, maxCredits: MAX_MILLICREDITS } }
      return withReservation(decide(uncapped, command, now), (made) => ({ ...made, maxCredits }))
    },
  },
  'debt is owed where it is no longer allowed': {
    decide(view, command, now) {
      if (command.op !== 'settle') return decide(view, command, now)
      const { allowDebt } = view.book
      const decision = decide({ ...view, book: { ...view.book, allowDebt: true } }, command, now)
      if (!decision.ok || decision.change === null) return decision
      return { ...decision, change: { ...decision.change, book: { ...decision.change.book, allowDebt } } }
    },
  },
  'an id that was used before reserves again': {
    decide: (view, command, now) =>
      decide(command.op === 'reserve' ? { ...view, reservation: null } : view, command, now),
  },
  'a dedupe key counts one millisecond too long': {
    decide(view, command, now) {
      const twin = view.deduplicated
      if (twin === null || command.op !== 'reserve') return decide(view, command, now)
      const decision = decide({ ...view, deduplicated: { ...twin, createdAt: twin.createdAt + 1 } }, command, now)
      return decision.ok && decision.reservation?.id === twin.id ? { ...decision, reservation: twin } : decision
    },
  },
  'a quote serves as many reservations as ask': {
    decide: (view, command, now) => decide({ ...view, quotedBy: null }, command, now),
  },
  'a quote is good one millisecond too long': {
    decide(view, command, now) {
      if (command.op !== 'reserve' || command.quote?.verdict !== 'good') return decide(view, command, now)
      return decide(view, { ...command, quote: { ...command.quote, expiresAt: command.quote.expiresAt + 1 } }, now)
    },
  },
  'a quote is judged before the id is looked up': {
    decide(view, command, now) {
      if (command.op !== 'reserve' || command.quote?.verdict !== 'forged') return decide(view, command, now)
      return refuse({ code: 'quote_invalid', reason: 'forged', usedBy: null })
    },
  },
  'a forged quote makes a second name': {
    decide(view, command, now) {
      if (command.op !== 'reserve' || view.deduplicated === null) return decide(view, command, now)
      const decision = decide(view, { ...command, quote: null }, now)
      return decision.ok && decision.replayed ? decision : decide(view, command, now)
    },
  },
  'a quote does not keep its price': {
    decide(view, command, now) {
      if (command.op !== 'reserve' || command.quote?.verdict !== 'good') return decide(view, command, now)
      return decide(view, { ...command, quote: { ...command.quote, maxCredits: MAX_MILLICREDITS } }, now)
    },
  },
  'with the own key, a review holds credits all the same': {
    decide(view, command, now) {
      if (command.op !== 'reserve' || !view.book.byok || view.book.available < command.amount)
        return decide(view, command, now)
      const decision = decide({ ...view, book: { ...view.book, byok: false } }, command, now)
      return decision.ok && decision.change !== null
        ? { ...decision, change: { ...decision.change, book: { ...decision.change.book, byok: true } } }
        : decision
    },
  },
  'a review on the own key is refused for want of credits': {
    decide(view, command, now) {
      const isShort = command.op === 'reserve' && view.reservation === null && view.book.available < command.amount
      return decide(isShort && view.book.byok ? { ...view, book: { ...view.book, byok: false } } : view, command, now)
    },
  },
  'the own key is given out for a review that is over': {
    decide(view, command, now) {
      const { reservation } = view
      if (command.op !== 'read_byok' || reservation === null) return decide(view, command, now)
      return decide({ ...view, reservation: { ...reservation, state: 'held' } }, command, now)
    },
  },
  'the own key is given out for a review that is paid for in credits': {
    decide(view, command, now) {
      const { reservation } = view
      if (command.op !== 'read_byok' || reservation === null) return decide(view, command, now)
      return decide({ ...view, reservation: { ...reservation, mode: 'byok' } }, command, now)
    },
  },
  'a key that was removed is given out to reviews that began with it': {
    decide(view, command, now) {
      if (command.op !== 'read_byok' || view.book.byok) return decide(view, command, now)
      const decision = decide({ ...view, book: { ...view.book, byok: true } }, command, now)
      if (!decision.ok || decision.change === null) return decision
      return { ...decision, change: { ...decision.change, book: { ...decision.change.book, byok: false } } }
    },
  },
  'the own key is read without an entry': {
    decide(view, command, now) {
      const decision = decide(view, command, now)
      return command.op === 'read_byok' && decision.ok ? { ...decision, change: null } : decision
    },
  },
  'another key that is put is taken for the same': {
    decide(view, command, now) {
      return decide(view, command.op === 'change_byok' ? { ...command, isSame: true } : command, now)
    },
  },
  'superseding leaves the old hold where it was': {
    decide: (view, command, now) => decide({ ...view, superseded: null }, command, now),
  },
  'a refusal changes what it was given': {
    decide(view, command, now) {
      const decision = decide(view, command, now)
      if (!decision.ok) Object.assign(view.book, { available: view.book.available + 1 })
      return decision
    },
  },
}

function isSettleOf(
  view: View,
  command: Command,
  state: Reservation['state'],
): command is Extract<Command, { op: 'settle' }> {
  const { reservation } = view
  return command.op === 'settle' && reservation?.mode === 'credits' && reservation.state === state
}
