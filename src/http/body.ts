/** Reads a JSON body without ever holding more of it than allowed. */
import { type Problem, problem } from './problems.ts'

export type JsonBody =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: Problem }

/** No body at all is an empty object: whether that suffices, the schema says. */
export async function readJson(request: Request, maxBytes: number): Promise<JsonBody> {
  const tooLarge = { ok: false, problem: problem('payload_too_large', `A body may have ${maxBytes} bytes.`) } as const
  if (Number(request.headers.get('Content-Length') ?? 0) > maxBytes) return tooLarge
  const bytes = await readUpTo(request, maxBytes)
  if (bytes === null) return tooLarge
  if (bytes.byteLength === 0) return { ok: true, value: {} }
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('Content-Type') ?? '')) {
    return { ok: false, problem: problem('unsupported_media_type', 'Send "Content-Type: application/json".') }
  }
  try {
    return { ok: true, value: JSON.parse(decoder.decode(bytes)) }
  } catch {
    return {
      ok: false,
      problem: problem('invalid_request', 'The body is not JSON.', { errors: [{ path: '', message: 'is not JSON' }] }),
    }
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** `null` if there is more. The length that a client declares is not to be believed, or missing. */
async function readUpTo(request: Request, maxBytes: number): Promise<Uint8Array | null> {
  if (request.body === null) return new Uint8Array()
  if (request.headers.has('Content-Length')) return new Uint8Array(await request.arrayBuffer())
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.byteLength
    if (length > maxBytes) return null
    chunks.push(chunk)
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}
