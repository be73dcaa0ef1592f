/** The double as a process: `node dev/stripe/serve.ts`. This machine alone reaches it. */
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Books } from './books.ts'
import { AnswerLost, createDouble, type Double } from './double.ts'

export const DEFAULT_PORT = 12_111
/** In a directory of state: beside what wrangler keeps of the Worker that calls the double. */
export const BOOKS_FILE = 'stripe-double.sqlite'
const HOST = '127.0.0.1'
const DEFAULT_FILE = fileURLToPath(new URL(`../../.wrangler/state/${BOOKS_FILE}`, import.meta.url))
/** How late a webhook may be retried. */
const LOOK_EVERY_MS = 1_000

export interface Served {
  readonly double: Double
  readonly url: string
  stop(): Promise<void>
}

export interface ServeOptions {
  readonly port?: number
  readonly file?: string
  /** Whether anybody is there for what is due by the clock: an attempt in vain is repeated only minutes later. */
  readonly mayDeliver?: () => boolean
}

export async function serveDouble(options: ServeOptions = {}): Promise<Served> {
  const { port = DEFAULT_PORT, file = DEFAULT_FILE, mayDeliver = () => true } = options
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
  const books = new Books(file)
  const double = createDouble({ books })
  const server = createAdaptorServer({
    fetch: async (request, env) => {
      try {
        return await double.fetch(request)
      } catch (error) {
        if (!(error instanceof AnswerLost)) throw error
        ;(env as HttpBindings).outgoing.destroy()
        return RESPONSE_ALREADY_SENT
      }
    },
  }) as Server
  server.listen(port, HOST)
  try {
    await once(server, 'listening')
  } catch (error) {
    books.close()
    throw error
  }
  const look = () => {
    if (mayDeliver()) double.control.hurry()
  }
  const timer = setInterval(look, LOOK_EVERY_MS).unref()
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  const stop = async () => {
    clearInterval(timer)
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    await double.control.settled()
    books.close()
  }
  return { double, url: `http://${HOST}:${address.port}`, stop }
}

if (import.meta.main) {
  const file = process.env['STRIPE_DOUBLE_BOOKS'] ?? join(DEFAULT_FILE)
  const served = await serveDouble({ port: Number(process.env['STRIPE_DOUBLE_PORT'] ?? DEFAULT_PORT), file })
  console.log(`Stripe's double answers at ${served.url}`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void served.stop())
}
