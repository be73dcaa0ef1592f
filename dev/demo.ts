/**
 * `npm run demo [-- PATH ... --last N --runners N --no-wait]`: what would reviewing our repositories have cost? Takes each
 * commit of each PATH (by default this repository) as a pull request and plays it through the running system.
 */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Api, ApiError, type Pack, type Tier } from './demo/api.ts'
import { type Customer, playCustomer } from './demo/customer.ts'
import { type History, HistoryError, readHistory } from './demo/history.ts'
import { Progress } from './demo/progress.ts'
import { type Catalogue, report } from './demo/report.ts'
import { reviewsOf } from './demo/review.ts'
import { reachTarget } from './demo/target.ts'
import { SystemError } from './secrets.ts'

const USAGE = 'npm run demo [-- PATH ... --last N --runners N --no-wait]'
/** Side by side for each account; a local system is busy with fewer. */
const DEFAULT_RUNNERS = 8
const MAX_RUNNERS = 64
const MAX_COMMITS = 100_000
/** Of an account's name; the suffix that makes each run a new customer comes on top. */
const MAX_NAME_LENGTH = 50

const FAILED = 1
const MISUSED = 2

try {
  const options = readOptions()
  const histories = await Promise.all(options.paths.map((path) => readHistory(path, options.last)))
  process.exitCode = (await play(histories, options)) ? 0 : FAILED
} catch (error) {
  const isMisuse = error instanceof SystemError || error instanceof HistoryError
  console.error(isMisuse || error instanceof ApiError ? error.message : error)
  process.exitCode = isMisuse ? MISUSED : FAILED
}

interface Options {
  readonly paths: readonly string[]
  readonly last?: number
  readonly runners: number
  readonly waits: boolean
}

/** Returns whether every account is in order. */
async function play(histories: readonly History[], options: Options): Promise<boolean> {
  const { api, url, leave } = await reachTarget()
  try {
    const catalogue = await readCatalogue(api)
    const started = performance.now()
    const customers = await playAll(histories, options, api, catalogue)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const inOrder = histories.map((history, index) => {
      const customer = customers[index]
      return customer !== undefined && report(history, customer, catalogue)
    })
    const again = api.retries === 0 ? '' : `, ${api.retries} calls sent again`
    const accounts = customers.map(({ account }) => account).join(', ')
    console.log(`\nPlayed against ${url} in ${seconds} s${again}. Accounts: ${accounts}`)
    return inOrder.every(Boolean)
  } finally {
    await leave()
  }
}

async function playAll(
  histories: readonly History[],
  { runners, waits }: Options,
  api: Api,
  { tiers }: Catalogue,
): Promise<Customer[]> {
  const progress = new Progress(histories.reduce((sum, { commits }) => sum + commits.length, 0))
  const onReviewed = ({ reservation }: { reservation: { charged: number | null } }) =>
    progress.reviewed(reservation.charged ?? 0)
  const customers = histories.map((history) =>
    playCustomer({
      ...{ api, tiers, runners, waits, onReviewed },
      onWait: (what) => progress.note(what),
      account: accountOf(history.name),
      name: history.name,
      reviews: reviewsOf(history),
    }),
  )
  return Promise.all(customers).finally(() => progress.end())
}

async function readCatalogue(api: Api): Promise<Catalogue> {
  const [tiers, packs] = await Promise.all([
    api.asOperator<{ data: Tier[] }>('GET', '/v1/tiers'),
    api.asOperator<{ data: Pack[] }>('GET', '/v1/packs'),
  ])
  return { tiers: tiers.data, packs: packs.data }
}

/** A new account at every run, so that the same reviews are new ones. */
function accountOf(name: string): string {
  const cleaned = name.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '-')
  const base = cleaned.replace(/^[^a-z0-9]+/, '').slice(0, MAX_NAME_LENGTH) || 'repository'
  return `${base}-${randomBytes(3).toString('hex')}`
}

function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      allowNegative: true,
      options: {
        last: { type: 'string' },
        runners: { type: 'string', default: String(DEFAULT_RUNNERS) },
        wait: { type: 'boolean', default: true },
      },
    })
    const here = fileURLToPath(new URL('..', import.meta.url))
    return {
      paths: positionals.length > 0 ? positionals : [here],
      ...(values.last === undefined ? {} : { last: whole('last', values.last, MAX_COMMITS) }),
      runners: whole('runners', values.runners, MAX_RUNNERS),
      waits: values.wait,
    }
  } catch (error) {
    throw new SystemError(`${error instanceof Error ? error.message : error}\n${USAGE}`)
  }
}

function whole(name: string, text: string, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value <= most) return value
  throw new Error(`--${name} is a whole number from 1 to ${most}, not ${text}`)
}
