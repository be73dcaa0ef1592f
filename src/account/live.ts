/**
 * The live balance: hibernating WebSockets that receive the balance when they open and after every change. The runtime's
 * output gate holds messages like answers, so nobody sees a balance that is not on disk.
 */
import type { Balance } from '../ledger/balance.ts'
import { type Answer, type Caller, refused } from './requests.ts'

/** Each change is sent to each connection, on the thread that also decides. */
const MAX_LIVE_CONNECTIONS = 100

/** How the connection was opened; survives hibernation. */
type Attachment = Caller

export class Live {
  readonly #ctx: DurableObjectState
  readonly #present: (balance: Balance) => string
  #sent = -1

  /** `present` writes a balance as the API does. */
  constructor(ctx: DurableObjectState, present: (balance: Balance) => string) {
    this.#ctx = ctx
    this.#present = present
    // Browsers cannot send protocol pings; this answers theirs without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
  }

  open(caller: Caller, balance: Balance): Answer<{ response: Response }> {
    if (this.#ctx.getWebSockets().length >= MAX_LIVE_CONNECTIONS) {
      return refused({ code: 'too_many', limit: 'live_connections', maximum: MAX_LIVE_CONNECTIONS })
    }
    const { 0: client, 1: server } = new WebSocketPair()
    this.#ctx.acceptWebSocket(server)
    server.serializeAttachment(caller satisfies Attachment)
    server.send(this.#present(balance))
    return { ok: true, response: new Response(null, { status: 101, webSocket: client }) }
  }

  /** Sends the balance if its version is another than was last sent; closes connections whose key is not admitted. */
  publish(version: number, balance: () => Balance, admits: (caller: Caller) => boolean): void {
    if (version === this.#sent) return
    this.#sent = version
    const sockets = this.#ctx.getWebSockets()
    if (sockets.length === 0) return
    const text = this.#present(balance())
    for (const socket of sockets) {
      if (admits(socket.deserializeAttachment() as Attachment)) send(socket, text)
      else socket.close(4401, 'The key is no longer valid.')
    }
  }

  /** Closes what was opened with a key or session that has just been ended. */
  closeOf(id: string): void {
    for (const socket of this.#ctx.getWebSockets()) {
      const caller = socket.deserializeAttachment() as Attachment
      if (caller.kind !== 'service' && caller.id === id) socket.close(4401, 'It was ended.')
    }
  }
}

function send(socket: WebSocket, text: string): void {
  try {
    socket.send(text)
  } catch {
    // It is closing; the client will open another and be told the balance then.
  }
}
