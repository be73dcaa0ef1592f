/**
 * `npm run calibrate [-- PATH ... --last N --store]`: how well would estimates have done on the newest reviews of a
 * repository, had its account learned from the older ones? Of each PATH, or of the histories that are kept here; nothing
 * has to run. `--store` keeps the histories of the PATHs here.
 */
import { parseArgs } from 'node:util'
import { TIER_IDS } from '../src/catalog/tiers.ts'
import { type Judged, LEARNED, replay } from './calibrate/replay.ts'
import { readStored, store } from './calibrate/stored.ts'
import { type History, HistoryError, readHistory } from './demo/history.ts'
import { renderTable } from './demo/table.ts'

const HEAD = ['repository', 'tier', '>reviews', 'estimate', '>in range', '>covered', '>median error', '>held/spent']
const DEFAULT_LAST = 800
const MAX_LAST = 100_000
const MISUSED = 2

try {
  const { paths, last, stores } = readOptions()
  const histories = paths.length === 0 ? readStored() : await Promise.all(paths.map((path) => readHistory(path, last)))
  if (stores) for (const history of paths.length === 0 ? [] : histories) store(history)
  console.log(`The oldest ${percent(LEARNED)} of each history taught; the reviews after them are judged.\n`)
  console.log(renderTable(HEAD, histories.flatMap(rowsOf)))
} catch (error) {
  if (!(error instanceof HistoryError)) throw error
  console.error(error.message)
  process.exitCode = MISUSED
}

function rowsOf(history: History): string[][] {
  const judgements = replay(history)
  return [...TIER_IDS, 'all' as const].flatMap((tier) => {
    const judgement = judgements.get(tier)
    if (judgement === undefined) return []
    const { reviews, plain, calibrated } = judgement
    return [
      [history.name, tier, String(reviews), 'plain', ...cellsOf(plain)],
      ['', '', '', 'calibrated', ...cellsOf(calibrated)],
    ]
  })
}

function cellsOf({ inRange, covered, medianError, heldPerSpent }: Judged): string[] {
  return [percent(inRange), percent(covered), percent(medianError), heldPerSpent.toFixed(2)]
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { last: { type: 'string', default: String(DEFAULT_LAST) }, store: { type: 'boolean', default: false } },
  })
  const last = Number(values.last)
  if (!Number.isInteger(last) || last < 1 || last > MAX_LAST) {
    throw new HistoryError(`--last is a whole number from 1 to ${MAX_LAST}, not ${values.last}`)
  }
  return { paths: positionals, last, stores: values.store }
}
