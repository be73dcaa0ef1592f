/**
 * The same reserve on PostgreSQL, if one is installed: behind a Hono service on Node, and the function alone. Its state
 * lives in a temporary directory, its socket there too, and both go with it.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { RUNNER_KEY } from './runtime.ts'

const PACKAGED = '/usr/lib/postgresql'
const START_MS = 30_000
const ALONE_SECONDS = 3
export const POSTGRES_ACCOUNT = 'hot'
const FUNDS = 10_000_000_000

export interface Postgres {
  readonly url: URL
  /** Reserves a second by so many clients of the server, without any HTTP. */
  alone(clients: number): number
  /** All that was reserved is there, once. Throws if not. */
  verify(): Promise<void>
  close(): Promise<void>
}

/** `null` where there is no PostgreSQL. */
export async function startPostgres(): Promise<Postgres | null> {
  const bin = findBinaries()
  if (bin === null) return null
  const directory = mkdtempSync(join(tmpdir(), 'assay-postgres-'))
  const user = serverUser()
  const options = { stdio: 'pipe', ...user } as const
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid ?? user.uid)
  const data = join(directory, 'data')
  execFileSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'bench'], options)
  const server = spawn(join(bin, 'postgres'), ['-D', data, '-k', directory, '-h', ''], { stdio: 'ignore', ...user })
  const client = await connected(directory)
  await client.query(readFileSync(join(import.meta.dirname, 'postgres/schema.sql'), 'utf8'))
  await client.query('INSERT INTO accounts VALUES ($1, $2, 0, 0)', [POSTGRES_ACCOUNT, FUNDS])
  const service = fork(join(import.meta.dirname, 'postgres/service.ts'), [directory, RUNNER_KEY])
  const [{ port }] = (await once(service, 'message')) as [{ port: number }]
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    alone: (clients) => alone(bin, directory, clients),
    verify: () => verify(client),
    async close() {
      service.kill()
      await client.end()
      await ended(server, 'SIGINT')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function findBinaries(): string | null {
  const versions = existsSync(PACKAGED) ? readdirSync(PACKAGED).sort((a, b) => Number(b) - Number(a)) : []
  const folders = versions.map((version) => join(PACKAGED, version, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'pgbench'))) ?? null
}

/** PostgreSQL refuses to run as root, and its package has made a user for it. */
function serverUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (kind: '-u' | '-g') => Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function connected(socket: string): Promise<pg.Client> {
  const deadline = performance.now() + START_MS
  for (;;) {
    const client = new pg.Client({ host: socket, user: 'bench', database: 'postgres' })
    try {
      await client.connect()
      return client
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function alone(bin: string, socket: string, clients: number): number {
  const script = join(socket, `reserve-${clients}.sql`)
  writeFileSync(
    script,
    `\\set id random(1, 1000000000000)
SELECT reserve('${POSTGRES_ACCOUNT}', 'alone-' || :id, 12500, '{"repository":"acme/api"}');\n`,
  )
  const load = ['-n', '-c', String(clients), '-j', '1', '-T', String(ALONE_SECONDS), '-f', script, '-M', 'prepared']
  const output = execFileSync(join(bin, 'pgbench'), [...load, '-h', socket, '-U', 'bench', 'postgres'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return Number(/^tps = ([\d.]+)/m.exec(output)?.[1] ?? Number.NaN)
}

async function verify(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ ok: boolean }>(
    `SELECT funds.reserved = (SELECT sum(held) FROM reservations) AND funds.available + funds.reserved = $1
       AND funds.seq = (SELECT count(*) FROM entries) AS ok FROM accounts AS funds`,
    [FUNDS],
  )
  if (rows[0]?.ok !== true) throw new Error('the reservations in PostgreSQL do not add up')
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}
