/**
 * The benchmark's Worker in workerd, on a socket of its own: no development server in between and no static assets,
 * because each costs more than what is measured. Its state lives in a temporary directory and goes with it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrateD1 } from '../local-d1.ts'
import { bundled, convertV4MiniflareOptions, Miniflare, namedIn } from '../workerd.ts'

const ENTRY = 'dev/bench/worker/index.ts'

export const OPERATOR_KEY = 'operator-key-of-the-benchmark'
export const RUNNER_KEY = 'runner-key-of-the-benchmark'

/** Not secret: they open nothing but what this process starts and ends. */
const SECRETS = {
  OPERATOR_KEYS: OPERATOR_KEY,
  RUNNER_KEYS: RUNNER_KEY,
  BYOK_SECRETS: 'byok-secret-of-the-benchmark-0123456789',
  SIGNING_SECRETS: 'signing-secret-of-the-benchmark-0123456789',
  STRIPE_SECRET_KEY: 'sk_test_of_the_benchmark',
  STRIPE_WEBHOOK_SECRETS: 'whsec_of_the_benchmark',
}

export interface Runtime {
  readonly url: URL
  /** What the bundle was made of. */
  readonly sourceMap: string
  /** Of one that is inspected. */
  inspector(): Promise<URL>
  close(): Promise<void>
}

/** One that is inspected is for looking into: it is not to be compared with one that is not. */
export async function startRuntime({ inspected = false } = {}): Promise<Runtime> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-bench-'))
  const removeAll = () => rmSync(directory, { recursive: true, force: true })
  try {
    migrateD1(directory)
    const miniflare = new Miniflare({ ...options(directory), ...(inspected ? { inspectorPort: 0 } : {}) })
    await miniflare.ready
    const close = async () => {
      await miniflare.dispose()
      removeAll()
    }
    return {
      url: await miniflare.unsafeGetDirectURL(),
      sourceMap: join(directory, 'bundle', 'index.js.map'),
      inspector: () => miniflare.getInspectorURL(),
      close,
    }
  } catch (error) {
    removeAll()
    throw error
  }
}

function options(directory: string) {
  const worker = bundled(ENTRY, join(directory, 'bundle'), SECRETS)
  return convertV4MiniflareOptions({
    ...worker,
    name: 'bench',
    durableObjects: {
      ...namedIn(worker, 'durableObjects'),
      NOOP: { className: 'Noop', useSQLite: true },
      NAIVE: { className: 'Naive', useSQLite: true },
    },
    resourcePersistencePath: join(directory, 'v3'),
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  })
}
