/** Reads a JSON body without ever holding more of it than allowed. */
import { invalidField, type Problem, problem } from './problems.ts'

export type JsonBody =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: Problem }

/** No body at all is an empty object: whether that suffices, the schema says. */
export async function readJson(request: Request, maxBytes: number): Promise<JsonBody> {
  if (Number(request.headers.get('Content-Length') ?? 0) > maxBytes) return tooLarge(maxBytes)
  const bytes = await readUpTo(request, maxBytes)
  if (bytes === null) return tooLarge(maxBytes)
  if (bytes.byteLength === 0) return { ok: true, value: {} }
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('Content-Type') ?? '')) {
    return { ok: false, problem: problem('unsupported_media_type', 'Send "Content-Type: application/json".') }
  }
  let text: string
  let value: unknown
  try {
    text = decoder.decode(bytes)
    value = JSON.parse(text)
  } catch {
    return {
      ok: false,
      problem: problem('invalid_request', 'The body is not JSON.', { errors: [{ path: '', message: 'is not JSON' }] }),
    }
  }
  const proto = MAY_NAME_PROTO.test(text) ? pathOfProto(value) : null
  return proto === null ? { ok: true, value } : { ok: false, problem: invalidField(proto, 'is not a known field') }
}

function tooLarge(maxBytes: number): JsonBody {
  return { ok: false, problem: problem('payload_too_large', `A body may have ${maxBytes} bytes.`) }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** Plainly or with letters escaped; nearly no body has either, so nearly none is searched. */
const MAY_NAME_PROTO = /__proto__|\\u00/

/**
 * Where a body has a `__proto__` field: schemas of open objects drop it in silence, where any other field is refused.
 * A list of what to visit instead of recursion, because a body may be nested as deep as it is long.
 */
function pathOfProto(body: unknown): string | null {
  const toVisit = [{ path: '', value: body }]
  for (let next = toVisit.pop(); next !== undefined; next = toVisit.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue
    for (const [key, value] of Object.entries(next.value)) {
      const path = next.path === '' ? key : `${next.path}.${key}`
      if (key === '__proto__') return path
      toVisit.push({ path, value })
    }
  }
  return null
}

/** `null` if there is more. The length that a client declares is not to be believed, or missing. */
export async function readUpTo(request: Request, maxBytes: number): Promise<Uint8Array | null> {
  // Before anybody asks for the stream: to be read whole, it need not be made an object of.
  if (request.headers.has('Content-Length')) {
    const whole = await request.arrayBuffer()
    return whole.byteLength > maxBytes ? null : new Uint8Array(whole)
  }
  if (request.body === null) return new Uint8Array()
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
