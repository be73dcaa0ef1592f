/**
 * Where a reserve's time goes: a CPU profile of the Worker as it is deployed, under the load of the hot account. The
 * runtime samples what runs in our isolate; the source map says of which file that is, and here stands of which stage.
 */
import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapping } from 'node:module'
import { Inspector } from '../inspector.ts'
import { processes } from '../processes.ts'
import { fund, operatorApi } from './api.ts'
import type { LoadGenerator } from './load.ts'
import { BUSY_CONNECTIONS } from './measure.ts'
import { RUNNER_KEY, startRuntime } from './runtime.ts'
import { BODY } from './subject.ts'

/** Together fewer than the 10,000 reservations that one account may have open. */
const WARM_UP_REQUESTS = 3_000
const PROFILED_REQUESTS = 6_000
const SAMPLE_EVERY_US = 250

/** The benchmark's Worker, as the inspector knows it. */
const WORKER = 'core:user:bench'
/** What of it is ours; the runtime has modules of its own. */
const BUNDLE = 'index.js'

export interface Profile {
  readonly samples: number
  /** Of all samples, the largest first. */
  readonly stages: readonly { readonly stage: string; readonly share: number }[]
  /**
   * Of workerd's CPU time, what the isolate had: all that is sampled. Too little on a machine where the sampler itself
   * has to wait; `null` where the system does not say.
   */
  readonly isolateShare: number | null
}

/** It shares the thread here, and whatever it calls is a part of it. */
const AFTERWARDS = 'history and learning, after the answer'

/** A stage, and the files of which it is. The first that fits is it. */
const STAGES: readonly (readonly [stage: string, files: RegExp])[] = [
  [AFTERWARDS, /src\/account\/(outbox|deliver|delivery|learning|jobs)\.|^cloudflare-internal:d1-api/],
  ['routing (hono)', /node_modules\/hono\//],
  ['validation (zod, contract)', /node_modules\/zod\/|src\/http\/(contract|ids)\./],
  ['authentication', /src\/http\/(auth|account-keys|signing|configuration)\./],
  ['reading the body', /src\/http\/body\./],
  ['answer', /src\/(http|account)\/(respond|present)\./],
  ['RPC: the call, its arguments and answer', /src\/account\/client\./],
  ['route, ids, command', /src\/http\//],
  ['decision (src/ledger, src/catalog)', /src\/(ledger|catalog)\//],
  ['rows of the decision', /src\/account\/(store|insert|rows|purchases)\./],
  ['object: admission, turns, alarm', /src\/account\//],
  ["the benchmark's own", /dev\/bench\//],
  ['other packages', /node_modules\//],
]

/** What the runtime does for our code under a name of its own. */
const NATIVE_STAGES: Readonly<Record<string, string>> = {
  exec: 'SQL statements',
  raw: 'SQL statements',
  next: 'SQL statements',
  toArray: 'SQL statements',
  one: 'SQL statements',
  transactionSync: 'transaction',
  sync: 'commit',
  '(garbage collector)': 'garbage collection',
}

/** What has no file above it: native code that handles requests, RPC and promises, and waits for them. */
const RUNTIME = 'the runtime itself: requests, RPC, promises'

export async function measureProfile(generator: LoadGenerator): Promise<Profile> {
  const runtime = await startRuntime({ inspected: true })
  try {
    await fund(operatorApi(runtime.url), 'profiled', 10_000_000)
    const { hostname: host, port } = runtime.url
    const target = {
      host,
      port: Number(port),
      path: '/v1/accounts/profiled',
      key: RUNNER_KEY,
      body: BODY,
      settle: null,
    }
    const load = { ...target, connections: BUSY_CONNECTIONS }
    await generator.run({ ...load, requests: WARM_UP_REQUESTS, firstId: 0 })
    const inspector = await Inspector.open(await runtime.inspector(), WORKER)
    try {
      await inspector.call('Profiler.enable')
      await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US })
      await inspector.call('Profiler.start')
      const before = cpuMs()
      await generator.run({ ...load, requests: PROFILED_REQUESTS, firstId: WARM_UP_REQUESTS })
      const after = cpuMs()
      const { profile } = (await inspector.call('Profiler.stop')) as { profile: Sampled }
      const found = stagesOf(profile, new SourceMap(JSON.parse(readFileSync(runtime.sourceMap, 'utf8'))))
      const sampledMs = (found.samples * SAMPLE_EVERY_US) / 1_000
      return { ...found, isolateShare: before === null || after === null ? null : sampledMs / (after - before) }
    } finally {
      inspector.close()
    }
  } finally {
    await runtime.close()
  }
}

/** As V8 gives it: a tree of calls, and the call that each sample found running. */
interface Sampled {
  readonly nodes: readonly Node[]
  readonly samples: readonly number[]
}

interface Node {
  readonly id: number
  readonly callFrame: Readonly<Record<'functionName' | 'url', string> & Record<'lineNumber' | 'columnNumber', number>>
  readonly children?: readonly number[]
}

function stagesOf({ nodes, samples }: Sampled, sources: SourceMap): Omit<Profile, 'isolateShare'> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const stageOfId = new Map<number, string>()
  // From the root down, so that native code can be given to whoever called it.
  const visit = (node: Node, above: string) => {
    const stage = stageOf(node, above, sources)
    stageOfId.set(node.id, stage)
    for (const id of node.children ?? []) {
      const child = byId.get(id)
      if (child !== undefined) visit(child, stage)
    }
  }
  const root = nodes[0]
  if (root !== undefined) visit(root, RUNTIME)
  const busy = samples.filter((id) => byId.get(id)?.callFrame.functionName !== '(idle)')
  const counts = new Map<string, number>()
  for (const id of busy) {
    const stage = stageOfId.get(id) ?? RUNTIME
    counts.set(stage, (counts.get(stage) ?? 0) + 1)
  }
  const stages = [...counts].map(([stage, count]) => ({ stage, share: count / busy.length }))
  return { samples: busy.length, stages: stages.sort((a, b) => b.share - a.share) }
}

function stageOf({ callFrame }: Node, above: string, sources: SourceMap): string {
  const { functionName, url, lineNumber, columnNumber } = callFrame
  if (above === AFTERWARDS) return above
  if (url === '') return NATIVE_STAGES[functionName] ?? above
  const found: Partial<SourceMapping> = url === BUNDLE ? sources.findEntry(lineNumber, columnNumber) : {}
  const file = found.originalSource ?? url
  return STAGES.find(([, files]) => files.test(file))?.[0] ?? above
}

/** User and system time of workerd, on Linux; `null` elsewhere. */
function cpuMs(): number | null {
  if (process.platform !== 'linux') return null
  const [workerd, ...more] = processes().filter(
    ({ parent, command }) => parent === process.pid && command === 'workerd',
  )
  if (workerd === undefined || more.length > 0) throw new Error('workerd does not run, or more than once')
  // Behind the name in brackets: the 12th and 13th field, in hundredths of a second.
  const fields = readFileSync(`/proc/${workerd.pid}/stat`, 'utf8').split(') ')[1] ?? ''
  const [user, system] = fields.split(' ').slice(11, 13)
  return (Number(user) + Number(system)) * 10
}
