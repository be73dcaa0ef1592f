/**
 * Every request that the double understands, as the SDK types it. Handlers are typed by it, and JSON Schema is made of
 * it, so a parameter that is not picked here is refused rather than ignored.
 */
import type { Stripe } from 'stripe'

type Customer = 'address' | 'description' | 'email' | 'expand' | 'metadata' | 'name' | 'phone'
type Settings = 'customer' | 'description' | 'expand' | 'metadata' | 'payment_method' | 'allowed_payment_method_types'
type Confirm = 'expand' | 'off_session' | 'payment_method' | 'return_url' | 'setup_future_usage' | 'mandate_data'
type Session = Stripe.Checkout.SessionCreateParams

type PaymentIntentCreate = Pick<
  Stripe.PaymentIntentCreateParams,
  | Settings
  | Confirm
  | 'amount'
  | 'automatic_payment_methods'
  | 'capture_method'
  | 'confirm'
  | 'confirmation_method'
  | 'currency'
  | 'error_on_requires_action'
  | 'receipt_email'
  | 'shipping'
  | 'statement_descriptor_suffix'
>

export type SessionLineItem = Pick<Stripe.Checkout.SessionCreateParams.LineItem, 'price' | 'quantity'> & {
  price_data?: Pick<
    Stripe.Checkout.SessionCreateParams.LineItem.PriceData,
    'currency' | 'product' | 'product_data' | 'unit_amount'
  >
}

type SessionCreate = Pick<
  Session,
  | 'adaptive_pricing'
  | 'allowed_payment_method_types'
  | 'cancel_url'
  | 'client_reference_id'
  | 'customer'
  | 'customer_email'
  | 'expand'
  | 'expires_at'
  | 'locale'
  | 'metadata'
  | 'mode'
  | 'submit_type'
  | 'success_url'
  | 'ui_mode'
> & {
  line_items?: SessionLineItem[]
  payment_intent_data?: PaymentIntentData
}

export type PaymentIntentData = Pick<
  Stripe.Checkout.SessionCreateParams.PaymentIntentData,
  'description' | 'metadata' | 'receipt_email' | 'setup_future_usage' | 'shipping' | 'statement_descriptor_suffix'
>

type PaymentMethodCreate = Pick<
  Stripe.PaymentMethodCreateParams,
  'billing_details' | 'expand' | 'metadata' | 'sepa_debit' | 'type'
> & { card?: Stripe.PaymentMethodCreateParams.Card }

/** What the hosted page itself sends: undocumented, and used by Stripe's CLI, whose fixtures pay without a browser. */
interface PaymentPageConfirm {
  payment_method: string
  expected_amount: number
  expand?: string[]
}

/** Without a name, TypeScript's empty interfaces would take anything. */
interface Nothing {
  expand?: string[]
}

export interface Requests {
  'POST /v1/customers': Pick<Stripe.CustomerCreateParams, Customer | 'payment_method'>
  'GET /v1/customers': Pick<Stripe.CustomerListParams, Page | 'created' | 'email'>
  'GET /v1/customers/:id': Stripe.CustomerRetrieveParams
  'POST /v1/customers/:id': Pick<Stripe.CustomerUpdateParams, Customer> & {
    invoice_settings?: Pick<Stripe.CustomerUpdateParams.InvoiceSettings, 'default_payment_method'>
  }
  'DELETE /v1/customers/:id': Nothing
  'GET /v1/customers/:id/payment_methods': Pick<Stripe.CustomerListPaymentMethodsParams, Page | 'type'>
  'GET /v1/customers/:id/payment_methods/:other': Stripe.CustomerRetrievePaymentMethodParams

  'POST /v1/payment_methods': PaymentMethodCreate
  'GET /v1/payment_methods': Pick<Stripe.PaymentMethodListParams, Page | 'customer' | 'type'>
  'GET /v1/payment_methods/:id': Stripe.PaymentMethodRetrieveParams
  'POST /v1/payment_methods/:id': Pick<Stripe.PaymentMethodUpdateParams, 'billing_details' | 'expand' | 'metadata'>
  'POST /v1/payment_methods/:id/attach': Pick<Stripe.PaymentMethodAttachParams, 'customer' | 'expand'>
  'POST /v1/payment_methods/:id/detach': Stripe.PaymentMethodDetachParams

  'POST /v1/payment_intents': PaymentIntentCreate
  'GET /v1/payment_intents': Pick<Stripe.PaymentIntentListParams, Page | 'created' | 'customer'>
  'GET /v1/payment_intents/:id': Pick<Stripe.PaymentIntentRetrieveParams, 'expand'>
  'POST /v1/payment_intents/:id': Pick<
    Stripe.PaymentIntentUpdateParams,
    'amount' | 'description' | 'expand' | 'metadata' | 'payment_method' | 'setup_future_usage'
  >
  'POST /v1/payment_intents/:id/confirm': Pick<Stripe.PaymentIntentConfirmParams, Confirm | 'error_on_requires_action'>
  'POST /v1/payment_intents/:id/cancel': Stripe.PaymentIntentCancelParams
  'POST /v1/payment_intents/:id/capture': Pick<Stripe.PaymentIntentCaptureParams, 'expand'>

  'POST /v1/setup_intents': Pick<
    Stripe.SetupIntentCreateParams,
    Settings | 'automatic_payment_methods' | 'confirm' | 'return_url' | 'usage'
  >
  'GET /v1/setup_intents': Pick<Stripe.SetupIntentListParams, Page | 'created' | 'customer' | 'payment_method'>
  'GET /v1/setup_intents/:id': Pick<Stripe.SetupIntentRetrieveParams, 'expand'>
  'POST /v1/setup_intents/:id/confirm': Pick<
    Stripe.SetupIntentConfirmParams,
    'expand' | 'payment_method' | 'return_url'
  >
  'POST /v1/setup_intents/:id/cancel': Stripe.SetupIntentCancelParams

  'POST /v1/checkout/sessions': SessionCreate
  'GET /v1/checkout/sessions': Pick<
    Stripe.Checkout.SessionListParams,
    Page | 'created' | 'customer' | 'payment_intent' | 'status'
  >
  'GET /v1/checkout/sessions/:id': Stripe.Checkout.SessionRetrieveParams
  'POST /v1/checkout/sessions/:id/expire': Stripe.Checkout.SessionExpireParams
  'GET /v1/checkout/sessions/:id/line_items': Stripe.Checkout.SessionListLineItemsParams
  'GET /v1/payment_pages/:id': Nothing
  'POST /v1/payment_pages/:id/confirm': PaymentPageConfirm

  'POST /v1/products': Pick<Stripe.ProductCreateParams, 'description' | 'expand' | 'metadata' | 'name'>
  'POST /v1/prices': Pick<Stripe.PriceCreateParams, 'currency' | 'expand' | 'metadata' | 'product' | 'unit_amount'>

  'GET /v1/charges': Pick<Stripe.ChargeListParams, Page | 'created' | 'customer' | 'payment_intent'>
  'GET /v1/charges/:id': Stripe.ChargeRetrieveParams

  'POST /v1/refunds': Pick<
    Stripe.RefundCreateParams,
    'amount' | 'charge' | 'expand' | 'metadata' | 'payment_intent' | 'reason'
  >
  'GET /v1/refunds': Pick<Stripe.RefundListParams, Page | 'charge' | 'created' | 'payment_intent'>
  'GET /v1/refunds/:id': Stripe.RefundRetrieveParams
  'POST /v1/refunds/:id': Stripe.RefundUpdateParams

  'GET /v1/disputes': Pick<Stripe.DisputeListParams, Page | 'charge' | 'created' | 'payment_intent'>
  'GET /v1/disputes/:id': Stripe.DisputeRetrieveParams
  'POST /v1/disputes/:id': Pick<Stripe.DisputeUpdateParams, 'expand' | 'metadata' | 'submit'> & {
    evidence?: Pick<Stripe.DisputeUpdateParams.Evidence, 'uncategorized_text'>
  }
  'POST /v1/disputes/:id/close': Stripe.DisputeCloseParams

  'GET /v1/events': Pick<Stripe.EventListParams, Page | 'created' | 'type' | 'types'>
  'GET /v1/events/:id': Stripe.EventRetrieveParams

  'POST /v1/webhook_endpoints': Pick<
    Stripe.WebhookEndpointCreateParams,
    'api_version' | 'description' | 'enabled_events' | 'expand' | 'metadata' | 'url'
  >
  'GET /v1/webhook_endpoints': Stripe.WebhookEndpointListParams
  'GET /v1/webhook_endpoints/:id': Stripe.WebhookEndpointRetrieveParams
  'POST /v1/webhook_endpoints/:id': Stripe.WebhookEndpointUpdateParams
  'DELETE /v1/webhook_endpoints/:id': Nothing

  'POST /v1/billing_portal/sessions': Pick<
    Stripe.BillingPortal.SessionCreateParams,
    'customer' | 'expand' | 'return_url'
  >
}

type Page = 'ending_before' | 'expand' | 'limit' | 'starting_after'
export type Route = keyof Requests
