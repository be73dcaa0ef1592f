/**
 * How an object becomes an account, and how the operator describes one anew. Each is one transaction; what was not
 * written is not kept in memory either.
 */
import type { EpochMs } from '../ledger/amounts.ts'
import type { Balance } from '../ledger/balance.ts'
import type { GiveGrant } from '../ledger/commands.ts'
import { TRIAL_GRANT } from '../ledger/grants.ts'
import { Details } from './details.ts'
import { historyAt } from './ledger.ts'
import { OpenedAccount, type Surroundings } from './opened.ts'
import { type AccountDetails, type Answer, type OpenRequest, refused } from './requests.ts'
import { migrate } from './schema.ts'

export type Opened = Answer<{ created: boolean; changed: boolean; details: AccountDetails; balance: Balance }>

/** Makes an account of an object that is none yet: schema, rows and trial (R11). */
export function createAccount(surroundings: Surroundings, request: OpenRequest): OpenedAccount {
  const { storage, alarm } = surroundings
  try {
    return storage.transactionSync(() => {
      migrate(storage)
      Details.insert(storage.sql, request, Date.now())
      const account = new OpenedAccount(surroundings)
      const now = account.ledger.now()
      if (request.trial !== null) account.ledger.run(trialGrant(request.trial, now), now)
      alarm.atOrBefore(historyAt())
      return account
    })
  } catch (error) {
    alarm.forget()
    throw error
  }
}

/** What may change of an account; its region may not, since the object already lives somewhere. */
export function changeAccount(account: OpenedAccount, surroundings: Surroundings, request: OpenRequest): Opened {
  const { ledger, details } = account
  const now = ledger.now()
  account.due.run(now)
  if (request.region !== undefined && request.region !== details.value.region) {
    return refused({ code: 'changed_field', field: 'region', account: details.value })
  }
  const changed = describe(account, surroundings, request, now)
  ledger.setAllowDebt(details.value.allowDebt)
  return { ok: true, created: false, changed, details: details.value, balance: ledger.balance(now) }
}

/** Whether anything changed. */
function describe(
  { details, outbox }: OpenedAccount,
  { storage, alarm }: Surroundings,
  request: OpenRequest,
  now: EpochMs,
): boolean {
  try {
    return storage.transactionSync(() => {
      if (!details.update(request, now)) return false
      outbox.describeAgain()
      alarm.atOrBefore(Date.now())
      return true
    })
  } catch (error) {
    details.reload()
    outbox.reload()
    alarm.forget()
    throw error
  }
}

function trialGrant(trial: NonNullable<OpenRequest['trial']>, now: EpochMs): GiveGrant {
  const { credits, lastsMs } = trial
  return { op: 'grant', id: TRIAL_GRANT, kind: 'trial', credits, expiresAt: now + lastsMs, reason: null }
}
