/** Lists, newest first, with cursors; and the expansion of ids into the objects they name. */
import type { Stripe } from 'stripe'
import type { Kind, Kinds } from './books.ts'
import type { Desk } from './desk.ts'
import { existing } from './desk.ts'
import { invalid } from './refusal.ts'

const DEFAULT_LIMIT = 10
const MAX_LIMIT = 100
const MAX_EXPAND_DEPTH = 4

interface ListParams extends Stripe.PaginationParams {
  readonly created?: Stripe.RangeQueryParam | number
}

export function list<K extends Kind>(
  desk: Desk,
  kind: K,
  url: string,
  params: ListParams,
  wanted: (object: Kinds[K]) => boolean = () => true,
): Stripe.ApiList<Kinds[K]> {
  const matches = function* () {
    for (const object of desk.books.newestFirst(kind)) {
      if (inRange(object, params.created) && wanted(object)) yield object
    }
  }
  for (const cursor of ['starting_after', 'ending_before'] as const) {
    const id = params[cursor]
    if (id !== undefined) existing(desk, kind, id, cursor)
  }
  return page(matches(), url, params)
}

export function page<T extends { readonly id: string }>(
  newestFirst: Iterable<T>,
  url: string,
  params: Stripe.PaginationParams,
): Stripe.ApiList<T> {
  const { limit = DEFAULT_LIMIT, starting_after: after, ending_before: before } = params
  if (limit < 1 || limit > MAX_LIMIT) {
    throw invalid(`This value must be between 1 and ${MAX_LIMIT}.`, 'parameter_invalid_integer', 'limit')
  }
  if (after !== undefined && before !== undefined) {
    throw invalid(
      'You may only specify one of these parameters: ending_before, starting_after.',
      'parameters_exclusive',
    )
  }
  const data: T[] = []
  let open = after === undefined
  for (const object of newestFirst) {
    if (object.id === before) break
    if (open) data.push(object)
    if (object.id === after) open = true
    if (before === undefined && data.length > limit) break
  }
  // Backwards, the page is the one just before the cursor, still newest first.
  const kept = before === undefined ? data.slice(0, limit) : data.slice(-limit)
  return { object: 'list', data: kept, has_more: data.length > limit, url }
}

function inRange(object: object, range: ListParams['created']): boolean {
  if (range === undefined) return true
  if (!('created' in object) || typeof object.created !== 'number') return false
  if (typeof range === 'number') return object.created === range
  const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity } = range
  return object.created > gt && object.created >= gte && object.created < lt && object.created <= lte
}

/** A copy of an answer in which each path (`latest_charge`, `data.customer`) holds the object in place of its id. */
export function expand(desk: Desk, answer: object, paths: readonly string[]): object {
  // As it will be read: a decimal, for one, is text on the wire.
  const copy = JSON.parse(JSON.stringify(answer)) as Record<string, unknown>
  for (const path of paths) {
    const steps = path.split('.')
    if (steps.length > MAX_EXPAND_DEPTH) throw invalid(`You cannot expand more than ${MAX_EXPAND_DEPTH} levels.`)
    expandPath(desk, copy, steps, path)
  }
  return copy
}

function expandPath(desk: Desk, holder: Record<string, unknown>, steps: readonly string[], path: string): void {
  const [step = '', ...rest] = steps
  let value = holder[step] ?? includable(desk, holder, step)
  if (value === undefined) throw invalid(`This property cannot be expanded (${path}).`, undefined, 'expand')
  if (typeof value === 'string') {
    value = desk.books.find(value)
    if (value === undefined) throw invalid(`This property cannot be expanded (${path}).`, undefined, 'expand')
  }
  holder[step] = value
  if (rest.length === 0 || value === null) return
  for (const inner of Array.isArray(value) ? value : [value]) expandPath(desk, inner, rest, path)
}

/** Lists that Stripe leaves out of an object unless they are asked for. */
function includable(desk: Desk, holder: Record<string, unknown>, step: string): unknown {
  const { object, id } = holder
  if (object === 'charge' && step === 'refunds') {
    return list(desk, 'refund', `/v1/charges/${id}/refunds`, {}, (refund) => refund.charge === id)
  }
  if (object === 'checkout.session' && step === 'line_items') {
    const items = desk.books.note('session', String(id))?.items ?? []
    return page(items, `/v1/checkout/sessions/${id}/line_items`, {})
  }
  return step in holder ? null : undefined
}
