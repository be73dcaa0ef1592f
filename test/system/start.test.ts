/** What `npm start` promises: it serves from nothing, loses nothing, and leaves nothing behind. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Stripe } from 'stripe'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { d1File, migrateD1 } from '../../dev/local-d1.ts'
import { startLocalStripe } from '../../dev/local-stripe.ts'
import { startGroup } from '../../dev/process-group.ts'
import { keepSchedule, SCHEDULE_EVERY_MS } from '../../dev/schedule.ts'
import { ensureSecrets } from '../../dev/secrets.ts'
import { Books } from '../../dev/stripe/books.ts'
import { BOOKS_FILE } from '../../dev/stripe/serve.ts'
import { freePort, startSystem } from '../../dev/system.ts'
import { WEBHOOK_EVENTS } from '../../src/stripe/webhook.ts'
import { client } from '../stripe/double.ts'
import { expectNothingLeft, type Printed, StartCommand } from './command.ts'

const FREE_WITHIN_MS = 5_000
const HISTORY_WITHIN_MS = 15_000
const CLIENTS = 16
/** More than a system that is being killed can answer, and fewer than an account may hold open. */
const RESERVES = 8_000
const RESERVED_BEFORE_KILL = 60

const RESET = fileURLToPath(new URL('../../dev/reset.ts', import.meta.url))

let folder: string
const started: StartCommand[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-start-'))
})

afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  // A test that failed may have left one running; its guard ends the rest.
  for (const command of started.splice(0)) {
    command.signal('SIGKILL')
    await command.exited
  }
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function start(name: string, port?: number, stripePort?: number): Promise<StartCommand> {
  vi.stubEnv('STRIPE_DOUBLE_PORT', String(stripePort ?? (await freePort())))
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

  const link = new RegExp(`${printed.url}/enter/\\S+`).exec(command.output)?.[0] ?? 'none'
  const enter = () => fetch(link, { redirect: 'manual' })
  const entered = await enter()
  expect([entered.status, entered.headers.get('Location')]).toEqual([303, '/dashboard'])
  const cookie = entered.headers.get('Set-Cookie')?.split(';')[0] ?? ''
  const dashboard = await fetch(`${printed.url}/dashboard`, { headers: { Cookie: cookie } })
  expect(await dashboard.text()).toContain('1,100')
  expect((await enter()).status, 'the link is for one use').toBe(401)

  const stripeUrl = stripeUrlOf(command)
  expect(command.output).toContain(`${stripeUrl}, which is not Stripe but its double`)
  expect(command.output, 'nothing to worry about').not.toContain('WARNING')
  await expect(client(stripeUrl).customers.list()).resolves.toMatchObject({ data: [] })
  await expect(client(stripeUrl, 'sk_live_0123456789abcdef').customers.list()).rejects.toThrow('test keys only')

  const stripePort = Number(new URL(stripeUrl).port)
  const third = await start('third', undefined, stripePort)
  expect(await third.exited).toBe(1)
  expect(third.output).toContain(`Port ${stripePort} is taken`)
  expect(third.output).toContain(`STRIPE_DOUBLE_PORT=${stripePort + 1}`)
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
  await expectFree(stripePort)
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

test("Stripe's double forgets nothing when all is killed at once, and calls the webhook where it is now", async () => {
  const first = await start('books')
  await first.ready()
  const group = first.group()
  const customer = await client(stripeUrlOf(first)).customers.create({ name: 'Survivor' })
  first.signal('SIGKILL')
  process.kill(-group, 'SIGKILL')
  await first.exited
  await expectNothingLeft(group)
  await expectFree(Number(new URL(stripeUrlOf(first)).port))

  const second = await start('books')
  const { url } = await second.ready()
  expect(second.port).not.toBe(first.port)
  const stripe = client(stripeUrlOf(second))
  expect(await stripe.customers.retrieve(customer.id)).toEqual(customer)
  const { data: endpoints } = await stripe.webhookEndpoints.list()
  expect(endpoints).toMatchObject([
    { url: `${url}/v1/stripe/webhook`, status: 'enabled', enabled_events: [...WEBHOOK_EVENTS] },
  ])
})

test('what waits for the webhook waits until it is there, follows it, and is signed with the newest secret', async () => {
  const stateDir = join(folder, 'moved')
  await mkdir(stateDir)
  const before = await startLocalStripe({ port: 0, stateDir, ...webhookAt(await freePort()) })
  before.deliver()
  await post(`${before.url}/_control/webhooks/mode`, { mode: 'when_told' })
  const { id } = await client(before.url).customers.create()
  await client(before.url).customers.del(id)
  await before.stop()
  const books = new Books(join(stateDir, BOOKS_FILE))
  books.putNote('deliveries', 'mode', { mode: 'at_once' })
  books.close()

  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  let isThere = false
  const received: { readonly path: string | undefined; readonly signature: string; readonly body: string }[] = []
  const receiver = await listen(async (request, response) => {
    const signature = String(request.headers['stripe-signature'])
    received.push({ path: request.url, signature, body: await text(request) })
    response.writeHead(isThere ? 200 : 503).end()
  })
  const after = await startLocalStripe({ port: 0, stateDir, ...webhookAt(receiver.port) })
  try {
    // Looks at what is due, many times; who asks in between sees that nothing came of it.
    vi.advanceTimersByTime(60_000)
    await (await fetch(`${after.url}/_control/clock`)).text()
    expect(received).toEqual([])
    isThere = true
    after.deliver()
    await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: FREE_WITHIN_MS })
    const [{ path, body, signature } = { path: '', body: '', signature: '' }] = received
    expect(path).toBe('/v1/stripe/webhook')
    const { webhookSecret } = webhookAt(receiver.port)
    const event = await new Stripe('sk_test_unused').webhooks.constructEventAsync(body, signature, webhookSecret)
    expect(event).toMatchObject({ type: 'customer.deleted', data: { object: { id } } })
  } finally {
    await after.stop()
    await receiver.close()
  }
})

test('the schedule goes on after a run that failed, never runs twice at once, and ends', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const runs: { readonly path: string | undefined; readonly response: ServerResponse }[] = []
  const server = await listen(({ url: path }, response) => void runs.push({ path, response }))
  const untilRun = (count: number) =>
    vi.waitFor(() => {
      vi.advanceTimersByTime(SCHEDULE_EVERY_MS)
      expect(runs).toHaveLength(count)
    })
  const end = keepSchedule(server.url)
  try {
    await untilRun(1)
    vi.advanceTimersByTime(10 * SCHEDULE_EVERY_MS)
    runs[0]?.response.writeHead(500).end('exception')
    await untilRun(2)
    runs[1]?.response.destroy()
    await untilRun(3)
    end()
    await vi.waitFor(() => expect(runs[2]?.response.closed).toBe(true))
    expect(vi.getTimerCount()).toBe(0)
    expect(runs.map(({ path }) => path)).toEqual(Array(3).fill('/cdn-cgi/local/scheduled'))
  } finally {
    end()
    await server.close()
  }
})

test('the Worker and the double reach each other: runs of the schedule, also after some that failed, and webhooks', async () => {
  const [stateDir, varsFile] = [join(folder, 'scheduled', 'state'), join(folder, 'scheduled', 'vars')]
  const system = await startSystem({ port: await freePort(), stateDir, varsFile, scheduleEveryMs: 50 })
  try {
    // Each is used up by one request, and only the scheduled handler lists events.
    const faults = `${system.stripeUrl}/_control/faults`
    for (const answer of [500, 500, 'real']) await post(faults, { route: 'GET /v1/events', answer })
    const left = async () => expect(await (await fetch(faults)).json()).toEqual([])
    await vi.waitFor(left, { timeout: HISTORY_WITHIN_MS, interval: 50 })
    const stripe = client(system.stripeUrl)
    const { id } = await stripe.customers.create()
    await stripe.customers.del(id)
    const delivered = async () => {
      const { data } = await stripe.events.list({ type: 'customer.deleted' })
      expect(data).toMatchObject([{ pending_webhooks: 0, data: { object: { id } } }])
    }
    await vi.waitFor(delivered, { timeout: HISTORY_WITHIN_MS, interval: 50 })
  } finally {
    await system.stop()
  }
})

test('reset clears accounts, history and the double, nothing else, and not while a system runs', async () => {
  const [stateDir, varsFile] = [join(folder, 'cleared', 'state'), join(folder, 'cleared', 'vars')]
  expect(await reset('cleared')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to clear') })
  expect(existsSync(stateDir)).toBe(false)

  const first = await start('cleared')
  const before = await first.ready()
  await ask(before, 'operator', 'PUT', '/v1/accounts/past', { trial: null })
  await vi.waitFor(async () => expect(await directory(before)).toContain('past'), { timeout: HISTORY_WITHIN_MS })
  await client(stripeUrlOf(first)).customers.create()
  const wrangler = join(stateDir, 'v3')
  const database = join(wrangler, 'd1', 'miniflare-D1DatabaseObject', 'of-another-project.sqlite')
  const [file, folderOfAnother] = [join(stateDir, 'mine.txt'), join(wrangler, 'do', 'another-worker')]
  await mkdir(folderOfAnother)
  for (const path of [file, database]) await writeFile(path, 'not ours')
  const refused = await reset('cleared')
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/is in use by process \d+\. Stop it first/) })
  expect((await ask(before, 'operator', 'GET', '/v1/accounts/past')).status).toBe(200)
  first.signal('SIGTERM')
  expect(await first.exited).toBe(0)

  const secrets = await readFile(varsFile, 'utf8')
  expect(await reset('cleared')).toMatchObject({ code: 0, stdout: expect.stringContaining('Cleared') })
  expect(await readFile(varsFile, 'utf8')).toBe(secrets)
  expect([file, database, folderOfAnother].filter((path) => !existsSync(path))).toEqual([])
  const second = await start('cleared')
  const after = await second.ready()
  expect((await ask(after, 'operator', 'GET', '/v1/accounts/past')).status).toBe(404)
  await vi.waitFor(async () => expect(await directory(after)).toEqual(['demo']), { timeout: HISTORY_WITHIN_MS })
  await expect(client(stripeUrlOf(second)).customers.list()).resolves.toMatchObject({ data: [] })
})

test('D1 is migrated as wrangler does it, which finds nothing left to do, and what cannot be migrated is said', async () => {
  const stateDir = join(folder, 'migrated')
  migrateD1(stateDir)
  migrateD1(stateDir)
  const lines: string[] = []
  const list = ['d1', 'migrations', 'list', 'HISTORY', '--local', '--persist-to', stateDir]
  const wrangler = startGroup(stateDir, list, (line) => lines.push(line))
  expect(await wrangler.exited, lines.join('\n')).toBe(0)
  await wrangler.end()
  expect(lines.join('\n')).toContain('No migrations to apply')

  await writeFile(d1File(stateDir), 'no database')
  const system = startSystem({ port: await freePort(), stateDir, varsFile: join(folder, 'migrated.vars') })
  await expect(system).rejects.toThrow(/migrations of D1 could not be applied: .*npm run reset/)
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
  expect(text.slice(own.length)).toMatch(
    /^\nRUNNER_KEYS=\S{16,}\nSIGNING_SECRETS=\S{32,}\nSTRIPE_SECRET_KEY=sk_test_\w{32,}\nSTRIPE_WEBHOOK_SECRETS=whsec_\w{32,}\nBYOK_SECRETS=\w{32,}\n$/,
  )

  const webhooks = `${text}STRIPE_WEBHOOK_SECRETS=whsec_the_newest_one,whsec_an_older_one\n`
  await writeFile(partial, webhooks)
  expect(ensureSecrets(partial).webhookSecret).toBe('whsec_the_newest_one')
  expect(await readFile(partial, 'utf8')).toBe(webhooks)
})

test('a live key is never handed to the double', async () => {
  const file = join(folder, 'live.vars')
  await writeFile(file, 'STRIPE_SECRET_KEY=sk_live_0123456789abcdef\n')
  expect(() => ensureSecrets(file)).toThrow(/^STRIPE_SECRET_KEY in .*live\.vars is not one test key/)
  expect(() => ensureSecrets(file)).not.toThrow(/sk_live/)
})

test('a secret that can be guessed is named, and how to put it right', async () => {
  const file = join(folder, 'short.vars')
  await writeFile(file, 'OPERATOR_KEYS=short\n')
  expect(() => ensureSecrets(file)).toThrow(/^OPERATOR_KEYS in .*short\.vars .* fewer than 16 characters/)
  expect(() => ensureSecrets(file)).not.toThrow(/=short/)
})

function stripeUrlOf(command: StartCommand): string {
  return /^ +Stripe +(http:\/\/127\.0\.0\.1:\d+)/m.exec(command.output)?.[1] ?? ''
}

/** Each port has a secret of its own, so that one of another port shows. */
function webhookAt(port: number) {
  return {
    webhookUrl: `http://127.0.0.1:${port}/v1/stripe/webhook`,
    webhookSecret: `whsec_of_the_system_at_${port}`,
  }
}

async function post(url: string, body: object): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  expect((await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status).toBe(200)
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createHttpServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { port, url: `http://127.0.0.1:${port}`, close }
}

function reset(name: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, STATE_DIR: join(folder, name, 'state'), DEV_VARS: join(folder, name, 'vars') }
  return new Promise((resolve) => {
    execFile(process.execPath, [RESET], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}

/** The names of the accounts as D1 knows them. */
async function directory(system: Printed): Promise<string[]> {
  const { body } = await ask(system, 'operator', 'GET', '/v1/accounts')
  return (body['data'] as { id: string }[]).map(({ id }) => id)
}

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
