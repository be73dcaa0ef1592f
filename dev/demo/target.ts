/** The system that the demo plays against: one that runs already, or one of its own, gone when the demo is. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readKeys, SystemError } from '../secrets.ts'
import { DEFAULT_PORT, defaultVarsFile, freePort, isHealthy, startSystem } from '../system.ts'
import { Api, ApiError } from './api.ts'

export interface Target {
  readonly api: Api
  readonly url: string
  leave(): Promise<void>
}

export async function reachTarget(): Promise<Target> {
  const named = process.env['URL']?.replace(/\/+$/, '')
  const url = named ?? `http://127.0.0.1:${DEFAULT_PORT}`
  if (await isHealthy(url)) {
    const api = new Api(url, keysOfRunning())
    await checkKeys(api, url)
    return { api, url, leave: async () => {} }
  }
  if (named !== undefined) throw new SystemError(`Nothing answers at ${url}. Is it running? npm start starts one here.`)
  console.error(`Nothing answers at ${url} (npm start), so the demo starts a system of its own …`)
  return startOwn()
}

async function startOwn(): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-demo-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const varsFile = join(folder, 'vars')
    const system = await startSystem({ port: await freePort(), stateDir: join(folder, 'state'), varsFile })
    const leave = async () => {
      await system.stop()
      await remove()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => void leave().finally(() => process.exit(1)))
    }
    return { api: new Api(system.url, system), url: system.url, leave }
  } catch (error) {
    await remove()
    throw error
  }
}

function keysOfRunning() {
  const { OPERATOR_KEY: operatorKey, RUNNER_KEY: runnerKey } = process.env
  if (operatorKey && runnerKey) return { operatorKey, runnerKey }
  const file = defaultVarsFile()
  if (existsSync(file)) return readKeys(file)
  throw new SystemError(`There is no ${file}: set OPERATOR_KEY and RUNNER_KEY, as npm start prints them.`)
}

/** Before anything is done, because the first refusal would otherwise come from the middle of it. */
async function checkKeys(api: Api, url: string): Promise<void> {
  try {
    await api.asOperator('GET', '/v1/accounts?limit=1')
    await api.asRunner('POST', '/v1/estimates', { tier: 'quick_scan', diff_lines: 0, files: 0 })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    throw new SystemError(`${url} does not take the keys: ${error.message}. Set OPERATOR_KEY and RUNNER_KEY.`)
  }
}
