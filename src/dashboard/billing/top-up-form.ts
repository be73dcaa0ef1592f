/** The form of auto top-up: what was typed becomes terms, or says at which field it is wrong. What was typed stays. */
import { findPack, type Pack } from '../../catalog/packs.ts'
import {
  creditsToMillicredits,
  MAX_MILLICREDITS,
  MILLICREDITS_PER_CREDIT,
  millicreditsToCredits,
} from '../../ledger/amounts.ts'
import type { AutoTopUp, Card } from '../../ledger/auto-top-up.ts'
import type { PreviewTerms } from '../../ledger/top-up-preview.ts'
import { dollars } from '../format.ts'
import { packOffer } from './words.ts'

export interface Typed {
  readonly threshold: string
  readonly pack: string
  /** In dollars. */
  readonly limit: string
}

export type Errors = Partial<Record<keyof Typed | 'consent', string>>

/** What most begin with: a warning of two reviews, a pack that lasts, and room for a few of them. */
const BEGINNING: Typed = { threshold: '100', pack: 'team', limit: '100' }

export function asAgreed(settings: AutoTopUp | null): Typed {
  if (settings === null) return BEGINNING
  const { threshold, pack, monthlyLimitCents } = settings
  return {
    threshold: String(millicreditsToCredits(threshold)),
    pack,
    limit: monthlyLimitCents % 100 === 0 ? String(monthlyLimitCents / 100) : (monthlyLimitCents / 100).toFixed(2),
  }
}

/** What a form says, and of the rest what was agreed. */
export function typedIn(fields: Partial<Readonly<Record<keyof Typed, unknown>>>, otherwise: Typed): Typed {
  const field = (name: keyof Typed) => {
    const value = fields[name]
    return typeof value === 'string' ? value.slice(0, MAX_LENGTH) : otherwise[name]
  }
  return { threshold: field('threshold'), pack: field('pack'), limit: field('limit') }
}

/** Far more than any number has; it is shown again. */
const MAX_LENGTH = 40

/** Terms at the price of today. */
export function readTerms(typed: Typed): { readonly terms: PreviewTerms } | { readonly errors: Errors } {
  const threshold = readCredits(typed.threshold)
  const monthlyLimitCents = readCents(typed.limit)
  const pack = findPack(typed.pack)
  if (threshold === null || monthlyLimitCents === null || pack === null || monthlyLimitCents < pack.priceCents) {
    return { errors: errorsOf(threshold, pack, monthlyLimitCents) }
  }
  const { id, credits, priceCents } = pack
  const amount = credits * MILLICREDITS_PER_CREDIT
  return { terms: { threshold, pack: id, credits: amount, priceCents, monthlyLimitCents } }
}

function errorsOf(threshold: number | null, pack: Pack | null, limit: number | null): Errors {
  const isTooLow = pack !== null && limit !== null && limit < pack.priceCents
  return {
    ...(threshold === null ? { threshold: 'Write a number of credits above 0, such as 100.' } : {}),
    ...(pack === null ? { pack: 'Choose one of the packs.' } : {}),
    ...(limit === null ? { limit: `Write an amount of dollars up to ${dollars(MAX_CENTS)}, such as 100.` } : {}),
    ...(isTooLow ? { limit: `This is less than one pack: ${packOffer(pack)}.` } : {}),
  }
}

/** People write `1,000`, and dollars with their sign. */
function bare(text: string): string {
  return text.replace(/[\s,]/g, '')
}

function readCredits(text: string): number | null {
  if (!/^\d{1,12}(\.\d{1,3})?$/.test(bare(text))) return null
  const amount = creditsToMillicredits(Number(bare(text)))
  return amount === null || amount <= 0 || amount > MAX_MILLICREDITS ? null : amount
}

/** Stripe's largest charge, which six digits before the point do not exceed. */
const MAX_CENTS = 99_999_999

function readCents(text: string): number | null {
  const number = bare(text).replace(/^\$/, '')
  if (!/^\d{1,6}(\.\d{1,2})?$/.test(number)) return null
  const cents = Math.round(Number(number) * 100)
  return cents > 0 ? cents : null
}

/** What a ticked box agrees to: this pack, for this price, with this card. Of anything else it says nothing. */
export function consentTo(pack: Pick<Pack, 'id' | 'priceCents'>, card: Pick<Card, 'fingerprint'>): string {
  return [pack.id, pack.priceCents, card.fingerprint].join(':')
}
