/** The OpenAPI 3.1 document, made from the routes and the very schemas that validate. */
import * as z from 'zod'
import { Problem } from './answers.ts'
import { AccountId, CallerId } from './fields.ts'
import { PROBLEMS, type ProblemCode } from './problems.ts'
import type { AnswerSpec, Route } from './route.ts'

export interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  /** Which keys may call it; `public` needs none. */
  readonly 'x-scopes': readonly string[] | 'public'
  readonly security: readonly object[]
  readonly parameters: readonly Parameter[]
  readonly requestBody?: Content & { readonly required: boolean }
  readonly responses: Readonly<Record<string, { readonly description: string } & Partial<Content>>>
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

interface Content {
  readonly content: Readonly<Record<string, { readonly schema?: JsonSchema }>>
}

export type JsonSchema = Readonly<Record<string, unknown>>

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: object
  readonly security: readonly object[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly securitySchemes: object; readonly schemas: Readonly<Record<string, JsonSchema>> }
}

const DESCRIPTION = `Prepaid credits for code reviews: reserve, settle, release. Credits are numbers with at most 3
decimals, money is integer cents, times are RFC 3339 in UTC. Every write on credits names what it writes, so it can be
repeated for ever. Errors are RFC 9457 problems with a code from a closed list.`

let made: OpenApi | null = null

/** Made on first use: no request but one for the document pays for it. */
export function openApi(routes: readonly Route[]): OpenApi {
  made ??= make(routes)
  return made
}

function make(routes: readonly Route[]): OpenApi {
  const schemas = new Schemas()
  const paths: Record<string, Record<string, Operation>> = {}
  for (const route of routes) {
    const path = openApiPath(route.path)
    paths[path] = { ...paths[path], [route.method]: operation(route, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Assay Credits',
      version: '1',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A service key or an account key.' } },
      schemas: schemas.components,
    },
  }
}

/** `/a/:id` is `/a/{id}`, and `/:verb{reservations:batch}` is what it can only be. */
export function openApiPath(path: string): string {
  return path.replace(/:\w+\{([^}]+)\}/g, '$1').replace(/(?<=\/):(\w+)(?=\/|$)/g, '{$1}')
}

function operation(route: Route, schemas: Schemas): Operation {
  const isPublic = route.scopes === 'public'
  return {
    operationId: route.operation,
    tags: [route.group],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    'x-scopes': route.scopes,
    security: isPublic ? [] : [{ key: [] }],
    parameters: parameters(route, schemas),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: content(schemas.input(route.body)) } }),
    responses: { ...answers(route, schemas), ...problems(route, schemas) },
  }
}

function parameters(route: Route, schemas: Schemas): Parameter[] {
  const path = [...openApiPath(route.path).matchAll(/\{(\w+)\}/g)].map(([, name = '']): Parameter => {
    const schema = name === 'account' ? AccountId : (route.idSchema ?? CallerId)
    return { name, in: 'path', required: true, schema: schemas.input(schema) }
  })
  const query =
    route.query === undefined ? {} : (schemas.input(route.query)['properties'] as Record<string, JsonSchema>)
  const headers = Object.entries(route.headers ?? {})
  return [
    ...path,
    ...Object.entries(query ?? {}).map(([name, schema]): Parameter => ({ name, in: 'query', required: false, schema })),
    ...headers.map(
      ([name, description]): Parameter => ({
        ...{ name, in: 'header', required: false, description },
        schema: { type: 'string' },
      }),
    ),
  ]
}

function answers(route: Route, schemas: Schemas) {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema, contentType }]: [string, AnswerSpec]) => {
      if (contentType !== undefined) return [status, { description, content: { [contentType]: {} } }]
      return [
        status,
        schema === undefined ? { description } : { description, content: content(schemas.output(schema)) },
      ]
    }),
  )
}

/** One response per status, with the codes that it may carry. */
function problems(route: Route, schemas: Schemas) {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of problemCodes(route)) {
    const { status } = PROBLEMS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const schema = schemas.output(Problem)
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\``).join(', '),
        content: { 'application/problem+json': { schema } },
      },
    ]),
  )
}

/** Every code that a route may answer. */
export function problemCodes(route: Route): readonly ProblemCode[] {
  const codes: ProblemCode[] = ['invalid_request', 'overloaded', 'rate_limited', ...(route.problems ?? [])]
  if (route.scopes !== 'public') codes.push('unauthorized', 'forbidden')
  if (route.path.includes(':account')) codes.push('not_found')
  if (route.body !== undefined) codes.push('payload_too_large', 'unsupported_media_type', 'limit_exceeded')
  return [...new Set(codes)].sort((a, b) => PROBLEMS[a].status - PROBLEMS[b].status)
}

function content(schema: JsonSchema) {
  return { 'application/json': { schema } }
}

/** Converts schemas; those with an id become components and are referred to. */
class Schemas {
  readonly components: Record<string, JsonSchema> = {}

  input(schema: z.ZodType): JsonSchema {
    return this.#convert(schema, 'input')
  }

  output(schema: z.ZodType): JsonSchema {
    return this.#convert(schema, 'output')
  }

  #convert(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const {
      $schema: _,
      $defs,
      id,
      ...rest
    } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>))
      this.#add(name, definition)
    if (typeof id !== 'string') return hoist(rest) as JsonSchema
    this.#add(id, rest)
    return { $ref: `#/components/schemas/${id}` }
  }

  #add(name: string, definition: JsonSchema): void {
    const { id: _, ...rest } = definition
    this.components[name] = hoist(rest) as JsonSchema
  }
}

/** References inside a schema, as references inside the document. */
function hoist(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hoist)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace('#/$defs/', '#/components/schemas/')]
        : [key, hoist(inner)],
    ),
  )
}
