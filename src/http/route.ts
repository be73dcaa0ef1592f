/**
 * A route: one entry of the contract with its handler. From the same value come the routing, the authorisation, the
 * validation and the OpenAPI document, so that none can forget the other.
 */
import type { Context } from 'hono'
import type * as z from 'zod'
import type { Caller } from '../account/requests.ts'
import type { Scope } from './auth.ts'
import type { Configuration } from './configuration.ts'
import type { ProblemCode } from './problems.ts'

export type Http = { Bindings: Env; Variables: { requestId: string } }

export interface Call<Body, Query> {
  readonly env: Env
  readonly configuration: Configuration
  readonly context: Context<Http>
  readonly caller: Caller
  /** Valid ids; '' if the path has none. */
  readonly account: string
  readonly id: string
  readonly body: Body
  readonly query: Query
}

export interface AnswerSpec {
  readonly description: string
  readonly schema?: z.ZodType
  readonly contentType?: string
}

export interface RouteSpec<Body extends z.ZodType, Query extends z.ZodType> {
  readonly method: 'get' | 'put' | 'post' | 'delete'
  /** As Hono writes it; parameters are `account` and `id`. */
  readonly path: string
  readonly operation: string
  readonly group: string
  readonly summary: string
  readonly description?: string
  readonly scopes: readonly Scope[] | 'public'
  /** Not counted by the rate limit: watchdogs ask often, and the answer costs nothing. */
  readonly uncounted?: boolean
  /** Its caller is known by a signature over the body, which the handler verifies: a 400 is a failed authentication. */
  readonly signed?: boolean
  readonly body?: Body
  readonly maxBodyBytes?: number
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>>
  readonly answers: Readonly<Record<number, AnswerSpec>>
  /** Problems beyond those that every route of its kind can answer. */
  readonly problems?: readonly ProblemCode[]
  readonly idSchema?: z.ZodType
  handle(call: Call<z.output<Body>, z.output<Query>>): Response | Promise<Response>
}

/** A route whose types have done their work. */
export type Route = RouteSpec<z.ZodType, z.ZodType>

export const MAX_BODY_BYTES = 64 * 1024

export function route<Body extends z.ZodType = z.ZodType<unknown>, Query extends z.ZodType = z.ZodType<unknown>>(
  spec: RouteSpec<Body, Query>,
): Route {
  // Sound, because a handler is only ever called with what its own schemas let through.
  return spec as unknown as Route
}

export const EVERYONE: readonly Scope[] = ['operator', 'runner', 'billing', 'read']
export const READERS: readonly Scope[] = ['operator', 'billing', 'read']
export const RUNNERS: readonly Scope[] = ['operator', 'runner']
export const OWNERS: readonly Scope[] = ['operator', 'billing']
export const OPERATORS: readonly Scope[] = ['operator']
