/** The cards that a customer keeps at Stripe. */
import type { Stripe } from 'stripe'
import type { Card } from '../ledger/auto-top-up.ts'
import { idOf } from './payments.ts'
import { type Told, told } from './told.ts'

/** More cards than anybody keeps; of more, the newest. */
const MAX_CARDS = 20

export interface CardReading {
  /** Deleted at Stripe: it can be read and nothing else. */
  readonly customerIsGone: boolean
  /** The customer's default first, then the newest. */
  readonly cards: readonly Card[]
}

export function readCards(stripe: Stripe, customer: string): Promise<Told<CardReading>> {
  return told(read(stripe, customer))
}

async function read(stripe: Stripe, customer: string): Promise<CardReading> {
  const found = await stripe.customers.retrieve(customer)
  if (found.deleted) return { customerIsGone: true, cards: [] }
  const { data } = await stripe.customers.listPaymentMethods(customer, { type: 'card', limit: MAX_CARDS })
  const cards = data.flatMap((method) => cardOf(method) ?? [])
  const byDefault = idOf(found.invoice_settings.default_payment_method)
  const [first, rest] = [cards.filter(({ id }) => id === byDefault), cards.filter(({ id }) => id !== byDefault)]
  return { customerIsGone: false, cards: [...first, ...rest] }
}

function cardOf({ id, card }: Stripe.PaymentMethod): Card | null {
  if (card === undefined) return null
  const { brand, last4, exp_month: expMonth, exp_year: expYear } = card
  // Without a fingerprint two cards cannot be told to be one: then the id stands for it.
  return { id, fingerprint: card.fingerprint ?? id, brand, last4, expMonth, expYear }
}
