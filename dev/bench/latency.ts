/** Latency against load: reserves at fixed rates, whether or not earlier ones are answered; what came too late is dropped. */
import { fund, operatorApi } from './api.ts'
import type { LoadGenerator } from './load.ts'
import { BUSY_CONNECTIONS } from './measure.ts'
import { RUNNER_KEY } from './runtime.ts'

/** Of what the closed loop reached. */
const SHARES = [0.1, 0.25, 0.5, 0.65, 0.8, 0.9, 1, 1.1]
const SECONDS = 3
/** One account may have 10,000 reservations open. */
const MAX_REQUESTS = 9_500

const BODY = JSON.stringify({ credits: 12.5, metadata: { repository: 'acme/api', pull_request: '1042' } })

export interface LatencyPoint {
  readonly ratePerSecond: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly dropped: number
}

/** `most` is how many requests a second the closed loop reached. */
export async function measureLatency(url: URL, generator: LoadGenerator, most: number): Promise<LatencyPoint[]> {
  const api = operatorApi(url)
  const points: LatencyPoint[] = []
  for (const share of SHARES) {
    const account = `rate-${points.length}`
    await fund(api, account, 1_000_000)
    const path = `/v1/accounts/${account}`
    const common = { host: url.hostname, port: Number(url.port), path, key: RUNNER_KEY, body: BODY, settle: null }
    const ratePerSecond = Math.round(most * share)
    const requests = Math.min(MAX_REQUESTS, ratePerSecond * SECONDS)
    const load = { ...common, connections: BUSY_CONNECTIONS, requests, firstId: 0, ratePerSecond }
    const { perSecond, p50Ms, p99Ms, dropped } = await generator.run(load)
    points.push({ ratePerSecond, perSecond, p50Ms, p99Ms, dropped })
  }
  return points
}
