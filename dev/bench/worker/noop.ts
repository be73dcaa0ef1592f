/**
 * The object that does nothing: it answers every command with the same reservation. What it costs is what a request
 * costs before any ledger, so it is the most that one account could ever serve.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Answer, LedgerAnswer } from '../../../src/account/requests.ts'
import type { Balance } from '../../../src/ledger/balance.ts'
import { balanceOfFunds, type Funds, heldAnswer } from './answer.ts'

const AT = Date.parse('2026-11-22T10:00:00.000Z')
const FUNDS: Funds = { available: 9_999_900_000, reserved: 100_000, version: 1_000 }
const METADATA = { repository: 'acme/api', pull_request: '1042' }

const ANSWER = heldAnswer(
  {
    op: 'reserve',
    id: 'review-000000',
    request: { credits: 12.5, overage: 'available', on_expiry: 'release', metadata: METADATA },
    amount: 12_500,
    maxCredits: 25_000,
    tier: null,
    ttlMs: 900_000,
    overage: 'available',
    onExpiry: 'release',
    supersedes: null,
    dedupeKey: null,
    quote: null,
    metadata: METADATA,
    announced: null,
  },
  FUNDS,
  AT,
)

export class Noop extends DurableObject {
  execute(): Answer<LedgerAnswer> {
    return ANSWER
  }

  balance(): Answer<{ balance: Balance }> {
    return { ok: true, balance: balanceOfFunds(FUNDS, AT) }
  }
}
