/** Bodies that were let through, as the account's commands. */
import type * as z from 'zod'
import type { ReserveRequest } from '../account/requests.ts'
import type { ReviewFacts } from '../catalog/estimates.ts'
import {
  canonicalUsd,
  creditsToMillicredits,
  type Millicredits,
  millicreditsToUsd,
  usdToMillicredits,
} from '../ledger/amounts.ts'
import type { Extend, GiveGrant, Release, Settle } from '../ledger/commands.ts'
import type { EstimateBody, ExtendBody, GrantBody, ReleaseBody, ReserveBody, SettleBody } from './contract.ts'
import { readQuote } from './quotes.ts'

/** Credits that the contract has found exact. */
export function toMillicredits(credits: number): Millicredits {
  const amount = creditsToMillicredits(credits)
  if (amount === null) throw new Error('credits passed validation that are not exact')
  return amount
}

/** The facts of a review as the catalogue knows them. */
export function toFacts(body: z.output<typeof EstimateBody>): ReviewFacts {
  const { tier, diff_lines, files, repository_complexity, specialists = null, repository = null } = body
  return { tier, diffLines: diff_lines, files, complexity: repository_complexity, specialists, repository }
}

/** `account` and `secrets` are for a quote, which is read here: only the Worker can tell whether it is ours. */
export async function toReserveRequest(
  id: string,
  body: ReserveBody,
  account: string,
  secrets: readonly string[],
): Promise<ReserveRequest> {
  // How long one call waits is not what is reserved: whoever repeats the call may wait for another time, or not at all.
  const { wait_seconds: _, ...asSent } = body
  const what = body.quote === undefined ? toWhat(body) : await toQuoted(body.quote, account, secrets)
  // A constant default counts as sent (R3).
  const request =
    'facts' in what && !('quote' in what) ? { ...asSent, repository_complexity: what.facts.complexity } : asSent
  return {
    op: 'reserve',
    id,
    request,
    what,
    ttlMs: body.ttl_seconds === undefined ? null : body.ttl_seconds * 1000,
    maxCredits: optionalMillicredits(body.max_credits),
    overage: body.overage,
    onExpiry: body.on_expiry,
    supersedes: body.supersedes ?? null,
    dedupeKey: body.dedupe_key ?? null,
    metadata: body.metadata,
  }
}

function toWhat(body: ReserveBody): ReserveRequest['what'] {
  if (body.credits !== undefined) return { credits: toMillicredits(body.credits) }
  const { tier, diff_lines, files, repository_complexity = 'medium' } = body
  if (tier === undefined || diff_lines === undefined || files === undefined)
    throw new Error('facts passed validation that are not whole')
  return { facts: toFacts({ ...body, tier, diff_lines, files, repository_complexity }) }
}

async function toQuoted(id: string, account: string, secrets: readonly string[]): Promise<ReserveRequest['what']> {
  const quote = await readQuote(id, account, secrets)
  return typeof quote === 'string' ? { refusedQuote: quote } : { facts: quote.facts, quote }
}

export function toSettle(id: string, body: z.output<typeof SettleBody>): Settle {
  if (body.cost_usd === undefined) {
    const actual = toMillicredits(body.credits ?? 0)
    return { op: 'settle', id, actual, costUsd: millicreditsToUsd(actual) }
  }
  const actual = usdToMillicredits(body.cost_usd)
  if (actual === null) throw new Error('USD passed validation that are not exact')
  return { op: 'settle', id, actual, costUsd: canonicalUsd(body.cost_usd) }
}

export function toRelease(id: string, body: z.output<typeof ReleaseBody>): Release {
  return { op: 'release', id, reason: body.reason ?? null }
}

export function toExtend(id: string, body: z.output<typeof ExtendBody>): Extend {
  return {
    op: 'extend',
    id,
    ttlMs: body.ttl_seconds === undefined ? null : body.ttl_seconds * 1000,
    credits: optionalMillicredits(body.credits),
    accrued: optionalMillicredits(body.accrued),
  }
}

export function toGrant(id: string, body: z.output<typeof GrantBody>): GiveGrant {
  const { kind, expires_at, reason } = body
  const expiresAt = expires_at === null ? null : Date.parse(expires_at)
  return { op: 'grant', id, kind, credits: toMillicredits(body.credits), expiresAt, reason }
}

function optionalMillicredits(credits: number | undefined): Millicredits | null {
  return credits === undefined ? null : toMillicredits(credits)
}
