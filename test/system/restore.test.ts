/** Restores of the whole system: an account's database that is put back as it once was, and a D1 that is lost. */
import { copyFileSync, existsSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, type Json } from '../../dev/crash/api.ts'
import { auditWhenComplete, read, readEntries } from '../../dev/crash/reads.ts'
import { accountFile, d1File, SQLITE_SUFFIXES } from '../../dev/local-d1.ts'
import { freePort, type System, startSystem } from '../../dev/system.ts'

/** Four starts, and the seconds by which history trails. */
const TIMEOUT_MS = 240_000
const NOTICED_WITHIN_MS = 30_000
const ACCOUNTS = ['steady', 'moved'] as const

let folder: string
let system: System | null = null

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-restore-'))
})

afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<System> {
  const kept = { stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') }
  system = await startSystem({ port: await freePort(), ...kept })
  return system
}

async function write(running: System, account: string, method: string, path: string, body: object): Promise<Json> {
  const scope = path.startsWith('/reservations') ? 'runner' : 'operator'
  const answered = await ask(running, scope, method, `/v1/accounts/${account}${path}`, body)
  expect(answered?.status, `${path} of ${account}`).toBeLessThan(300)
  return answered?.body
}

async function review(running: System, account: string, id: string): Promise<void> {
  const metadata = { repository: `${account}/api` }
  await write(running, account, 'PUT', `/reservations/${id}`, { credits: 20, metadata })
  await write(running, account, 'POST', `/reservations/${id}/settle`, { credits: 12.5 })
}

/** All that can be read of an account from D1. */
async function history(running: System, account: string) {
  const usage = await read(running, account, '/usage?group_by=repository')
  return { entries: await readEntries(running, account, 0), usage: usage.data }
}

async function histories(running: System) {
  return Promise.all(ACCOUNTS.map((account) => history(running, account)))
}

async function directory(running: System): Promise<string[]> {
  const answered = await ask(running, 'operator', 'GET', '/v1/accounts')
  return answered?.body.data.map(({ id }: { id: string }) => id)
}

function copyDatabase(from: string, to: string): void {
  for (const suffix of SQLITE_SUFFIXES) {
    rmSync(to + suffix, { force: true })
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix)
  }
}

test(
  'an account put back as it once was is noticed and overwrites nothing; put right again, it and a lost D1 are whole',
  async () => {
    const file = accountFile(join(folder, 'state'), 'moved')
    const first = await start()
    for (const account of ACCOUNTS) {
      await write(first, account, 'PUT', '', { trial: null, name: account })
      await write(first, account, 'PUT', '/grants/first', { kind: 'promotional', credits: 1_000, reason: 'a test' })
      await review(first, account, 'early')
      expect(await auditWhenComplete(first, account)).toEqual([])
    }
    await first.stop()
    copyDatabase(file, join(folder, 'early'))

    const second = await start()
    for (const id of ['late-1', 'late-2']) await review(second, 'moved', id)
    for (const account of ACCOUNTS) expect(await auditWhenComplete(second, account)).toEqual([])
    const known = await histories(second)
    await second.stop()
    copyDatabase(file, join(folder, 'late'))
    copyDatabase(join(folder, 'early'), file)

    const third = await start()
    expect(await read(third, 'moved', '/balance'), 'it has forgotten').toMatchObject({ version: 3 })
    await write(third, 'moved', 'PUT', '/reservations/new', { credits: 1 })
    const audit = () => read(third, 'moved', '/audit')
    const noticed = { ok: false, differences: expect.arrayContaining([expect.stringContaining('was set back')]) }
    await expect.poll(audit, { timeout: NOTICED_WITHIN_MS, interval: 200 }).toMatchObject(noticed)
    // Without a clear answer, because the account takes nothing now.
    expect(await ask(third, 'runner', 'POST', '/v1/accounts/moved/reservations/new/release', {})).toBeNull()
    expect(await histories(third)).toEqual(known)
    await third.stop()
    copyDatabase(join(folder, 'late'), file)
    for (const suffix of SQLITE_SUFFIXES) rmSync(d1File(join(folder, 'state')) + suffix, { force: true })

    const fourth = await start()
    expect(await directory(fourth)).toEqual([])
    for (const account of ACCOUNTS) {
      expect((await history(fourth, account)).entries).toEqual([])
      await write(fourth, account, 'POST', '/history/rebuild', {})
      expect(await auditWhenComplete(fourth, account)).toEqual([])
    }
    expect(await histories(fourth)).toEqual(known)
    expect((await directory(fourth)).sort()).toEqual([...ACCOUNTS].sort())
  },
  TIMEOUT_MS,
)
