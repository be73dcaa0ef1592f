/** What a handler works with: the books, the time, and the events it causes, all in the transaction of one request. */
import { randomBytes } from 'node:crypto'
import type { Stripe } from 'stripe'
import type { Books, Kind, Kinds } from './books.ts'
import { type Declined, missing } from './refusal.ts'
import type { Requests, Route } from './requests.ts'

export interface Desk {
  readonly books: Books
  readonly nowMs: number
  /** Where the double's own pages are. */
  readonly origin: string
  readonly request: Stripe.Event.Request | null
  emit<T extends Stripe.Event['type']>(type: T, object: ObjectOf<T>, before?: object): void
}

type ObjectOf<T extends Stripe.Event['type']> = Extract<Stripe.Event, { type: T }>['data']['object']

export interface Ids {
  readonly id: string
  readonly other: string
}
export type Routes = { readonly [R in Route]?: (desk: Desk, params: Requests[R], ids: Ids) => object | Declined }

export const API_VERSION = '2026-10-28.endive' satisfies Stripe.LatestApiVersion

const ID_BYTES = 12

export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(ID_BYTES).toString('hex')}`
}

export function seconds(desk: Pick<Desk, 'nowMs'>): number {
  return Math.floor(desk.nowMs / 1000)
}

/** The object, or a refusal: a 404 if its id stood in the path, else a 400 that names the parameter. */
export function existing<K extends Kind>(desk: Desk, kind: K, id: string, param?: string): Kinds[K] {
  const found = desk.books.get(kind, id)
  if (found === undefined) throw missing(kind, id, param)
  return found
}

/** A customer that was deleted can be read, but no more than that. */
export function livingCustomer(desk: Desk, id: string, param?: string): Stripe.Customer {
  const found = existing(desk, 'customer', id, param)
  if (found.deleted) throw missing('customer', id, param)
  return found
}

/** Keys are added and replaced; an empty value takes one away, and an empty whole takes all. */
export function mergeMetadata(
  before: Stripe.Metadata | null,
  change: Stripe.Emptyable<Stripe.MetadataParam> | undefined,
): Stripe.Metadata {
  if (change === undefined) return before ?? {}
  if (change === '' || change === null) return {}
  const merged = Object.entries({ ...before, ...change }).map(([key, value]) => [key, String(value ?? '')] as const)
  return Object.fromEntries(merged.filter(([, value]) => value !== ''))
}

/** A reference to another object: its id, whether or not it was expanded. */
export function idOf(reference: string | { readonly id: string } | null): string | null {
  return typeof reference === 'object' ? (reference?.id ?? null) : reference
}
