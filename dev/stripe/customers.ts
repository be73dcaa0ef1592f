/** Customers. Deleting one keeps its id readable, and lets go of its payment methods. */
import type { Stripe } from 'stripe'
import { type Desk, existing, livingCustomer, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { changes } from './events.ts'
import { list } from './lists.ts'
import { addressOf, keepMethod, methodsOf, ofCustomer, release, usableMethod } from './methods.ts'
import { invalid } from './refusal.ts'
import type { Requests } from './requests.ts'

export const customerRoutes = {
  'POST /v1/customers': create,
  'GET /v1/customers': (desk, { email, ...params }) => {
    const matches = (each: Stripe.Customer | Stripe.DeletedCustomer) =>
      !each.deleted && (email === undefined || each.email === email)
    return list(desk, 'customer', '/v1/customers', params, matches)
  },
  'GET /v1/customers/:id': (desk, _params, { id }) => existing(desk, 'customer', id),
  'POST /v1/customers/:id': update,
  'DELETE /v1/customers/:id': (desk, _params, { id }) => remove(desk, id),
  'GET /v1/customers/:id/payment_methods': (desk, { type, ...params }, { id }) => {
    livingCustomer(desk, id)
    return list(desk, 'payment_method', `/v1/customers/${id}/payment_methods`, params, ofCustomer(id, type))
  },
  'GET /v1/customers/:id/payment_methods/:other': (desk, _params, { id, other }) => {
    livingCustomer(desk, id)
    const method = existing(desk, 'payment_method', other)
    if (method.customer !== id) throw invalid('This PaymentMethod is not attached to the customer.')
    return method
  },
} satisfies Routes

function create(desk: Desk, params: Requests['POST /v1/customers']): object {
  const { payment_method: method, address, metadata, description = null, email = null, name = null } = params
  const customer: Stripe.Customer = {
    id: newId('cus'),
    object: 'customer',
    address: addressOf(address),
    balance: 0,
    created: seconds(desk),
    currency: null,
    default_source: null,
    delinquent: false,
    description,
    discount: null,
    email,
    invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
    livemode: false,
    metadata: mergeMetadata(null, metadata),
    name,
    phone: params.phone ?? null,
    shipping: null,
  }
  desk.books.put(customer)
  desk.emit('customer.created', customer)
  if (method !== undefined) keepMethod(desk, usableMethod(desk, method), customer.id, 'attach')
  return customer
}

function update(desk: Desk, params: Requests['POST /v1/customers/:id'], { id }: { readonly id: string }): object {
  const before = livingCustomer(desk, id)
  const { address, description, email, name, phone, metadata, invoice_settings } = params
  const method = invoice_settings?.default_payment_method
  if (method && existing(desk, 'payment_method', method, 'invoice_settings[default_payment_method]').customer !== id) {
    throw invalid('The customer does not have a payment method with that ID.', 'resource_missing')
  }
  const after: Stripe.Customer = {
    ...before,
    ...(address === undefined ? {} : { address: addressOf(address) }),
    ...(description === undefined ? {} : { description }),
    ...(email === undefined ? {} : { email }),
    ...(name === undefined ? {} : { name }),
    ...(phone === undefined ? {} : { phone }),
    ...(method === undefined
      ? {}
      : { invoice_settings: { ...before.invoice_settings, default_payment_method: method || null } }),
    metadata: mergeMetadata(before.metadata, metadata),
  }
  desk.books.put(after)
  desk.emit('customer.updated', after, changes(before, after))
  return after
}

function remove(desk: Desk, id: string): Stripe.DeletedCustomer {
  const customer = livingCustomer(desk, id)
  for (const method of methodsOf(desk, id)) release(desk, method)
  const deleted: Stripe.DeletedCustomer = { id, object: 'customer', deleted: true }
  desk.books.put(deleted)
  desk.emit('customer.deleted', customer)
  return deleted
}
