/** The routes of payment methods. */
import type { Stripe } from 'stripe'
import { cardById, cardByNumber } from './cards.ts'
import { type Desk, existing, livingCustomer, mergeMetadata, type Routes } from './desk.ts'
import { changes } from './events.ts'
import { list } from './lists.ts'
import { billingDetails, cardMethod, debitMethod, keepMethod, ofCustomer, release, usableMethod } from './methods.ts'
import { invalid, missing, missingParam } from './refusal.ts'
import type { Requests } from './requests.ts'

export const paymentMethodRoutes = {
  'POST /v1/payment_methods': (desk, params) => createMethod(desk, params),
  'GET /v1/payment_methods': (desk, { customer, type, ...params }) => {
    if (customer !== undefined) livingCustomer(desk, customer, 'customer')
    // Without a customer there is nothing to list: only attached methods are found.
    const matches = customer === undefined ? () => false : ofCustomer(customer, type)
    return list(desk, 'payment_method', '/v1/payment_methods', params, matches)
  },
  'GET /v1/payment_methods/:id': (desk, _params, { id }) => existing(desk, 'payment_method', id),
  'POST /v1/payment_methods/:id': (desk, { metadata, billing_details }, { id }) => {
    const before = existing(desk, 'payment_method', id)
    if (before.customer === null)
      throw invalid('You must save this PaymentMethod to a customer before you can update it.')
    const after: Stripe.PaymentMethod = {
      ...before,
      metadata: mergeMetadata(before.metadata, metadata),
      billing_details: billingDetails(billing_details, before.billing_details),
    }
    desk.books.put(after)
    desk.emit('payment_method.updated', after, changes(before, after))
    return after
  },
  'POST /v1/payment_methods/:id/attach': (desk, { customer }, { id }) => {
    if (customer === undefined) throw missingParam('customer')
    livingCustomer(desk, customer, 'customer')
    const method = usableMethod(desk, id, null)
    if (method.customer === customer) return method
    if (method.customer !== null) {
      throw invalid('The payment method you provided has already been attached to a customer.')
    }
    return keepMethod(desk, method, customer, 'attach')
  },
  'POST /v1/payment_methods/:id/detach': (desk, _params, { id }) => {
    const method = existing(desk, 'payment_method', id)
    if (method.customer === null) throw invalid('The payment method you provided is not attached to a customer.')
    return release(desk, method)
  },
} satisfies Routes

function createMethod(desk: Desk, params: Requests['POST /v1/payment_methods']): Stripe.PaymentMethod {
  const { type, card, sepa_debit, metadata } = params
  const details = billingDetails(params.billing_details)
  const made = () => {
    if (type === 'sepa_debit') {
      if (sepa_debit === undefined) throw missingParam('sepa_debit')
      return debitMethod(desk, sepa_debit.iban, details)
    }
    if (type !== 'card') throw invalid(`The double has cards and sepa_debit, not ${type}.`, undefined, 'type')
    if (card === undefined) throw missingParam('card')
    const found = card.token === undefined ? cardByNumber(card.number ?? '') : cardById(card.token)
    if (found !== undefined) return cardMethod(desk, found, details)
    if (card.token !== undefined) throw missing('token', card.token, 'card[token]')
    throw invalid('Your card number is incorrect, or the double has no such test card.', 'incorrect_number', 'number')
  }
  const method: Stripe.PaymentMethod = { ...made(), metadata: mergeMetadata(null, metadata) }
  desk.books.put(method)
  return method
}
