/** Payment methods: test cards by id, token or number, and a bank debit as the one that pays late. */
import type { Stripe } from 'stripe'
import type { MethodNote } from './books.ts'
import { cardById, cardByNumber, type Decline, type TestCard } from './cards.ts'
import { type Desk, existing, newId, seconds } from './desk.ts'
import { type ErrorObject, invalid, Refusal } from './refusal.ts'

const EXPIRES_AFTER_YEARS = 5

/** The method of this id; a test card's id makes a new one each time, as Stripe does. */
export function usableMethod(desk: Desk, id: string, param: string | null = 'payment_method'): Stripe.PaymentMethod {
  const card = id.startsWith('pm_card_') ? cardById(id) : undefined
  if (card !== undefined) return cardMethod(desk, card)
  const method = existing(desk, 'payment_method', id, param ?? undefined)
  if (noteOf(desk, method.id).spent) {
    throw invalid(
      'This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.',
      undefined,
      'payment_method',
    )
  }
  return method
}

export function cardMethod(desk: Desk, card: TestCard, details?: Stripe.PaymentMethod.BillingDetails) {
  const method: Stripe.PaymentMethod = {
    ...methodBase(desk),
    ...(details === undefined ? {} : { billing_details: details }),
    type: 'card',
    card: cardDetails(desk, card),
  }
  return keepNew(desk, method, card.number)
}

export function cardDetails(desk: Desk, card: TestCard): Stripe.PaymentMethod.Card {
  return {
    brand: card.brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: 'US',
    display_brand: card.brand,
    exp_month: 12,
    exp_year: new Date(desk.nowMs).getUTCFullYear() + EXPIRES_AFTER_YEARS,
    fingerprint: `double${card.number.slice(-8)}`,
    funding: 'credit',
    generated_from: null,
    last4: card.number.slice(-4),
    networks: { available: [card.brand], preferred: null },
    regulated_status: 'unregulated',
    three_d_secure_usage: { supported: true },
    wallet: null,
  }
}

/** A bank debit. It pays days later, and whether it does, the control plane says. */
export function debitMethod(desk: Desk, iban: string, details?: Stripe.PaymentMethod.BillingDetails) {
  const method: Stripe.PaymentMethod = {
    ...methodBase(desk),
    ...(details === undefined ? {} : { billing_details: details }),
    type: 'sepa_debit',
    sepa_debit: {
      bank_code: iban.slice(4, 12),
      branch_code: null,
      country: iban.slice(0, 2),
      fingerprint: `double${iban.slice(-8)}`,
      generated_from: null,
      last4: iban.slice(-4),
    },
  }
  return keepNew(desk, method, null)
}

function methodBase(desk: Desk) {
  return {
    id: newId('pm'),
    object: 'payment_method',
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    created: seconds(desk),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
  } satisfies Partial<Stripe.PaymentMethod>
}

function keepNew(desk: Desk, method: Stripe.PaymentMethod, cardNumber: string | null): Stripe.PaymentMethod {
  desk.books.put(method)
  desk.books.putNote('method', method.id, { cardNumber, setUp: false, spent: false })
  return method
}

export function release(desk: Desk, method: Stripe.PaymentMethod): Stripe.PaymentMethod {
  const after: Stripe.PaymentMethod = { ...method, customer: null }
  desk.books.put(after)
  desk.books.putNote('method', method.id, { ...noteOf(desk, method.id), spent: true })
  desk.emit('payment_method.detached', after, { customer: method.customer })
  return after
}

export function noteOf(desk: Desk, id: string): MethodNote {
  return desk.books.note('method', id) ?? { cardNumber: null, setUp: false, spent: false }
}

export function testCardOf(desk: Desk, method: Stripe.PaymentMethod): TestCard | undefined {
  return cardByNumber(noteOf(desk, method.id).cardNumber ?? '')
}

export function methodsOf(desk: Desk, customer: string): Stripe.PaymentMethod[] {
  return [...desk.books.newestFirst('payment_method')].filter(ofCustomer(customer))
}

export function ofCustomer(customer: string, type?: string): (method: Stripe.PaymentMethod) => boolean {
  return (method) => method.customer === customer && (type === undefined || method.type === type)
}

export function billingDetails(
  given: Stripe.PaymentMethodCreateParams.BillingDetails | undefined,
  before: Stripe.PaymentMethod.BillingDetails = { address: null, email: null, name: null, phone: null, tax_id: null },
): Stripe.PaymentMethod.BillingDetails {
  if (given === undefined) return before
  const { address, email, name, phone } = given
  return {
    address: address === undefined ? before.address : addressOf(address),
    email: email === undefined ? before.email : email || null,
    name: name === undefined ? before.name : name || null,
    phone: phone === undefined ? before.phone : phone || null,
    tax_id: before.tax_id,
  }
}

export function addressOf(given: Stripe.Emptyable<Stripe.AddressParam> | undefined): Stripe.Address | null {
  if (!given) return null
  const { city = null, country = null, line1 = null, line2 = null, postal_code = null, state = null } = given
  return { city, country, line1, line2, postal_code, state }
}

/**
 * Attaches a method, unless the bank would not have it. `setup` means that the customer authenticated it for use
 * without them, `attach` that nobody asked.
 */
export function keepMethod(desk: Desk, method: Stripe.PaymentMethod, customer: string, how: 'attach' | 'setup') {
  const decline = declineOfKeeping(desk, method)
  if (decline !== undefined) throw new Refusal(402, decline)
  const note = noteOf(desk, method.id)
  desk.books.putNote('method', method.id, { ...note, setUp: note.setUp || how === 'setup' })
  if (method.customer === customer) return method
  const attached: Stripe.PaymentMethod = { ...method, customer }
  desk.books.put(attached)
  desk.emit('payment_method.attached', attached)
  return attached
}

export function declineOfKeeping(desk: Desk, method: Stripe.PaymentMethod): ErrorObject | undefined {
  const card = testCardOf(desk, method)
  return card?.refusedWhenKept && card.decline ? declineError(card.decline) : undefined
}

export function declineError(decline: Decline): ErrorObject {
  return {
    type: 'card_error',
    code: decline.code,
    decline_code: decline.declineCode,
    doc_url: `https://docs.stripe.com/error-codes/${decline.code.replaceAll('_', '-')}`,
    message: decline.message,
  }
}
