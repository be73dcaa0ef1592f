/** The client as it is published: packed, installed offline in an empty project, compiled there, and run. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT } from '../../dev/process-group.ts'
import { freePort, startSystem } from '../../dev/system.ts'

const run = promisify(execFile)
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

let folder: string
let project: string
let packed: readonly string[]

beforeAll(async () => {
  // macOS reaches its temporary folder through a link, and a compiler sees both names.
  folder = await realpath(await mkdtemp(join(tmpdir(), 'assay-package-')))
  project = join(folder, 'runner')
  await mkdir(project)
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'runner', private: true, type: 'module' }))
  const { stdout } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], { cwd: ROOT })
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  packed = files.map(({ path }: { path: string }) => path).sort()
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, filename)], { cwd: project })
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('the tarball has the client, compiled, and nothing else', async () => {
  const sources = await readdir(join(ROOT, 'src', 'client'), { recursive: true })
  const built = sources
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => ['.d.ts', '.js'].map((ending) => `build/client/${file.replace(/\.ts$/, ending)}`))
  expect(built.length).toBeGreaterThan(20)
  expect(packed).toEqual(['LICENSE', 'README.md', 'package.json', ...built].sort())
})

test('it has no dependency, and so nothing else is installed', async () => {
  const manifest = JSON.parse(await readFile(join(project, 'node_modules/assay-credits/package.json'), 'utf8'))
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundleDependencies']) {
    expect(manifest[kind], kind).toBeUndefined()
  }
  const installed = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'))
  expect(installed).toEqual(['assay-credits'])
})

/** What a runner's engineer writes: each code narrows to its numbers, and the signal goes where signals go. */
const CONSUMER = `
import { AssayCredits, AssayError, AssayNotHeld, AssayUnreachable, type Journal, type Settlement } from 'assay-credits/client'

const pending = new Map<string, Settlement>()
const journal: Journal = {
  record: (settlement) => void pending.set(settlement.reservation, settlement),
  done: ({ reservation }) => void pending.delete(reservation),
  undeliverable: ({ reservation }, problem) => void pending.delete(reservation + problem.code),
  pending: () => [...pending.values()],
}

export async function review(url: string, key: string): Promise<string> {
  const account = new AssayCredits({ url, key, journal }).account('acme')
  try {
    const quote = await account.quote({ tier: 'quick_scan', diff_lines: 1, files: 1 }, { timeoutMs: 1_000 })
    const done = await account.withReservation({ quote: quote.id, overage: 'cap' }, async ({ signal, reservation }) => {
      ask(signal)
      return { cost_usd: 0.1, note: reservation.mode === 'byok' ? 'own key' : reservation.tier }
    })
    if (done.settlement.state === 'settled') return String(done.settlement.reservation.charged)
    return done.result.note ?? done.settlement.state
  } catch (error) {
    if (error instanceof AssayError && error.problem.code === 'insufficient_credits') return String(error.problem.shortfall)
    if (error instanceof AssayNotHeld) return error.reservation.id
    if (error instanceof AssayUnreachable) return String(error.status)
    throw error
  }
}

// @ts-expect-error: credits and facts do not stand beside each other
new AssayCredits({ url: '', key: '' }).account('acme').reserve('one', { credits: 1, tier: 'quick_scan', diff_lines: 1, files: 1 })
// @ts-expect-error: work returns what it cost
new AssayCredits({ url: '', key: '' }).account('acme').withReservation({ credits: 1 }, async () => ({ findings: 3 }))
`
const WITH_FETCH = `const ask = (signal: AbortSignal) => fetch('https://model.test', { signal })`
const WITHOUT = 'const ask = (signal: { readonly aborted: boolean }) => signal.aborted'

test.each([
  { where: 'Node', types: ['@types/node'], lib: [], ask: WITH_FETCH },
  { where: 'Workers', types: ['@cloudflare/workers-types'], lib: [], ask: WITH_FETCH },
  { where: 'browsers', types: [], lib: ['dom'], ask: WITH_FETCH },
  { where: 'nothing that declares anything', types: [], lib: [], ask: WITHOUT },
])('its types compile strictly in $where', async ({ types, lib, ask }) => {
  await compile({ 'consumer.ts': `${CONSUMER}\n${ask}\n` }, types, lib)
})

test("the README's runner, compiled and run by plain Node, settles its review and leaves nothing in its journal", async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const example = /<!-- runner -->\n```ts\n(.*?)```\n<!-- \/runner -->/s.exec(readme)?.[1] ?? ''
  await compile({ 'runner.ts': example }, ['@types/node'], [])
  const system = await startSystem({
    port: await freePort(),
    stateDir: join(folder, 'state'),
    varsFile: join(folder, 'vars'),
  })
  try {
    const headers = { Authorization: `Bearer ${system.operatorKey}`, 'Content-Type': 'application/json' }
    const account = `${system.url}/v1/accounts/acme`
    expect((await fetch(account, { method: 'PUT', headers, body: '{}' })).status).toBe(201)
    const env = { ...process.env, URL: system.url, RUNNER_KEY: system.runnerKey }
    const { stdout, stderr } = await run(process.execPath, ['runner.js'], { cwd: project, env })
    expect(stdout).toBe("[ 'Line 7 divides by zero.' ] settled\n")
    expect(stderr).toBe('')
    const balance = await (await fetch(`${account}/balance`, { headers })).json()
    expect(balance).toMatchObject({ available: 49.69, reserved: 0, version: 3 })
    const journal = (await readFile(join(project, 'settlements.jsonl'), 'utf8')).trim().split('\n')
    expect(journal.map((line) => JSON.parse(line).is)).toEqual(['recorded', 'done'])
  } finally {
    await system.stop()
  }
})

/** Strictly, and with the declarations of every package checked, as a project of its own would. */
async function compile(files: Readonly<Record<string, string>>, types: string[], lib: string[]): Promise<void> {
  const compilerOptions = {
    ...{ target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', strict: true, skipLibCheck: false },
    ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true },
    lib: ['es2022', ...lib],
    types: types.map((name) => join(ROOT, 'node_modules', name)),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text)
  const config = { compilerOptions, files: Object.keys(files) }
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config))
  const compiled = await run(process.execPath, [TSC, '-p', '.'], { cwd: project }).catch((error) => error)
  expect(compiled.stdout).toBe('')
}
