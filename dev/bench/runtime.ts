/**
 * The benchmark's Worker in workerd, on a socket of its own: no development server in between and no static assets,
 * because each costs more than what is measured. Its state lives in a temporary directory and goes with it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from 'wrangler'

/** The very Miniflare that wrangler runs; npm may keep others. */
const { Miniflare, convertV4MiniflareOptions } = createRequire(
  createRequire(import.meta.url).resolve('wrangler/package.json'),
)('miniflare') as typeof import('miniflare')

const ROOT = resolve(import.meta.dirname, '../..')
const ENTRY = 'dev/bench/worker/index.ts'

/** It takes some seconds, or it hangs. */
const LONGEST_BUILD_MS = 60_000

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
  close(): Promise<void>
}

export async function startRuntime(): Promise<Runtime> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-bench-'))
  const removeAll = () => rmSync(directory, { recursive: true, force: true })
  try {
    const miniflare = new Miniflare(workerOptions(build(directory), join(directory, 'state')))
    await miniflare.ready
    await migrate(miniflare)
    const close = async () => {
      await miniflare.dispose()
      removeAll()
    }
    return { url: await miniflare.unsafeGetDirectURL(), close }
  } catch (error) {
    removeAll()
    throw error
  }
}

/** Bundles as a deploy would, with another entry. */
function build(directory: string): string {
  const bundle = join(directory, 'bundle')
  const wrangler = createRequire(import.meta.url).resolve('wrangler/package.json')
  const args = [join(wrangler, '../bin/wrangler.js'), 'deploy', ENTRY, '--dry-run', '--minify', '--outdir', bundle]
  // What it prints is only of interest when it fails, and then it is part of the error.
  execFileSync(process.execPath, args, {
    cwd: ROOT,
    env: quietEnvironment(),
    stdio: 'pipe',
    timeout: LONGEST_BUILD_MS,
  })
  return bundle
}

function quietEnvironment(): NodeJS.ProcessEnv {
  const quiet = { CLOUDFLARE_CF_FETCH_ENABLED: 'false', WRANGLER_SEND_METRICS: 'false', WRANGLER_LOG: 'error' }
  return { ...process.env, ...SECRETS, ...quiet }
}

function workerOptions(bundle: string, state: string) {
  // Wrangler asks the environment for the required secrets.
  Object.assign(process.env, quietEnvironment())
  const { assets: _, ...worker } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml')).workerOptions
  const files = readdirSync(bundle).filter((file) => /\.(js|sql)$/.test(file))
  // The first module is the entry.
  files.sort((a, b) => Number(b === 'index.js') - Number(a === 'index.js'))
  return convertV4MiniflareOptions({
    ...worker,
    name: 'bench',
    cf: false,
    modulesRoot: bundle,
    modules: files.map((file) => ({
      type: file.endsWith('.js') ? 'ESModule' : 'Text',
      path: join(bundle, file),
      contents: readFileSync(join(bundle, file), 'utf8'),
    })),
    bindings: { ...namedIn(worker, 'bindings'), ...SECRETS },
    durableObjects: {
      ...namedIn(worker, 'durableObjects'),
      NOOP: { className: 'Noop', useSQLite: true },
      NAIVE: { className: 'Naive', useSQLite: true },
    },
    resourcePersistencePath: state,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  })
}

/** Wrangler's type of these options says only that there are some. */
function namedIn(options: Readonly<Record<string, unknown>>, kind: string): object {
  return options[kind] ?? {}
}

async function migrate(miniflare: InstanceType<typeof Miniflare>): Promise<void> {
  const database = await miniflare.getD1Database('HISTORY')
  const directory = join(ROOT, 'migrations/history')
  for (const file of readdirSync(directory).sort()) {
    const statements = unstable_splitSqlQuery(readFileSync(join(directory, file), 'utf8'))
    await database.batch(statements.map((statement) => database.prepare(statement)))
  }
}
