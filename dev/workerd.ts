/**
 * A Worker in workerd without wrangler's development server: bundled as a deploy would, and reached on a socket of its own.
 * For what measures, because the server in between costs time and memory of its own.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { ROOT } from './process-group.ts'

const requireHere = createRequire(import.meta.url)
const WRANGLER = requireHere.resolve('wrangler/package.json')

/** The very Miniflare that wrangler runs; npm may keep others. */
export const { Miniflare, convertV4MiniflareOptions } = createRequire(WRANGLER)(
  'miniflare',
) as typeof import('miniflare')

/** It takes some seconds, or it hangs. */
const LONGEST_BUILD_MS = 60_000

export type Variables = Readonly<Record<string, string>>

/** The options of wrangler.toml without static assets, for a bundle of `entry` that is made in the folder `bundle`. */
export function bundled(entry: string, bundle: string, variables: Variables) {
  build(entry, bundle, variables)
  // Wrangler asks the environment for the required secrets.
  Object.assign(process.env, quiet(variables))
  const { assets: _, ...worker } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml')).workerOptions
  const files = readdirSync(bundle).filter((file) => /\.(js|sql)$/.test(file))
  // The first module is the entry.
  files.sort((a, b) => Number(b === 'index.js') - Number(a === 'index.js'))
  return {
    ...worker,
    cf: false as const,
    modulesRoot: bundle,
    modules: files.map((file) => ({
      type: file.endsWith('.js') ? ('ESModule' as const) : ('Text' as const),
      path: join(bundle, file),
      contents: readFileSync(join(bundle, file), 'utf8'),
    })),
    bindings: { ...namedIn(worker, 'bindings'), ...variables },
  }
}

function build(entry: string, bundle: string, variables: Variables): void {
  const wrangler = join(WRANGLER, '../bin/wrangler.js')
  // What it prints is only of interest when it fails, and then it is part of the error.
  execFileSync(process.execPath, [wrangler, 'deploy', entry, '--dry-run', '--minify', '--outdir', bundle], {
    cwd: ROOT,
    env: { ...process.env, ...quiet(variables) },
    stdio: 'pipe',
    timeout: LONGEST_BUILD_MS,
  })
}

function quiet(variables: Variables): Variables {
  return {
    ...variables,
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_LOG: 'error',
  }
}

/** Wrangler's type of these options says only that there are some. */
export function namedIn(options: Readonly<Record<string, unknown>>, kind: string): object {
  return options[kind] ?? {}
}
