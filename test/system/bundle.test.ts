/** What is deployed: built as `npm run deploy` builds it, and looked into. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from '../../dev/process-group.ts'

/** proof.md's floor; every kilobyte is read at every cold start. */
const MAX_GZIP_BYTES = 250 * 1024

const folder = mkdtempSync(join(tmpdir(), 'assay-bundle-'))
let code: string

beforeAll(() => {
  execFileSync('npx', ['wrangler', 'deploy', '--dry-run', '--minify', '--outdir', folder], { cwd: ROOT, stdio: 'pipe' })
  code = readdirSync(folder)
    .filter((file) => file.endsWith('.js'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test("Stripe's double is not in it, nor anything else of a developer's machine", () => {
  // What it does hold, so that the look was worth something.
  expect(code).toContain('checkout.session.completed')
  for (const word of ['double on your own machine', 'stripe-double', '_control', '4242424242424242', 'node:sqlite']) {
    expect(code, word).not.toContain(word)
  }
})

test('it is small enough to start cold', () => {
  expect(gzipSync(code).byteLength).toBeLessThan(MAX_GZIP_BYTES)
})
