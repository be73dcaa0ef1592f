/** What `npm run demo` promises: it reads any history, and all that it prints adds up. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readHistory } from '../../dev/demo/history.ts'
import { freePort, type System, startSystem } from '../../dev/system.ts'
import { COMMITS, createRepository, git, SPECIAL_COMMITS } from './repository.ts'

const DEMO = fileURLToPath(new URL('../../dev/demo.ts', import.meta.url))

let folder: string
let repository: string
let system: System

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-demo-test-'))
  repository = join(folder, 'Some.Repository')
  createRepository(repository)
  system = await startSystem({
    port: await freePort(),
    stateDir: join(folder, 'state'),
    varsFile: join(folder, 'vars'),
  })
})

afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('every review is in the table, the totals add up to the balance, and the audit finds no difference', async () => {
  const { code, stdout, stderr } = await demo(repository, '--no-wait')
  expect(code, stdout + stderr).toBe(0)

  const rows = [...stdout.matchAll(/^[0-9a-f]{7} {2}.*$/gm)].map(([line]) => readRow(line))
  expect(rows).toHaveLength(COMMITS)
  for (const { state, held, charged, returned } of rows) {
    if (state === 'settled') expect(returned).toBeCloseTo(Math.max(0, held - charged), 6)
    if (state === 'released') expect([charged, returned]).toEqual([0, held])
  }
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['settled', 'released', 'held']))
  const sum = (amounts: number[]) => Math.round(amounts.reduce((one, other) => one + other, 0) * 1000) / 1000
  const charged = sum(rows.map((row) => row.charged))
  expect(numbersOf(stdout, /^Reviewing this cost (\S+) credits/m)).toEqual([charged])
  expect(numbersOf(stdout, /^Total +(\d+) +\d+ +\S+ +(\S+) /m)).toEqual([COMMITS, charged])

  const [available = 0, reserved, total] = numbersOf(
    stdout,
    /^Balance +available (\S+) \+ reserved (\S+) = total (\S+)$/m,
  )
  expect(reserved).toBe(sum(rows.filter(({ state }) => state === 'held').map(({ held }) => held)))
  expect(total).toBe(sum([available, reserved ?? 0]))
  const [granted, ...spent] = numbersOf(stdout, /^Books +granted (\S+) = charged (\S+) \+ total (\S+)$/m)
  expect(spent).toEqual([charged, total])
  expect(granted).toBe(sum(spent))

  const [entries, inHistory] = numbersOf(stdout, /^Audit +ok: (\S+) entries, (\S+) of them in history, 0 differences$/m)
  expect(inHistory).toBe(entries)
  const account = /^Played .* Accounts: (some-repository-[0-9a-f]{6})$/m.exec(stdout)?.[1]
  expect(await balanceOf(account)).toMatchObject({ available, reserved, total })
})

test('binary files, renames, lock files and the first commit are read for what a reviewer reads of them', async () => {
  const { commits, tree } = await readHistory(repository)
  expect(commits).toHaveLength(COMMITS)
  expect(commits[0]).toMatchObject({ subject: 'Begin', lines: 120, files: 1 })
  for (const [subject, counted] of Object.entries(SPECIAL_COMMITS)) {
    expect(commits.find((commit) => commit.subject === subject)).toMatchObject(counted)
  }
  expect(tree.files).toBeGreaterThan(COMMITS)
  expect((await readHistory(join(repository, 'src'), 3)).commits).toEqual(commits.slice(-3))
})

test('the edge of a shallow clone, which seems to add everything, is left out', async () => {
  const clone = join(folder, 'shallow')
  git(folder, 'clone', '--quiet', '--depth=4', pathToFileURL(repository).href, clone)
  const { commits } = await readHistory(repository)
  expect(await readHistory(clone)).toMatchObject({ shallow: true, total: 3, commits: commits.slice(-3) })
})

test('what cannot be played ends with code 2 and says why', async () => {
  const [plain, empty] = [join(folder, 'plain'), join(folder, 'empty')]
  await mkdir(plain)
  await mkdir(empty)
  git(empty, 'init', '--quiet')
  const nobody = { URL: `http://127.0.0.1:${await freePort()}` }
  const cases = [
    [demo(plain), `${plain} is not a git repository.`],
    [demo(empty), `The repository ${empty} has no commits yet.`],
    [demo(join(folder, 'missing')), `There is no ${join(folder, 'missing')}.`],
    [demo(repository, '--last', '0'), '--last is a whole number from 1'],
    [demo(repository, nobody), `Nothing answers at ${nobody.URL}`],
    [demo(repository, { RUNNER_KEY: 'another-runner-key' }), 'does not take the keys'],
  ] as const
  for (const [result, message] of cases) {
    const { code, stderr } = await result
    expect(stderr).toContain(message)
    expect(stderr, 'a stack is no message').not.toMatch(/^ {4}at /m)
    expect(code).toBe(2)
  }
})

async function demo(...args: readonly (string | Readonly<Record<string, string>>)[]) {
  const words = args.filter((each) => typeof each === 'string')
  const { url, operatorKey, runnerKey } = system
  const keys = { URL: url, OPERATOR_KEY: operatorKey, RUNNER_KEY: runnerKey }
  const env = Object.assign({}, process.env, keys, ...args.filter((each) => typeof each !== 'string'))
  const child = spawn(process.execPath, [DEMO, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  return { code: code as number | null, stdout, stderr }
}

/** What is charged and returned has three decimals, and is not there while it is held. */
function readRow(line: string) {
  const [, held, charged, returned, state] =
    / (\S+\.\d) +(?:(\S+\.\d{3}) +(\S+\.\d{3}) +)?(settled|released|held|late) /.exec(line) ?? []
  return { held: numberOf(held), charged: numberOf(charged), returned: numberOf(returned), state }
}

function numbersOf(text: string, pattern: RegExp): number[] {
  const found = pattern.exec(text)
  expect(found, `${pattern} in ${text}`).not.toBeNull()
  return (found ?? []).slice(1).map(numberOf)
}

function numberOf(text = '0'): number {
  return Number(text.replaceAll(',', ''))
}

async function balanceOf(account: string | undefined): Promise<unknown> {
  const headers = { Authorization: `Bearer ${system.runnerKey}` }
  return (await fetch(`${system.url}/v1/accounts/${account}/balance`, { headers })).json()
}
