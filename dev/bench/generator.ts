/**
 * The load, as a process of its own, so that the benchmark's other work does not disturb it. A closed loop: every
 * connection sends its next reserve when the last one was answered, each under an id of its own.
 */
import { Connection } from './connection.ts'
import type { Load, LoadResult } from './load.ts'

process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})

async function run(load: Load): Promise<LoadResult> {
  const { host, port, connections, requests } = load
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(host, port)))
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
      const status = await connection.send(requestOf(load, load.firstId + at))
      latencies[at] = performance.now() - began
      answered += 1
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(open.map(loop))
  for (const connection of open) connection.close()
  latencies.sort()
  return { perSecond, statuses, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) }
}

function requestOf({ host, port, path, key, body }: Load, id: number): string {
  return [
    `PUT ${path}/reservations/review-${String(id).padStart(6, '0')} HTTP/1.1`,
    `Host: ${host}:${port}`,
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
