/** Grants come and go: given, adjusted away, voided. */
import type { EpochMs } from './amounts.ts'
import { MAX_MILLICREDITS } from './amounts.ts'
import type { Decision, GiveGrant, View, VoidGrant } from './commands.ts'
import { accept, replay } from './decision.ts'
import { Draft } from './draft.ts'
import { type Grant, isBought } from './grants.ts'
import { MAX_LIVE_GRANTS } from './limits.ts'
import { refuse } from './refusals.ts'

export function giveGrant(view: View, command: GiveGrant, now: EpochMs): Decision {
  if (view.grant !== null) {
    const field = firstChangedField(view.grant, command)
    return field === null ? replay(null, view.grant) : refuse({ code: 'conflict', field, grant: view.grant })
  }
  if (command.expiresAt !== null && command.expiresAt <= now) {
    return refuse({ code: 'invalid', field: 'expires_at', message: 'is not in the future' })
  }
  const { available, debt, totals } = view.book
  if (totals.granted + Math.max(0, command.credits) > MAX_MILLICREDITS) {
    return refuse({ code: 'limit_exceeded', limit: 'lifetime_credits', maximum: MAX_MILLICREDITS })
  }
  // What was bought or promised at the start is granted whatever stands beside it.
  const isGift = command.kind === 'promotional' || command.kind === 'adjustment'
  if (isGift && command.credits > 0 && view.book.grants.length >= MAX_LIVE_GRANTS) {
    return refuse({ code: 'limit_exceeded', limit: 'live_grants', maximum: MAX_LIVE_GRANTS })
  }
  if (available + command.credits < 0) {
    const shortfall = -command.credits - available
    return refuse({ code: 'insufficient_credits', requested: -command.credits, available, shortfall, debt })
  }
  const draft = new Draft(view.book, now)
  const grant = newGrant(command, draft)
  draft.addGrant(grant)
  if (command.credits < 0) draft.takeBack(-command.credits)
  draft.write('grant', {
    detail: { grant: grant.id, kind: grant.kind, ...(grant.reason === null ? {} : { reason: grant.reason }) },
  })
  draft.repayDebt()
  return accept(draft, { grant: draft.grant(grant.id) })
}

function newGrant(command: GiveGrant, draft: Draft): Grant {
  const { id, kind, credits, expiresAt, reason } = command
  const free = Math.max(0, credits)
  return {
    id,
    kind,
    credits,
    free,
    held: 0,
    expiresAt,
    voided: false,
    reason,
    createdAt: draft.now,
    ordinal: draft.nextSeq,
  }
}

function firstChangedField(grant: Grant, command: GiveGrant): string | null {
  if (grant.kind !== command.kind) return 'kind'
  if (grant.credits !== command.credits) return 'credits'
  if (grant.expiresAt !== command.expiresAt) return 'expires_at'
  return grant.reason === command.reason ? null : 'reason'
}

/** The free part goes at once, the held part when it returns (R10). */
export function voidGrant(view: View, _command: VoidGrant, now: EpochMs): Decision {
  const grant = view.grant
  if (grant === null) return refuse({ code: 'not_found', what: 'grant' })
  if (isBought(grant.kind))
    return refuse({ code: 'forbidden', why: 'Bought credits cannot be voided; refund the purchase.' })
  if (grant.credits < 0)
    return refuse({ code: 'forbidden', why: 'This adjustment took credits away; grant them again instead.' })
  if (grant.voided) return replay(null, grant)
  const draft = new Draft(view.book, now, [grant])
  draft.voidGrant(grant.id)
  draft.removeFree(grant.id, true)
  draft.write('void_grant', { detail: { grant: grant.id } })
  return accept(draft, { grant: draft.grant(grant.id) })
}
