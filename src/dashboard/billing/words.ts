/** What the pages of billing call things: grants, purchases and what became of them, cards, prices. */
import { findPack, type Pack } from '../../catalog/packs.ts'
import type { Card } from '../../ledger/auto-top-up.ts'
import type { Grant, GrantKind } from '../../ledger/grants.ts'
import type { Failure, Purchase } from '../../ledger/purchase.ts'
import { dollars } from '../format.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'quiet'

export const GRANT_KINDS: Readonly<Record<GrantKind, string>> = {
  trial: 'Free trial',
  purchase: 'Bought',
  top_up: 'Auto top-up',
  promotional: 'Promotional',
  adjustment: 'Adjustment',
}

/** What keeps a grant from being used, in one word; `null` if nothing does. */
export function endOf({ voided, expiresAt }: Grant, asOf: number): string | null {
  if (voided) return 'Withdrawn'
  return expiresAt !== null && asOf >= expiresAt ? 'Expired' : null
}

/** What has become of a purchase, for a badge: what was taken back before what was paid. */
export function stateOf(purchase: Purchase): { readonly word: string; readonly tone: Tone } {
  const { state, kind, failure, paidByCustomer, chargedCents, refundedCents, disputedCents } = purchase
  if (disputedCents > 0) return { word: 'Disputed', tone: 'bad' }
  if (refundedCents > 0) {
    return { word: refundedCents >= (chargedCents ?? 0) ? 'Refunded' : 'Refunded in part', tone: 'quiet' }
  }
  switch (state) {
    case 'paid':
      return { word: 'Paid', tone: 'good' }
    case 'processing':
      return { word: 'On its way', tone: 'warn' }
    case 'open':
      return { word: kind === 'checkout' ? 'Not paid yet' : 'Charging', tone: 'warn' }
    case 'expired':
      return { word: 'Not paid in time', tone: 'quiet' }
    case 'failed':
      if (paidByCustomer) return { word: 'Paid by you', tone: 'good' }
      if (failure?.kind === 'authentication_required') return { word: 'Waits for you', tone: 'warn' }
      return failure?.kind === 'declined' || kind === 'checkout'
        ? { word: 'Declined', tone: 'bad' }
        : { word: 'Not charged', tone: 'quiet' }
  }
}

/** Why nothing was charged. */
export function reasonOf({ kind, code }: Failure): string {
  switch (kind) {
    case 'declined':
      return DECLINES[code ?? ''] ?? 'The bank declined the card.'
    case 'authentication_required':
      return 'The bank wants you to confirm the payment yourself.'
    case 'not_created':
      return 'Stripe could not be reached.'
    case 'not_allowed':
      return 'By the time of the charge it was no longer needed, or no longer allowed by your settings.'
  }
}

const DECLINES: Readonly<Record<string, string>> = {
  insufficient_funds: 'The bank says that there is not enough money on the card.',
  expired_card: 'The card has expired.',
  lost_card: 'The bank says that the card was lost.',
  stolen_card: 'The bank says that the card was stolen.',
  incorrect_cvc: 'The security code of the card is wrong.',
  processing_error: 'The bank had a problem with the payment.',
}

/** `Visa ending in 4242` */
export function cardName({ brand, last4 }: Pick<Card, 'brand' | 'last4'>): string {
  return `${BRANDS[brand] ?? brand.charAt(0).toUpperCase() + brand.slice(1)} ending in ${last4}`
}

const BRANDS: Readonly<Record<string, string>> = { amex: 'American Express', diners: 'Diners Club', jcb: 'JCB' }

/** `12/2030`, as it stands on the card. */
export function cardExpiry({ expMonth, expYear }: Pick<Card, 'expMonth' | 'expYear'>): string {
  return `${String(expMonth).padStart(2, '0')}/${expYear}`
}

/** A pack that is no longer sold keeps its id for a name. */
export function packName(id: string): string {
  return findPack(id)?.name ?? id
}

/** `Team for $19.00` */
export function packOffer({ name, priceCents }: Pack): string {
  return `${name} for ${dollars(priceCents)}`
}
