/** The runtime's inspector: it speaks Chrome's DevTools protocol about one Worker. A process may have several Workers. */

/** A collection takes some 20 ms, and a busy machine its time. */
const LONGEST_CALL_MS = 20_000

type Result = Readonly<Record<string, unknown>>

export class Inspector {
  readonly #socket: WebSocket
  #calls = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  static async open(inspector: URL, worker: string): Promise<Inspector> {
    const socket = new WebSocket(await targetOf(inspector, worker))
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve())
      socket.addEventListener('error', () => reject(new Error('the inspector does not answer')))
    })
    return new Inspector(socket)
  }

  /** Empty where the runtime has done it and has nothing to say: it then sends the call back as it came. */
  call(method: string, params: object = {}): Promise<Result> {
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} is not answered`)), LONGEST_CALL_MS)
      const hear = ({ data }: MessageEvent) => {
        const message = JSON.parse(String(data)) as { id?: number; result?: Result; error?: unknown }
        if (message.id !== id) return
        clearTimeout(timer)
        this.#socket.removeEventListener('message', hear)
        if (message.error === undefined) resolve(message.result ?? {})
        else reject(new Error(`${method}: ${JSON.stringify(message.error)}`))
      }
      this.#socket.addEventListener('message', hear)
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
  }

  close(): void {
    this.#socket.close()
  }
}

async function targetOf(inspector: URL, worker: string): Promise<string> {
  const response = await fetch(`http://${inspector.host}/json`, { signal: AbortSignal.timeout(LONGEST_CALL_MS) })
  const targets = (await response.json()) as { id: string; webSocketDebuggerUrl: string }[]
  const target = targets.find(({ id }) => id === worker)
  if (target === undefined) throw new Error(`the inspector knows no Worker ${worker}`)
  return target.webSocketDebuggerUrl
}
