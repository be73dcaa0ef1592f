/** Entries of the ledger in words: one sentence each, that a customer understands without knowing how a ledger works. */
import { findPack } from '../catalog/packs.ts'
import { TIER_IDS, TIERS } from '../catalog/tiers.ts'
import type { HistoryEntry } from '../history/read.ts'
import { creditsToMillicredits, type Millicredits } from '../ledger/amounts.ts'
import type { EntryKind, GrantDelta } from '../ledger/entry.ts'
import type { Metadata, Reservation } from '../ledger/reservation.ts'
import { credits, dollars } from './format.ts'

/** Kinds as the filter offers them. */
export const KIND_NAMES: Readonly<Record<EntryKind, string>> = {
  grant: 'Credits received',
  reserve: 'Credits held',
  extend: 'Hold raised',
  settle: 'Reviews charged',
  release: 'Holds returned',
  expire_reservation: 'Holds that ran out',
  expire_grant: 'Credits expired',
  void_grant: 'Credits withdrawn',
  refund: 'Refunds',
  refund_reversal: 'Refunds undone',
  dispute: 'Disputes',
  dispute_reversal: 'Disputes won',
  debt_repaid: 'Debt repaid',
  auto_top_up_changed: 'Auto top-up changed',
  byok_changed: 'Own key changed',
  byok_read: 'Own key used',
}

/** What the words of an entry are made of. */
export type Told = Pick<
  HistoryEntry,
  'availableDelta' | 'reservedDelta' | 'debtDelta' | 'charged' | 'absorbed' | 'grants' | 'tier' | 'metadata' | 'detail'
> & { readonly kind: string; readonly mode: string; readonly late: number }

type Detail = Readonly<Record<string, string | number | boolean | null | undefined>>

/** The sentence of an entry, without a full stop. */
export function explain(entry: Told): string {
  return capitalized(WORDS[entry.kind as EntryKind](entry, detailOf(entry)))
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `Code Review of acme/api #118`; as much of it as is known. */
export function nameOfReview({
  tier,
  metadata,
}: {
  readonly tier: string | null
  readonly metadata: Metadata
}): string {
  const known = TIER_IDS.find((id) => id === tier)
  const kind = known === undefined ? 'review' : TIERS[known].name
  const { repository, pull_request: pullRequest } = metadata
  const number = pullRequest === undefined ? null : /^\d+$/.test(pullRequest) ? `#${pullRequest}` : pullRequest
  const where = [repository, number].filter((part) => part !== undefined && part !== null && part !== '').join(' ')
  return where === '' ? kind : `${kind} of ${where}`
}

/** How a reservation stands, in a word. */
export const STATE_NAMES: Readonly<Record<Reservation['state'], string>> = {
  held: 'in progress',
  settled: 'completed',
  released: 'failed or cancelled',
  expired: 'ran out of time',
}

const WORDS: Readonly<Record<EntryKind, (entry: Told, detail: Detail) => string>> = {
  grant: ({ availableDelta }, detail) => received(availableDelta, detail),
  reserve: (entry) =>
    isByok(entry)
      ? `Started ${aReview(entry)} with your own key; nothing is held`
      : `Held ${amount(entry.reservedDelta)} for ${aReview(entry)}`,
  extend: (entry) => `Held ${credits(entry.reservedDelta)} more for ${theReview(entry)}`,
  settle: (entry) => (isByok(entry) ? `${theReview(entry)} ran on your own key; nothing was charged` : settled(entry)),
  release: (entry, { reason }) =>
    isByok(entry)
      ? `${theReview(entry)} did not finish`
      : `Returned all ${amount(-entry.reservedDelta)} held for ${theReview(entry)}${because(reason)}`,
  expire_reservation: (entry) =>
    isByok(entry)
      ? `Time ran out for ${theReview(entry)}; it held no credits`
      : entry.charged === 0
        ? `Time ran out for ${theReview(entry)}; ${amount(-entry.reservedDelta)} returned`
        : `Time ran out for ${theReview(entry)}: ${amount(entry.charged)} charged for what was done, ${credits(entry.availableDelta)} returned`,
  expire_grant: (entry) => `${amount(-entry.availableDelta)}${ofTrial(entry)} expired`,
  void_grant: (entry) => `${amount(-entry.availableDelta)}${ofTrial(entry)} withdrawn by Assay`,
  refund: (entry) => `Refund took back ${amount(lost(entry))}${owed(entry)}`,
  refund_reversal: (entry) => `A refund did not go through: ${amount(-lost(entry))} given back`,
  dispute: (entry) => `A dispute with your bank took back ${amount(lost(entry))}${owed(entry)}`,
  dispute_reversal: (entry) => `A dispute was settled: ${amount(-lost(entry))} given back`,
  debt_repaid: (entry) => `${amount(-entry.debtDelta)} paid what was owed`,
  auto_top_up_changed: (_, detail) => autoTopUp(detail),
  byok_changed: (_, detail) => ownKeyChanged(detail),
  byok_read: (entry) => `Your own key was used for ${aReview(entry)}`,
}

function received(given: Millicredits, { kind, reason, pack }: Detail): string {
  const of = typeof pack === 'string' ? `${findPack(pack)?.name ?? pack}: ` : ''
  switch (kind) {
    case 'trial':
      return `Trial of ${amount(given)}`
    case 'purchase':
      return `Bought ${of}${amount(given)}`
    case 'top_up':
      return `Auto top-up bought ${of}${amount(given)}`
    case 'adjustment':
      return given < 0
        ? `Adjusted: ${amount(-given)} taken${because(reason)}`
        : `Adjusted: ${amount(given)} given${because(reason)}`
    default:
      return `Given ${amount(given)}${because(reason)}`
  }
}

/** What came back of a hold shows as more that is available; what was taken beyond the hold, as less. */
function settled(entry: Told): string {
  const { charged, availableDelta, debtDelta, absorbed, late } = entry
  const review = theReview(entry)
  const parts: string[] = []
  if (charged < 0) parts.push(`${review} cost less than was charged`)
  else if (late === 1)
    parts.push(`${review} was reported late: ${charged === 0 ? 'nothing more' : amount(charged)} charged`)
  else parts.push(`${review} cost ${amount(charged)}`)
  if (availableDelta > 0) parts.push(`${credits(availableDelta)} returned`)
  if (availableDelta < 0 && late === 0) parts.push(`${credits(-availableDelta)} of them above what was held`)
  if (debtDelta > 0) parts.push(`${credits(debtDelta)} of them owed`)
  if (absorbed > 0) parts.push(`${credits(absorbed)} more were not charged to anybody`)
  return parts.join('; ')
}

function autoTopUp({
  enabled,
  by,
  pack,
  price_cents,
  monthly_limit_cents,
  threshold,
  credits: of,
  card,
}: Detail): string {
  if (enabled !== true) {
    if (by === 'refund' || by === 'dispute') return `Auto top-up was switched off by a ${by}`
    return 'Auto top-up switched off'
  }
  const name = findPack(String(pack))?.name ?? String(pack)
  const bought = creditsToMillicredits(Number(of)) ?? 0
  const when = creditsToMillicredits(Number(threshold)) ?? 0
  const paidBy = typeof card === 'string' ? `, with ${card}` : ''
  return `Auto top-up agreed: ${name} (${amount(bought)}) for ${dollars(Number(price_cents))} below ${amount(when)}, at most ${dollars(Number(monthly_limit_cents))} a month${paidBy}`
}

function ownKeyChanged({ enabled, change, preview, former }: Detail): string {
  const known = (key: Detail[string]) => (typeof key === 'string' ? ` ${key}` : '')
  if (enabled !== true) return `Your own key${known(former)} was removed`
  if (change === 'replaced') return `Your own key${known(former)} was replaced by${known(preview)}`
  return `Your own key${known(preview)} was added`
}

function detailOf({ detail }: Told): Detail {
  return detail === null ? {} : (JSON.parse(detail) as Detail)
}

function aReview(entry: Told): string {
  return `a ${named(entry)}`
}

function theReview(entry: Told): string {
  return `the ${named(entry)}`
}

function named({ tier, metadata }: Told): string {
  return nameOfReview({ tier, metadata: JSON.parse(metadata) as Metadata })
}

function isByok({ mode }: Told): boolean {
  return mode === 'byok'
}

/** Taken from what is available, and what was not there to take. */
function lost({ availableDelta, debtDelta }: Told): Millicredits {
  return debtDelta - availableDelta
}

function owed({ debtDelta }: Told): string {
  return debtDelta > 0 ? `, of which ${credits(debtDelta)} were spent already and are owed` : ''
}

function ofTrial({ grants }: Told): string {
  return (JSON.parse(grants) as GrantDelta[]).some(({ id }) => id === 'trial') ? ' of the trial' : ''
}

function because(reason: Detail[string]): string {
  return typeof reason === 'string' && reason !== '' ? ` (${reason})` : ''
}

function amount(of: Millicredits): string {
  return `${credits(of)} ${of === 1_000 ? 'credit' : 'credits'}`
}
