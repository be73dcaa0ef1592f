/** Faults on order: what a network, a proxy or Stripe itself can do to a request, before or after it took effect. */
import type { Books } from './books.ts'
import { newId } from './desk.ts'
import type { ErrorObject } from './refusal.ts'

export interface Fault {
  /** As in `Requests`, or `*` for any. */
  readonly route: string
  /** How many requests it still meets. */
  readonly times: number
  /** Whether the request was carried out when the fault strikes. */
  readonly strikes: 'before' | 'after'
  /** By the double's clock. */
  readonly delayMs: number
  /** `real` is the answer as it would be; `lost` closes the connection without one. */
  readonly answer: 'real' | 'lost' | number
}

export function orderFault(books: Books, order: Partial<Fault> & Pick<Fault, 'route'>): string {
  const id = newId('fault')
  books.putNote('fault', id, { times: 1, strikes: 'before', delayMs: 0, answer: 'real', ...order })
  return id
}

export function takeFault(books: Books, route: string): Fault | undefined {
  const found = books.notes('fault').find(({ note }) => note.route === '*' || note.route === route)
  if (found === undefined) return undefined
  const { id, note } = found
  if (note.times > 1) books.putNote('fault', id, { ...note, times: note.times - 1 })
  else books.removeNote('fault', id)
  return note
}

export function faultError(status: number): ErrorObject {
  if (status === 409) {
    return {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message: 'There is currently another in-progress request using this Idempotency Key.',
    }
  }
  if (status === 429) return { type: 'invalid_request_error', code: 'rate_limit', message: 'Too many requests.' }
  return { type: 'api_error', message: 'An unexpected error occurred on our side (ordered from the control plane).' }
}
