/** The billing portal: a page on which customers see and remove their cards. */
import type { Stripe } from 'stripe'
import { livingCustomer, newId, type Routes, seconds } from './desk.ts'
import { missingParam } from './refusal.ts'

export const portalRoutes = {
  'POST /v1/billing_portal/sessions': (desk, params) => {
    const { customer, return_url: returnUrl = null } = params
    if (customer === undefined) throw missingParam('customer')
    livingCustomer(desk, customer, 'customer')
    const id = newId('bps')
    const session: Stripe.BillingPortal.Session = {
      id,
      object: 'billing_portal.session',
      configuration: 'bpc_double',
      created: seconds(desk),
      customer,
      customer_account: null,
      flow: null,
      livemode: false,
      locale: null,
      on_behalf_of: null,
      return_url: returnUrl,
      url: `${desk.origin}/p/session/${id}`,
    }
    desk.books.put(session)
    desk.emit('billing_portal.session.created', session)
    return session
  },
} satisfies Routes
