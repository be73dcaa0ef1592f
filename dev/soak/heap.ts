/** What a Worker in workerd keeps alive, asked through the runtime's inspector. A process may have several Workers. */
import { setTimeout as pause } from 'node:timers/promises'

/** A collection takes some 20 ms, and a busy machine its time. */
const LONGEST_CALL_MS = 20_000
const BETWEEN_REQUESTS_MS = 100
const BYTES_PER_MB = 1_048_576

type Result = Readonly<Record<string, unknown>>

/**
 * Collects first: what is left then is what something still points at, heap and array buffers alike. The runtime collects
 * when it next has a request to answer, so `request` sends one.
 */
export async function liveHeapMb(inspector: URL, worker: string, request: () => Promise<unknown>): Promise<number> {
  const socket = new WebSocket(await targetOf(inspector, worker))
  try {
    await opened(socket)
    await call(socket, 1, 'HeapProfiler.enable')
    // The inspector keeps the last 1,000 lines that were printed, with all that they were printed of.
    await call(socket, 2, 'Runtime.discardConsoleEntries')
    await during(call(socket, 3, 'HeapProfiler.collectGarbage'), request)
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await call(socket, 4, 'Runtime.getHeapUsage')
    const sizes = [usedSize, embedderHeapUsedSize, backingStorageSize].map(Number)
    return sizes.reduce((sum, size) => sum + size, 0) / BYTES_PER_MB
  } finally {
    socket.close()
  }
}

/** Again and again until it is collected: one that came before the order was given is of no use. */
async function during(collection: Promise<unknown>, request: () => Promise<unknown>): Promise<void> {
  const collected = collection.then(() => true)
  // Ends: the call has a time limit.
  do {
    await request()
  } while (!(await Promise.race([collected, pause(BETWEEN_REQUESTS_MS, false)])))
}

async function targetOf(inspector: URL, worker: string): Promise<string> {
  const response = await fetch(`http://${inspector.host}/json`, { signal: AbortSignal.timeout(LONGEST_CALL_MS) })
  const targets = (await response.json()) as { id: string; webSocketDebuggerUrl: string }[]
  const target = targets.find(({ id }) => id === worker)
  if (target === undefined) throw new Error(`the inspector knows no Worker ${worker}`)
  return target.webSocketDebuggerUrl
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')))
  })
}

function call(socket: WebSocket, id: number, method: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${method} is not answered`)), LONGEST_CALL_MS)
    const hear = ({ data }: MessageEvent) => {
      const message = JSON.parse(String(data)) as { id?: number; result?: Result; error?: unknown }
      if (message.id !== id) return
      clearTimeout(timer)
      socket.removeEventListener('message', hear)
      if (message.result === undefined) reject(new Error(`${method}: ${JSON.stringify(message.error)}`))
      else resolve(message.result)
    }
    socket.addEventListener('message', hear)
    socket.send(JSON.stringify({ id, method }))
  })
}
