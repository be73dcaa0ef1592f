/** What a Worker in workerd keeps alive, asked through the runtime's inspector. */
import { setTimeout as pause } from 'node:timers/promises'
import { Inspector } from '../inspector.ts'

const BETWEEN_REQUESTS_MS = 100
const BYTES_PER_MB = 1_048_576

/**
 * Collects first: what is left then is what something still points at, heap and array buffers alike. The runtime collects
 * when it next has a request to answer, so `request` sends one.
 */
export async function liveHeapMb(url: URL, worker: string, request: () => Promise<unknown>): Promise<number> {
  const inspector = await Inspector.open(url, worker)
  try {
    await inspector.call('HeapProfiler.enable')
    // The inspector keeps the last 1,000 lines that were printed, with all that they were printed of.
    await inspector.call('Runtime.discardConsoleEntries')
    await during(inspector.call('HeapProfiler.collectGarbage'), request)
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await inspector.call('Runtime.getHeapUsage')
    const sizes = [usedSize, embedderHeapUsedSize, backingStorageSize].map(Number)
    return sizes.reduce((sum, size) => sum + size, 0) / BYTES_PER_MB
  } finally {
    inspector.close()
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
