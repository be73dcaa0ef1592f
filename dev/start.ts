/**
 * `npm start`: the system on this machine, from a fresh clone to the first request. PORT and STRIPE_DOUBLE_PORT,
 * STATE_DIR and DEV_VARS say where it and Stripe's double serve, keep their state, and find or make their keys.
 */
import { SystemError } from './secrets.ts'
import { DEFAULT_PORT as DOUBLE_PORT } from './stripe/serve.ts'
import { DEFAULT_PORT, defaultStateDir, defaultVarsFile, type System, startSystem } from './system.ts'

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
  const port = portOf('PORT', DEFAULT_PORT)
  const stripePort = portOf('STRIPE_DOUBLE_PORT', DOUBLE_PORT)
  if (port === stripePort) throw new SystemError(`PORT and STRIPE_DOUBLE_PORT are both ${port}, and must differ.`)
  const varsFile = defaultVarsFile()
  console.log('Starting Assay credits …')
  // Until it serves there is nothing to end tidily: the guard of the process group ends it with us.
  const system = await startSystem({
    port,
    stripePort,
    varsFile,
    stateDir: defaultStateDir(),
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
    console.log(welcome(system, varsFile, await linkIntoDashboard(system)))
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

async function openDemoAccount(system: System): Promise<void> {
  const { id, ...grant } = DEMO_GRANT
  await ask(system, 'PUT', '/v1/accounts/demo', DEMO_ACCOUNT)
  await ask(system, 'PUT', `/v1/accounts/demo/grants/${id}`, grant)
}

/** For one use, as the operator's backend would make one for a customer who clicks on Billing. */
async function linkIntoDashboard(system: System): Promise<string> {
  const { url } = await ask(system, 'POST', '/v1/accounts/demo/dashboard-sessions', {})
  return String(url)
}

async function ask(
  { url, operatorKey }: System,
  method: string,
  path: string,
  body: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${operatorKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new SystemError(`The account demo is not usable: ${await response.text()}`)
  return (await response.json()) as Record<string, unknown>
}

function welcome({ url, stripeUrl, operatorKey, runnerKey }: System, varsFile: string, link: string): string {
  return `
Assay credits is running.

  API       ${url}
  Docs      ${url}/docs
  Stripe    ${stripeUrl}, which is not Stripe but its double on this machine: no money moves
  Pricing   ${url}/pricing
  Account   demo, with a trial and ${DEMO_GRANT.credits.toLocaleString('en')} promotional credits

Look at its dashboard; this link is for one use, within five minutes:

  ${link}

Paste these into another terminal to follow the README:

  export URL=${url}
  export OPERATOR_KEY=${operatorKey}
  export RUNNER_KEY=${runnerKey}

Or see it work on real commits: npm run demo
Another link: curl -X POST -d '{}' -H 'Content-Type: application/json' \\
  -H "Authorization: Bearer $OPERATOR_KEY" $URL/v1/accounts/demo/dashboard-sessions

The keys are kept in ${varsFile}. Ctrl-C ends everything.
`
}

function portOf(name: string, otherwise: number): number {
  const text = process.env[name]
  const port = Number(text ?? otherwise)
  if (Number.isInteger(port) && port > 0 && port <= MAX_PORT) return port
  throw new SystemError(`${name} is a number from 1 to ${MAX_PORT}, not ${text}`)
}
