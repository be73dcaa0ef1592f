/** The contract as a document, for machines and for people, and liveness. */
import * as z from 'zod'
import { documentation } from '../docs.tsx'
import { openApi } from '../openapi.ts'
import { json } from '../respond.ts'
import { type Route, route } from '../route.ts'

const CACHED = { 'Cache-Control': 'public, max-age=300' }

/** `all` are the routes to document, these among them. */
export function documentRoutes(all: () => readonly Route[]): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/openapi.json',
      operation: 'getOpenApi',
      group: 'Documents',
      summary: 'This contract, as OpenAPI 3.1',
      scopes: 'public',
      answers: { 200: { description: 'The document.', schema: z.looseObject({ openapi: z.string() }) } },
      handle: () => json(openApi(all()), 200, CACHED),
    }),
    route({
      method: 'get',
      path: '/docs',
      operation: 'getDocs',
      group: 'Documents',
      summary: 'This contract, to read',
      scopes: 'public',
      answers: { 200: { description: 'A page.', contentType: 'text/html' } },
      handle: ({ context }) => documentation(context, openApi(all())),
    }),
    route({
      method: 'get',
      path: '/health',
      operation: 'getHealth',
      group: 'Documents',
      summary: 'Whether the Worker answers',
      scopes: 'public',
      uncounted: true,
      answers: { 200: { description: 'It does.', schema: z.strictObject({ status: z.literal('ok') }) } },
      handle: () => json({ status: 'ok' }),
    }),
  ]
}
