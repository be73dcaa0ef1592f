/**
 * A network that fails where it is told to: an HTTP proxy before the API. It can refuse in the API's place, cut the
 * answer to a call that the API has answered, and cut a call before the API has seen it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly atMs: number
}

export type Fault =
  | 'cut before'
  | 'cut after'
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** Decides what becomes of a call; `null` lets it pass. */
export type Faults = (seen: Seen) => Fault | null

export class FaultyNetwork {
  readonly seen: Seen[] = []
  readonly url: string
  faults: Faults = () => null
  readonly #server: Server
  readonly #target: string

  private constructor(server: Server, target: string) {
    this.#server = server
    this.#target = target
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async before(target: string): Promise<FaultyNetwork> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const network = new FaultyNetwork(server, target)
    server.on('request', (request, response) => void network.#serve(request, response))
    return network
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  calls(verb: string): Seen[] {
    return this.seen.filter(({ path }) => path.endsWith(verb))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const body = await text(request)
    const seen = { method, path: url, body, atMs: performance.now() }
    this.seen.push(seen)
    const fault = this.faults(seen)
    if (fault === 'cut before') return void response.destroy()
    if (fault !== null && fault !== 'cut after')
      return void response.writeHead(fault.status, fault.headers).end(fault.body)
    try {
      const answer = await fetch(this.#target + url, {
        method,
        headers: {
          Authorization: headers.authorization ?? '',
          ...(body === '' ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === '' ? {} : { body }),
      })
      const whole = await answer.text()
      if (fault === 'cut after') return void response.destroy()
      const passed = ['Content-Type', 'Retry-After', 'Request-Id', 'Idempotent-Replayed', 'Date']
      for (const name of passed) {
        const value = answer.headers.get(name)
        if (value !== null) response.setHeader(name, value)
      }
      response.writeHead(answer.status).end(whole)
    } catch {
      // The API is down, and so is the way to it.
      response.destroy()
    }
  }
}
