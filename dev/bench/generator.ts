/**
 * The load, as a process of its own, so that the benchmark's other work does not disturb it. In a closed loop every
 * connection sends its next request when the last one was answered; at a fixed rate every request has its time, and what
 * it waits for a connection is part of its latency. Each reserve has an id of its own.
 */
import { Connection, requestOf } from './connection.ts'
import type { Load, LoadResult } from './load.ts'

process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})

async function run(load: Load): Promise<LoadResult> {
  const open = await Promise.all(Array.from({ length: load.connections }, () => Connection.open(load.host, load.port)))
  try {
    const { ratePerSecond } = load
    return ratePerSecond === undefined ? await closedLoop(load, open) : await fixedRate(load, open, ratePerSecond)
  } finally {
    for (const connection of open) connection.close()
  }
}

async function closedLoop(load: Load, open: readonly Connection[]): Promise<LoadResult> {
  const { requests } = load
  const latencies = new Float64Array(requests)
  const statuses: Record<string, number> = {}
  let sent = 0
  let answered = 0
  // From the first third, which finds new connections and cold code, to the moment at which the last request leaves:
  // after that, fewer and fewer connections are at work.
  let window = { from: 0, answered: 0 }
  let perSecond = Number.NaN
  const loop = async (connection: Connection) => {
    while (sent < requests) {
      const at = sent++
      const began = performance.now()
      if (sent === Math.ceil(requests / 3)) window = { from: began, answered }
      if (sent === requests) perSecond = ((answered - window.answered) / (began - window.from)) * 1_000
      await review(load, connection, load.firstId + at, statuses)
      latencies[at] = performance.now() - began
      answered += 1
    }
  }
  await Promise.all(open.map(loop))
  return { perSecond, statuses, dropped: 0, ...quantiles(latencies) }
}

/** A timer is late by a millisecond now and then; a request that waits longer than this for a connection is dropped. */
const LONGEST_WAIT_MS = 1_000

async function fixedRate(load: Load, open: readonly Connection[], ratePerSecond: number): Promise<LoadResult> {
  const { requests, firstId } = load
  const latencies: number[] = []
  const statuses: Record<string, number> = {}
  const began = performance.now()
  let next = 0
  let dropped = 0
  const loop = async (connection: Connection) => {
    while (next < requests) {
      const number = next++
      const due = began + (number / ratePerSecond) * 1_000
      const early = due - performance.now()
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
      if (performance.now() - due > LONGEST_WAIT_MS) {
        dropped += 1
        continue
      }
      await review(load, connection, firstId + number, statuses)
      latencies.push(performance.now() - due)
    }
  }
  await Promise.all(open.map(loop))
  const perSecond = (latencies.length / (performance.now() - began)) * 1_000
  return { perSecond, statuses, dropped, ...quantiles(Float64Array.from(latencies)) }
}

async function review(load: Load, connection: Connection, id: number, statuses: Record<string, number>): Promise<void> {
  const path = `${load.path}/reservations/review-${String(id).padStart(6, '0')}`
  const count = (status: number) => {
    statuses[status] = (statuses[status] ?? 0) + 1
  }
  count(await connection.send(requestOf(load, 'PUT', path, load.body)))
  if (load.settle !== null) count(await connection.send(requestOf(load, 'POST', `${path}/settle`, load.settle)))
}

function quantiles(latencies: Float64Array): { readonly p50Ms: number; readonly p99Ms: number } {
  latencies.sort()
  const quantile = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99) }
}
