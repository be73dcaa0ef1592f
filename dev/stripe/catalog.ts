/** Products and prices, as far as Checkout's line items need them: set up before, or made inline. */
import { Stripe } from 'stripe'
import { type Desk, existing, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { invalid, missingParam } from './refusal.ts'
import type { Requests, SessionLineItem } from './requests.ts'

export const catalogRoutes = {
  'POST /v1/products': (desk, params) => {
    const product = newProduct(desk, params)
    desk.emit('product.created', product)
    return product
  },
  'POST /v1/prices': (desk, params) => {
    const { product, unit_amount: amount, currency, metadata } = params
    if (product === undefined) throw missingParam('product')
    if (amount === undefined) throw missingParam('unit_amount')
    existing(desk, 'product', product, 'product')
    const price = newPrice(desk, { product, amount, currency, metadata })
    desk.emit('price.created', price)
    return price
  },
} satisfies Routes

function newProduct(desk: Desk, params: Requests['POST /v1/products']): Stripe.Product {
  const product: Stripe.Product = {
    id: newId('prod'),
    object: 'product',
    active: true,
    created: seconds(desk),
    description: params.description ?? null,
    images: [],
    livemode: false,
    marketing_features: [],
    metadata: mergeMetadata(null, params.metadata),
    name: params.name,
    package_dimensions: null,
    shippable: null,
    tax_details: null,
    type: 'service',
    updated: seconds(desk),
    url: null,
  }
  desk.books.put(product)
  return product
}

interface PriceFields {
  readonly product: string
  readonly amount: number
  readonly currency: string
  readonly metadata?: Stripe.MetadataParam | undefined
}

function newPrice(desk: Desk, { product, amount, currency, metadata }: PriceFields): Stripe.Price {
  const price: Stripe.Price = {
    id: newId('price'),
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    created: seconds(desk),
    currency: currency.toLowerCase(),
    custom_unit_amount: null,
    livemode: false,
    lookup_key: null,
    metadata: mergeMetadata(null, metadata),
    nickname: null,
    product,
    recurring: null,
    tax_behavior: 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: 'one_time',
    unit_amount: amount,
    unit_amount_decimal: Stripe.Decimal.from(amount),
  }
  desk.books.put(price)
  return price
}

/** What is bought, with the price that it names or brings with it. */
export function lineItem(desk: Desk, given: SessionLineItem, index: number): Stripe.LineItem {
  const at = `line_items[${index}]`
  const { price_data: data, price: priceId, quantity = 1 } = given
  if ((data === undefined) === (priceId === undefined)) {
    throw invalid(`Give one of price and price_data.`, 'parameter_missing', `${at}[price]`)
  }
  if (quantity < 1) throw invalid('Invalid positive integer', 'parameter_invalid_integer', `${at}[quantity]`)
  const price =
    data === undefined ? existing(desk, 'price', priceId ?? '', `${at}[price]`) : inlinePrice(desk, data, at)
  const total = (price.unit_amount ?? 0) * quantity
  const product = desk.books.get('product', String(price.product))
  return {
    id: newId('li'),
    object: 'item',
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: total,
    amount_tax: 0,
    amount_total: total,
    currency: price.currency,
    description: product?.name ?? null,
    metadata: {},
    price,
    quantity,
  }
}

function inlinePrice(desk: Desk, data: NonNullable<SessionLineItem['price_data']>, at: string): Stripe.Price {
  const { currency, product: id, product_data: made, unit_amount: amount } = data
  if (amount === undefined) throw missingParam(`${at}[price_data][unit_amount]`)
  if (amount < 0) throw invalid('Invalid non-negative integer', 'parameter_invalid_integer')
  if (id !== undefined) existing(desk, 'product', id, `${at}[price_data][product]`)
  if (id === undefined && made === undefined) throw missingParam(`${at}[price_data][product_data]`)
  const { name = '', description, metadata } = made ?? {}
  const extra = {
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
  }
  return newPrice(desk, { product: id ?? newProduct(desk, { name, ...extra }).id, amount, currency })
}
