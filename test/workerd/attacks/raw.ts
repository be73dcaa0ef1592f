/** Sends bodies as no proper client would: bytes, streams, any or no Content-Type, a Content-Length that lies. */
import { exports } from 'cloudflare:workers'
import { expect } from 'vitest'
import { Problem } from '../../../src/http/answers.ts'
import { type Body, OPERATOR, type Result } from '../api.ts'

export interface RawOptions {
  readonly body?: BodyInit
  /** By default JSON; `null` sends none. */
  readonly type?: string | null
  readonly key?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export async function send(method: string, path: string, options: RawOptions = {}): Promise<Result> {
  const { body, type = 'application/json', key = OPERATOR } = options
  const headers = new Headers({ 'CF-Connecting-IP': crypto.randomUUID(), ...options.headers })
  if (key !== null) headers.set('Authorization', `Bearer ${key}`)
  const init = { method, ...(body === undefined ? {} : { body }) }
  const request = new Request(`https://credits.test${path}`, init)
  // The constructor gives text a type of its own.
  if (type === null) request.headers.delete('Content-Type')
  else headers.set('Content-Type', type)
  for (const [name, value] of headers) request.headers.set(name, value)
  const response = await exports.default.fetch(request)
  const answer: Body = await response.json()
  if (response.status >= 400) expect(Problem.parse(answer).status).toBe(response.status)
  return { status: response.status, headers: response.headers, body: answer }
}

/** The text in pieces, so that nobody knows its length in advance. */
export function streamOf(text: string, chunkBytes = 16_384): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close()
      controller.enqueue(bytes.slice(at, at + chunkBytes))
      at += chunkBytes
    },
  })
}
