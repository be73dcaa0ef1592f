/** What the Worker's source takes for granted of its runtime, for the one folder of Node's that runs it. Types only. */
import type * as workers from '@cloudflare/workers-types'

declare global {
  type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>
  type D1Database = workers.D1Database
  type D1PreparedStatement = workers.D1PreparedStatement
  type DurableObjectStorage = workers.DurableObjectStorage
  type SqlStorage = workers.SqlStorage
  type SqlStorageValue = workers.SqlStorageValue
  type DurableObjectState = Omit<workers.DurableObjectState, 'getWebSockets'> & {
    getWebSockets(): (WebSocket & { deserializeAttachment(): unknown })[]
  }
  const WebSocketPair: typeof workers.WebSocketPair
  const WebSocketRequestResponsePair: typeof workers.WebSocketRequestResponsePair
  interface Env {
    readonly STRIPE_SECRET_KEY: string
    readonly BYOK_SECRETS: string
  }
}

declare module 'undici-types' {
  interface ResponseInit {
    webSocket?: unknown
  }
}

declare module 'node:crypto' {
  namespace webcrypto {
    interface SubtleCrypto {
      timingSafeEqual(left: NodeJS.ArrayBufferView, right: NodeJS.ArrayBufferView): boolean
    }
  }
}
