/** The client against the real system, through everything that can come between them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { freePort, type System, startSystem } from '../../dev/system.ts'
import { AssayCredits, type AssayOptions, type Review, type Trouble } from '../../src/client/index.ts'
import { FileJournal } from '../../src/client/node/index.ts'
import { RUNTIME } from '../../src/client/runtime.ts'
import { FaultyNetwork } from './client-faults.ts'

const RUNNER = fileURLToPath(new URL('./client-runner.ts', import.meta.url))
const CREDITS = 1_000
const WITHIN_MS = 20_000
const RESTARTED_WITHIN_MS = 60_000
const DAY_MS = 86_400_000

let folder: string
let port: number
let system: System
let network: FaultyNetwork
const children: ChildProcess[] = []
const journals: FileJournal[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-client-'))
  port = await freePort()
  system = await startAgain()
  network = await FaultyNetwork.before(system.url)
})

afterEach(async () => {
  vi.useRealTimers()
  network.faults = () => null
  network.seen.length = 0
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    await closed(child)
  }
  for (const journal of journals.splice(0)) await journal.close()
})

afterAll(async () => {
  await network?.close()
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** On the same port with the same state. */
function startAgain(): Promise<System> {
  return startSystem({ port, stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') })
}

/** An account with credits, a client of it behind the network, and what the client's journal and its listener were told. */
async function runnerOf(name: string, options: Partial<AssayOptions> = {}) {
  await operator('PUT', `/v1/accounts/${name}`, { trial: null })
  await operator('PUT', `/v1/accounts/${name}/grants/first`, {
    kind: 'promotional',
    credits: CREDITS,
    reason: 'a test',
  })
  const journal = await openJournal(`${name}.jsonl`)
  const troubles: Trouble[] = []
  const onTrouble = (trouble: Trouble) => troubles.push(trouble)
  const assay = new AssayCredits({ url: network.url, key: system.runnerKey, journal, onTrouble, ...options })
  return { assay, account: assay.account(name), journal, troubles }
}

async function openJournal(name: string): Promise<FileJournal> {
  const journal = await FileJournal.open(join(folder, name))
  journals.push(journal)
  return journal
}

async function operator<T = unknown>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(system.url + path, {
    method,
    headers: { Authorization: `Bearer ${system.operatorKey}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = await response.json()
  expect(response.ok, JSON.stringify(answer)).toBe(true)
  return answer as T
}

/** The ledger has as many entries as named, first the grant; and it is in order. */
async function expectLedger(account: string, entries: number, available: number): Promise<void> {
  const balance = await operator('GET', `/v1/accounts/${account}/balance`)
  expect(balance).toMatchObject({ available, reserved: 0, version: entries })
  await vi.waitFor(
    async () => expect(await operator('GET', `/v1/accounts/${account}/audit`)).toMatchObject({ ok: true }),
    {
      timeout: WITHIN_MS,
    },
  )
}

test('the API is killed in the middle of a review and comes back: the review is settled once', async () => {
  const { account, journal, troubles } = await runnerOf('restarted', { runtime: { random: () => 0.02 } })
  let restarted: Promise<System> | undefined
  const work = async (review: Review) => {
    process.kill(-system.pid, 'SIGKILL')
    await system.ended
    review.report({ accrued: 10 })
    restarted = startAgain()
    await vi.waitFor(() => expect(network.calls('/extend').length).toBeGreaterThan(1), { timeout: WITHIN_MS })
    expect(review.signal.aborted).toBe(false)
    return { cost_usd: '0.2' }
  }
  const { settlement } = await account.withReservation({ credits: 50 }, work, { settleWithinMs: RESTARTED_WITHIN_MS })
  system = (await restarted) ?? system
  expect(network.calls('/settle').length, 'the API was not down').toBeGreaterThan(1)
  expect(settlement).toMatchObject({ state: 'settled', reservation: { charged: 20, late: false } })
  expect(journal.pending()).toEqual([])
  expect(troubles.filter(({ kind }) => kind !== 'delayed')).toEqual([])
  await expectLedger('restarted', 3, CREDITS - 20)
})

test('answers that are lost, of every call twice, change nothing', async () => {
  const { account, journal } = await runnerOf('lossy')
  const lost = new Map<string, number>()
  network.faults = ({ method, path }) => {
    const before = lost.get(method + path) ?? 0
    lost.set(method + path, before + 1)
    return before < 2 ? 'cut after' : null
  }
  const facts = { tier: 'code_review', diff_lines: 150, files: 6 } as const
  const { settlement } = await account.withReservation(facts, async (review) => {
    await review.extend({ credits: 70 })
    return { cost_usd: '0.5031' }
  })
  expect(settlement).toMatchObject({ state: 'settled', reservation: { charged: 50.31, returned: 19.69 } })
  expect([...lost.values()]).toEqual([3, 3, 3])
  expect(journal.pending()).toEqual([])
  await expectLedger('lossy', 4, CREDITS - 50.31)
})

test('a 429 and a 503 are waited out for as long as they say', async () => {
  const { account } = await runnerOf('limited', { runtime: { random: () => 0 } })
  const problem = (status: number, code: string) => JSON.stringify({ status, code, type: '', title: '', detail: '' })
  const answers = [
    { status: 429, headers: { 'Retry-After': '1' }, body: problem(429, 'rate_limited') },
    {
      status: 503,
      headers: { 'Retry-After': new Date(Date.now() + 2_000).toUTCString() },
      body: problem(503, 'overloaded'),
    },
  ]
  network.faults = () => answers.shift() ?? null
  await account.reserve('one', { credits: 10 })
  const [first, second, third] = network.calls('/one').map(({ atMs }) => atMs)
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000)
  expect((third ?? 0) - (second ?? 0), 'a date of whole seconds, a part of one having passed').toBeGreaterThan(0)
  expect((await account.release('one')).reservation.state).toBe('released')
})

test.each([1, -1])("a runner's clock that is %d day off changes nothing", async (days) => {
  // Its steady clock runs twenty times as fast, so that a hold of a minute needs a heartbeat every second.
  const SPEED = 20
  const { account } = await runnerOf(`skewed${days + 1}`, {
    runtime: {
      monotonicMs: () => RUNTIME.monotonicMs() * SPEED,
      sleep: (ms, signal, background) => RUNTIME.sleep(ms / SPEED, signal, background),
    },
  })
  const began = performance.now()
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * DAY_MS })
  const { settlement } = await account.withReservation({ credits: 50, ttl_seconds: 60 }, async (review) => {
    await vi.waitFor(() => expect(network.calls('/extend').length).toBeGreaterThanOrEqual(2), { timeout: WITHIN_MS })
    expect((network.calls('/extend')[1]?.atMs ?? 0) - began, 'two thirds of its hold').toBeGreaterThan(1_990)
    expect(review.signal.aborted).toBe(false)
    return { credits: 10 }
  })
  expect(settlement).toMatchObject({ state: 'settled', reservation: { charged: 10, late: false } })
})

test.each(['cut before', 'cut after'] as const)(
  'a runner that is killed before its settlement is answered (%s) delivers it at its next start, once',
  async (fault) => {
    const name = fault === 'cut before' ? 'one' : 'two'
    await runnerOf('runner')
    const before = await operator<{ available: number; version: number }>('GET', '/v1/accounts/runner/balance')
    network.faults = ({ path }) => (path.endsWith('/settle') ? fault : null)
    const file = join(folder, `killed-${name}.jsonl`)
    const first = run(file, name)
    await vi.waitFor(() => expect(network.calls('/settle').length).toBeGreaterThan(0), { timeout: WITHIN_MS })
    first.child.kill('SIGKILL')
    expect(await closed(first.child)).toBe('SIGKILL')
    network.faults = () => null
    const second = run(file)
    expect(await closed(second.child), second.output()).toBe(0)
    expect(second.output()).toBe('resumed 1\nleft 0\n')
    await expectLedger('runner', before.version + 2, before.available - 12.5)
  },
)

test('a settlement that is refused for good is handed to the journal, with the reason, and never dropped', async () => {
  const { account, journal, troubles } = await runnerOf('refused')
  const { result, settlement } = await account.withReservation({ credits: 50 }, async (review) => {
    const other = new AssayCredits({ url: system.url, key: system.runnerKey }).account('refused')
    await other.release(review.id)
    review.report({ accrued: 10 })
    await vi.waitFor(() => expect(review.signal.aborted).toBe(true), { timeout: WITHIN_MS })
    expect(review.signal.reason).toMatchObject({ code: 'reservation_released' })
    return { credits: 20, id: review.id }
  })
  expect(settlement).toMatchObject({ state: 'undeliverable', error: { code: 'reservation_released' } })
  expect(troubles.map(({ kind }) => kind)).toEqual(['undeliverable'])
  const handed = { account: 'refused', reservation: result.id, cost: { credits: 20 } }
  for (const each of [journal, await openJournal('refused.jsonl')]) {
    expect(each.pending()).toEqual([])
    expect(each.undelivered()).toMatchObject([{ settlement: handed, problem: { code: 'reservation_released' } }])
  }
})

test('a settlement whose key was revoked stays in the journal, and the next start delivers it with a valid one', async () => {
  await runnerOf('rotated')
  const minted = await operator<{ id: string; key: string }>('POST', '/v1/accounts/rotated/keys', { scope: 'runner' })
  const { account, journal } = await runnerOf('rotated', { key: minted.key })
  const { settlement } = await account.withReservation({ credits: 50 }, async () => {
    await operator('DELETE', `/v1/accounts/rotated/keys/${minted.id}`)
    return { credits: 20 }
  })
  expect(settlement).toMatchObject({ state: 'undeliverable', error: { code: 'unauthorized' } })
  expect(journal.pending()).toHaveLength(1)
  const next = new AssayCredits({ url: network.url, key: system.runnerKey, journal })
  expect(await next.resume()).toBe(1)
  expect(await next.drain()).toEqual([])
  expect(journal.pending()).toEqual([])
  await expectLedger('rotated', 3, CREDITS - 20)
})

test('without credits a review is refused before it begins, with the numbers to say so', async () => {
  const { account } = await runnerOf('poor')
  const work = async () => ({ credits: 1 })
  await expect(account.withReservation({ credits: CREDITS + 1 }, work)).rejects.toMatchObject({
    name: 'AssayError',
    code: 'insufficient_credits',
    problem: { requested: CREDITS + 1, available: CREDITS, shortfall: 1 },
    requestId: expect.stringMatching(/^req_/),
  })
})

function run(journal: string, ...reservation: string[]) {
  const args = [RUNNER, network.url, system.runnerKey, journal, ...reservation]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  return { child, output: () => output }
}

async function closed(child: ChildProcess): Promise<unknown> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode ?? child.signalCode
}
