/** What `npm start` promises: it serves from nothing, loses nothing, and leaves nothing behind. */
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { ensureSecrets } from '../../dev/secrets.ts'
import { expectNothingLeft, type Printed, StartCommand } from './command.ts'

const FREE_WITHIN_MS = 5_000
const HISTORY_WITHIN_MS = 15_000
const CLIENTS = 16
/** More than a system that is being killed can answer, and fewer than an account may hold open. */
const RESERVES = 8_000
const RESERVED_BEFORE_KILL = 60

let folder: string
const started: StartCommand[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-start-'))
})

afterEach(async () => {
  // A test that failed may have left one running; its guard ends the rest.
  for (const command of started.splice(0)) {
    command.signal('SIGKILL')
    await command.exited
  }
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function start(name: string, port?: number): Promise<StartCommand> {
  const command = await StartCommand.run({
    stateDir: join(folder, name, 'state'),
    varsFile: join(folder, name, 'vars'),
    ...(port === undefined ? {} : { port }),
  })
  started.push(command)
  return command
}

test('it serves from nothing, with keys that work, and SIGTERM ends every process of it', async () => {
  const command = await start('fresh')
  const printed = await command.ready()
  expect(printed.url).toBe(`http://127.0.0.1:${command.port}`)
  expect((await fetch(`${printed.url}/docs`)).status).toBe(200)
  const demo = await ask(printed, 'operator', 'GET', '/v1/accounts/demo')
  expect(demo.body).toMatchObject({ id: 'demo', balance: { available: 1_100, trial: { available: 100 } } })
  const estimate = { tier: 'quick_scan', diff_lines: 10, files: 1 }
  expect((await ask(printed, 'runner', 'POST', '/v1/estimates', estimate)).status).toBe(200)
  expect((await ask(printed, 'runner', 'GET', '/v1/accounts')).status).toBe(403)

  const second = await start('second', command.port)
  expect(await second.exited).toBe(1)
  expect(second.output).toContain(`Port ${command.port} is taken`)
  expect(second.output).toContain(`PORT=${command.port + 1}`)
  const twin = await start('fresh')
  expect(await twin.exited).toBe(1)
  expect(twin.output).toMatch(/is in use by process \d+/)

  const group = command.group()
  command.signal('SIGTERM')
  expect(await command.exited, command.output).toBe(0)
  await expectNothingLeft(group)
  await expectFree(command.port)
})

test('what was acknowledged is there after kill -9 of everything, and the books are in order', async () => {
  const first = await start('killed')
  const before = await first.ready()
  await ask(before, 'operator', 'PUT', '/v1/accounts/survivor', { trial: null })
  const grant = { kind: 'promotional', credits: RESERVES, reason: 'a test' }
  await ask(before, 'operator', 'PUT', '/v1/accounts/survivor/grants/first', grant)
  const acknowledged = await reserveUntilKilled(before, first)
  expect(acknowledged.length).toBeGreaterThanOrEqual(RESERVED_BEFORE_KILL)
  expect(acknowledged.length, 'it was killed too late').toBeLessThan(RESERVES)
  expect(await first.exited).toBe(1)

  const second = await start('killed', first.port)
  const after = await second.ready()
  expect(after, 'keys that were there are kept').toEqual(before)
  for (const id of acknowledged) {
    const reservation = await ask(after, 'runner', 'GET', `/v1/accounts/survivor/reservations/${id}`)
    expect(reservation.body).toMatchObject({ state: 'held', credits: 1 })
  }
  const { body: balance } = await ask(after, 'runner', 'GET', '/v1/accounts/survivor/balance')
  expect(balance).toMatchObject({ total: RESERVES })
  expect(balance['reserved']).toBeGreaterThanOrEqual(acknowledged.length)
  const audited = async () => {
    const { body } = await ask(after, 'operator', 'GET', '/v1/accounts/survivor/audit')
    expect(body).toMatchObject({ ok: true, differences: [] })
    const checked = body['checked'] as { entries: number; history: number }
    expect(checked.history).toBe(checked.entries)
  }
  await vi.waitFor(audited, { timeout: HISTORY_WITHIN_MS, interval: 200 })

  // Killed itself, it cannot end the others; the guard of their group does.
  const group = second.group()
  second.signal('SIGKILL')
  await expectNothingLeft(group)
  await expectFree(second.port)
})

test('a wrangler that dies takes everything with it, and its last words are shown', async () => {
  const command = await start('fresh')
  await command.ready()
  const group = command.group()
  process.kill(group, 'SIGKILL')
  expect(await command.exited).toBe(1)
  expect(command.output).toContain('The system ended by itself (SIGKILL)')
  await expectNothingLeft(group)
  await expectFree(command.port)
})

test('secrets are random, kept, added where they lack, and readable by nobody else', async () => {
  const [one, other, partial] = [join(folder, 'one.vars'), join(folder, 'other.vars'), join(folder, 'partial.vars')]
  const made = ensureSecrets(one)
  expect(ensureSecrets(other)).not.toEqual(made)
  expect(ensureSecrets(one)).toEqual(made)
  expect((await stat(one)).mode & 0o777).toBe(0o600)

  const own = '# mine\nOPERATOR_KEYS="my-own-operator-key,an-older-operator-key"\nOTHER=1'
  await writeFile(partial, own)
  expect(ensureSecrets(partial).operatorKey).toBe('my-own-operator-key')
  const text = await readFile(partial, 'utf8')
  expect(text.startsWith(`${own}\n`)).toBe(true)
  expect(text.slice(own.length)).toMatch(/^\nRUNNER_KEYS=\S{16,}\nSIGNING_SECRETS=\S{32,}\n$/)
})

test('a secret that can be guessed is named, and how to put it right', async () => {
  const file = join(folder, 'short.vars')
  await writeFile(file, 'OPERATOR_KEYS=short\n')
  expect(() => ensureSecrets(file)).toThrow(/^OPERATOR_KEYS in .*short\.vars .* fewer than 16 characters/)
  expect(() => ensureSecrets(file)).not.toThrow(/=short/)
})

/** Many at once, and everything killed when the first of them are acknowledged; returns those that were. */
async function reserveUntilKilled(system: Printed, command: StartCommand): Promise<string[]> {
  const group = command.group()
  const acknowledged: string[] = []
  // Each client goes on until the system is gone, so that some are on their way whenever that is.
  const client = async (name: number) => {
    for (let index = 0; index < RESERVES / CLIENTS; index += 1) {
      const id = `review-${name}-${index}`
      const { status } = await ask(system, 'runner', 'PUT', `/v1/accounts/survivor/reservations/${id}`, { credits: 1 })
      if (status !== 201) return
      acknowledged.push(id)
      if (acknowledged.length === RESERVED_BEFORE_KILL) process.kill(-group, 'SIGKILL')
    }
  }
  await Promise.allSettled(Array.from({ length: CLIENTS }, (_, name) => client(name)))
  await expectNothingLeft(group)
  return acknowledged
}

async function ask(system: Printed, scope: 'operator' | 'runner', method: string, path: string, body?: object) {
  const key = scope === 'operator' ? system.operatorKey : system.runnerKey
  const response = await fetch(system.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** A moment after the process that listened: its threads end one by one. */
async function expectFree(port: number): Promise<void> {
  const listen = async () => {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
  }
  await vi.waitFor(listen, { timeout: FREE_WITHIN_MS, interval: 50 })
}
