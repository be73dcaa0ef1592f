/**
 * `npm start`: the system on this machine, from a fresh clone to the first request. PORT, STATE_DIR and DEV_VARS say
 * where it serves, keeps its state, and finds or makes its keys.
 */
import { SystemError } from './secrets.ts'
import { DEFAULT_PORT, defaultVarsFile, type System, startSystem } from './system.ts'

const MAX_PORT = 65_535

const DEMO_ACCOUNT = { name: 'Demo' }
/** Under the same id at every start, so that only the first one gives anything. */
const DEMO_GRANT = { id: 'welcome', kind: 'promotional', credits: 1_000, reason: 'To try things out' }

try {
  await main()
  process.exit(0)
} catch (error) {
  console.error(error instanceof SystemError ? `\n${error.message}` : error)
  process.exit(1)
}

async function main(): Promise<void> {
  const port = portOf(process.env['PORT'])
  const varsFile = defaultVarsFile()
  const stateDir = process.env['STATE_DIR']
  console.log('Starting Assay credits …')
  // Until it serves there is nothing to end tidily: the guard of the process group ends it with us.
  const system = await startSystem({
    port,
    varsFile,
    ...(stateDir === undefined ? {} : { stateDir }),
    onLine: (line) => console.error(line),
  })
  let stopping = false
  const stop = () => {
    stopping = true
    return system.stop()
  }
  // Closing the terminal is one of them; if we are killed outright, the guard does it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop())
  try {
    await openDemoAccount(system)
    console.log(welcome(system, varsFile))
    const error = await system.ended
    if (!stopping) throw error
  } catch (error) {
    // While it is being stopped, a call that fails is no news.
    if (!stopping) {
      await stop()
      throw error
    }
    await system.ended
  }
  console.log('Stopped; nothing is left running.')
}

async function openDemoAccount({ url, operatorKey }: System): Promise<void> {
  const { id, ...grant } = DEMO_GRANT
  for (const [path, body] of [
    ['/v1/accounts/demo', DEMO_ACCOUNT],
    [`/v1/accounts/demo/grants/${id}`, grant],
  ] as const) {
    const response = await fetch(url + path, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${operatorKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new SystemError(`The account demo could not be opened: ${await response.text()}`)
  }
}

function welcome({ url, operatorKey, runnerKey }: System, varsFile: string): string {
  return `
Assay credits is running.

  API       ${url}
  Docs      ${url}/docs
  Account   demo, with a trial and ${DEMO_GRANT.credits.toLocaleString('en')} promotional credits

Paste these into another terminal to follow the README:

  export URL=${url}
  export OPERATOR_KEY=${operatorKey}
  export RUNNER_KEY=${runnerKey}

Or see it work on real commits: npm run demo
The keys are kept in ${varsFile}. Ctrl-C ends everything.
`
}

function portOf(text: string | undefined): number {
  const port = Number(text ?? DEFAULT_PORT)
  if (Number.isInteger(port) && port > 0 && port <= MAX_PORT) return port
  throw new SystemError(`PORT is a number from 1 to ${MAX_PORT}, not ${text}`)
}
