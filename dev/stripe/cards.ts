/** Stripe's test cards: what each does when it is kept, paid with, disputed or refunded. */
import type { Stripe } from 'stripe'

export interface TestCard {
  readonly number: string
  readonly label: string
  /** Its ids as a PaymentMethod, and the token's name that old fixtures use. */
  readonly ids: readonly string[]
  readonly brand: string
  readonly decline?: Decline
  /** Declined as soon as it is kept, rather than when it is paid with. */
  readonly refusedWhenKept?: boolean
  readonly authentication?: 'always' | 'unless_set_up'
  readonly dispute?: { readonly reason: string; readonly inquiry: boolean }
  readonly refund?: 'pending' | 'fails'
}

export interface Decline {
  readonly code: NonNullable<Stripe.PaymentIntent.LastPaymentError['code']>
  readonly declineCode: string
  readonly message: string
}

export const AUTHENTICATION_REQUIRED: Decline = {
  code: 'authentication_required',
  declineCode: 'authentication_required',
  message:
    'Your card was declined. This transaction requires authentication. Try again and authenticate your card when prompted during checkout.',
}

const DECLINED: Decline = { code: 'card_declined', declineCode: 'generic_decline', message: 'Your card was declined.' }

const CARDS: readonly TestCard[] = [
  { number: '4242424242424242', label: 'Good', ids: ['pm_card_visa', 'tok_visa'], brand: 'visa' },
  {
    number: '5555555555554444',
    label: 'Good (Mastercard)',
    ids: ['pm_card_mastercard', 'tok_mastercard'],
    brand: 'mastercard',
  },
  {
    number: '4000000000000002',
    label: 'Declined',
    ids: ['pm_card_chargeDeclined', 'pm_card_visa_chargeDeclined', 'tok_chargeDeclined', 'tok_visa_chargeDeclined'],
    brand: 'visa',
    decline: DECLINED,
    refusedWhenKept: true,
  },
  {
    number: '4000000000009995',
    label: 'Insufficient funds',
    ids: [
      'pm_card_chargeDeclinedInsufficientFunds',
      'pm_card_visa_chargeDeclinedInsufficientFunds',
      'tok_visa_chargeDeclinedInsufficientFunds',
    ],
    brand: 'visa',
    decline: {
      code: 'card_declined',
      declineCode: 'insufficient_funds',
      message: 'Your card has insufficient funds.',
    },
    refusedWhenKept: true,
  },
  {
    number: '4000000000000069',
    label: 'Expired',
    ids: ['pm_card_chargeDeclinedExpiredCard', 'tok_chargeDeclinedExpiredCard'],
    brand: 'visa',
    decline: { code: 'expired_card', declineCode: 'expired_card', message: 'Your card has expired.' },
    refusedWhenKept: true,
  },
  {
    number: '4000000000000119',
    label: 'Processing error',
    ids: ['pm_card_chargeDeclinedProcessingError', 'tok_chargeDeclinedProcessingError'],
    brand: 'visa',
    decline: {
      code: 'processing_error',
      declineCode: 'processing_error',
      message: 'An error occurred while processing your card. Try again in a little bit.',
    },
    refusedWhenKept: true,
  },
  {
    number: '4000000000000341',
    label: 'Can be kept, then declines',
    ids: ['pm_card_chargeCustomerFail', 'tok_chargeCustomerFail'],
    brand: 'visa',
    decline: DECLINED,
  },
  {
    number: '4000002760003184',
    label: 'Authentication required, always',
    ids: ['pm_card_authenticationRequired', 'tok_authenticationRequired'],
    brand: 'visa',
    authentication: 'always',
  },
  {
    number: '4000002500003155',
    label: 'Authentication required, unless set up',
    ids: ['pm_card_authenticationRequiredOnSetup', 'tok_authenticationRequiredOnSetup'],
    brand: 'visa',
    authentication: 'unless_set_up',
  },
  {
    number: '4000000000000259',
    label: 'Paid, then disputed as fraudulent',
    ids: ['pm_card_createDispute', 'tok_createDispute'],
    brand: 'visa',
    dispute: { reason: 'fraudulent', inquiry: false },
  },
  {
    number: '4000000000002685',
    label: 'Paid, then disputed as not received',
    ids: ['pm_card_createDisputeProductNotReceived', 'tok_createDisputeProductNotReceived'],
    brand: 'visa',
    dispute: { reason: 'product_not_received', inquiry: false },
  },
  {
    number: '4000000000001976',
    label: 'Paid, then inquired about',
    ids: ['pm_card_createDisputeInquiry', 'tok_createDisputeInquiry'],
    brand: 'visa',
    dispute: { reason: 'fraudulent', inquiry: true },
  },
  {
    number: '4000000000007726',
    label: 'Refunds stay pending',
    ids: ['pm_card_pendingRefund', 'tok_pendingRefund'],
    brand: 'visa',
    refund: 'pending',
  },
  {
    number: '4000000000005126',
    label: 'Refunds succeed, then fail',
    ids: ['pm_card_refundFail', 'tok_refundFail'],
    brand: 'visa',
    refund: 'fails',
  },
]

export function testCards(): readonly TestCard[] {
  return CARDS
}

export function cardById(id: string): TestCard | undefined {
  return CARDS.find((card) => card.ids.includes(id))
}

export function cardByNumber(number: string): TestCard | undefined {
  return CARDS.find((card) => card.number === number)
}
