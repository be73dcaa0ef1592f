/** The direction of imports, as the design has it: a folder may import what stands behind its name, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const SOURCE = resolve(import.meta.dirname, '../../src')

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ledger: [],
  client: [],
  catalog: ['ledger'],
  history: ['ledger', 'catalog'],
  stripe: ['ledger', 'catalog'],
  account: ['stripe', 'history', 'ledger', 'catalog'],
  http: ['account', 'stripe', 'history', 'ledger', 'catalog'],
  dashboard: ['http', 'account', 'history', 'ledger', 'catalog'],
  '.': ['dashboard', 'http', 'account'],
}

/** Packages and runtime modules that a folder may use; the pure ones use none. */
const MAY_USE: Readonly<Record<string, RegExp>> = {
  ledger: /^$/,
  // What only Node has is an entry of its own.
  'client/node': /^node:/,
  client: /^$/,
  catalog: /^$/,
  history: /^drizzle-orm/,
  stripe: /^stripe$/,
  account: /^cloudflare:workers$/,
  http: /^(hono|zod)/,
  dashboard: /^(hono|zod)/,
  '.': /^$/,
}

/** What a pure core must not touch: it would no longer give the same answer to the same question. */
const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|crypto\.|performance\.|fetch\(|setTimeout|console\.|process\.|await |async )/

interface Import {
  readonly file: string
  readonly folder: string
  readonly target: string
}

function sources(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
}

function folderOf(file: string): string {
  return dirname(file).split('/')[0] ?? '.'
}

function imports(): Import[] {
  return sources().flatMap((file) => {
    const text = readFileSync(join(SOURCE, file), 'utf8')
    return [...text.matchAll(/(?:from|import) '([^']+)'/g)].map(([, target = '']) => ({
      file,
      folder: folderOf(file),
      target,
    }))
  })
}

test('imports go one way', () => {
  for (const { file, folder, target } of imports()) {
    if (!target.startsWith('.')) continue
    const to = relative(SOURCE, resolve(SOURCE, dirname(file), target))
    // The schema of the object is SQL beside the source, imported as text.
    if (to.startsWith('../migrations/') && folder === 'account') continue
    const allowed = [folder, ...(MAY_IMPORT[folder] ?? [])]
    expect(allowed, `${file} imports ${to}`).toContain(folderOf(to))
  }
})

test('a folder uses only the packages that are its own business', () => {
  for (const { file, folder, target } of imports()) {
    const mayUse = MAY_USE[dirname(file)] ?? MAY_USE[folder] ?? /^$/
    if (!target.startsWith('.')) expect(target, `${file} imports ${target}`).toMatch(mayUse)
  }
})

test('the client runs where there is no Node', () => {
  for (const { file, target } of imports()) {
    if (dirname(file) === 'client') expect(target, `${file} imports ${target}`).not.toMatch(/\/node\//)
  }
})

test('the ledger and the catalogue have no clock, no randomness and no I/O', () => {
  for (const file of sources().filter((each) => /^(ledger|catalog)\//.test(each))) {
    const code = readFileSync(join(SOURCE, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    expect(code, file).not.toMatch(IMPURE)
  }
})
