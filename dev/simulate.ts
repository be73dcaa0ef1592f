/**
 * The simulations for as long as one likes. Of the whole system: `npm run simulate -- --seeds 10000 [--seed 1]
 * [--minutes 10]`; of the pure ledger: `--ledger 1000`; of years of auto top-up: `--top-ups 100000`. Each ends at the first
 * violation, with the seed and the step that show it again.
 */
import { parseArgs } from 'node:util'
import { simulate } from '../test/core/ledger/simulate.ts'
import { noCounts, SOMETIMES } from '../test/core/ledger/sometimes.ts'
import { SOMETIMES as TOP_UPS_SOMETIMES } from './simulation/sometimes.ts'
import { simulateTopUps } from './simulation/top-ups.ts'
import { simulateSeeds } from './simulation/whole/seeds.ts'
import { SOMETIMES as WHOLE_SOMETIMES } from './simulation/whole/sometimes.ts'

/** With fewer operations than this in all, that something rare never happened says nothing. */
const ENOUGH_OPERATIONS = 1_000_000
const ENOUGH_TOP_UPS = 20_000
const ENOUGH_SEEDS = 10_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    minutes: { type: 'string' },
    steps: { type: 'string' },
    ledger: { type: 'string' },
    seed: { type: 'string', default: '1' },
    operations: { type: 'string', default: '20000' },
    'top-ups': { type: 'string' },
  },
})
const started = performance.now()
/** Tenths of the way, where progress is not a line that is written over. */
let shown = 0
const first = positive('seed', values.seed)
if (values['top-ups'] !== undefined) await runTopUps(positive('top-ups', values['top-ups']))
else if (values.ledger !== undefined)
  runLedger(positive('ledger', values.ledger), positive('operations', values.operations))
else await runWhole(positive('seeds', values.seeds))

async function runWhole(seeds: number): Promise<void> {
  const { minutes, steps } = values
  const summary = await simulateSeeds({
    ...{ seed: first, seeds },
    ...(minutes === undefined ? {} : { until: started + positive('minutes', minutes) * 60_000 }),
    ...(steps === undefined ? {} : { only: steps.split(',').map((step) => positive('steps', step)) }),
    progress: (done) => showProgress(done.seeds, seeds, 'seeds', done.entries, 'entries'),
  })
  showCounts(WHOLE_SOMETIMES, summary.counters.counts, summary.seeds >= ENOUGH_SEEDS)
  console.log(`\n${summary.seeds} seeds, ${summary.steps} steps, ${summary.entries} entries`)
  for (const { seed, violation, fewest } of summary.violations) {
    console.error(`\n${violation}\n`)
    for (const { number, name } of fewest) console.error(`  step ${number}: ${name}`)
    console.error(
      `\nAgain: npm run simulate -- --seeds 1 --seed ${seed} --steps ${fewest.map(({ number }) => number).join()}`,
    )
    process.exitCode = 1
  }
}

function runLedger(seeds: number, operationsPerSeed: number): void {
  const counters = noCounts()
  let operations = 0
  for (let seed = first; seed < first + seeds; seed += 1) {
    try {
      const run = simulate({ seed, operations: operationsPerSeed })
      operations += run.operations
      for (const name of SOMETIMES) counters[name] += run.counters[name]
    } catch (error) {
      console.error(`\n${error instanceof Error ? error.message : error}`)
      console.error(`\nAgain: npm run simulate -- --ledger 1 --seed ${seed} --operations ${operationsPerSeed}`)
      process.exit(1)
    }
    showProgress(seed - first + 1, seeds, 'seeds', operations, 'operations')
  }
  showCounts(SOMETIMES, counters, operations >= ENOUGH_OPERATIONS)
}

async function runTopUps(topUps: number): Promise<void> {
  const progress = (attempts: number) =>
    showProgress(Math.min(attempts, topUps), topUps, 'top-ups', attempts, 'attempts')
  const { attempts, counters, violations } = await simulateTopUps({ topUps, seed: first, progress })
  showCounts(TOP_UPS_SOMETIMES, counters.counts, attempts >= ENOUGH_TOP_UPS)
  for (const violation of violations) {
    console.error(`\n${violation}`)
    const seed = /^seed (\d+)/.exec(violation)?.[1]
    console.error(`\nAgain: npm run simulate -- --top-ups 1 --seed ${seed}`)
    process.exitCode = 1
  }
}

function showCounts<T extends string>(
  names: readonly T[],
  counts: Readonly<Record<T, number>>,
  isEnough: boolean,
): void {
  process.stdout.write('\n\n')
  for (const name of names) console.log(`${String(counts[name]).padStart(12)}  ${name}`)
  const missed = names.filter((name) => counts[name] === 0)
  if (missed.length === 0) return
  console.error(`\nNever happened: ${missed.join('; ')}`)
  if (isEnough) process.exitCode = 1
}

function showProgress(done: number, of: number, unit: string, count: number, counted: string): void {
  const perSecond = Math.round((count / (performance.now() - started)) * 1_000)
  const line = `${done} of ${of} ${unit}, ${count.toLocaleString('en')} ${counted}, ${perSecond.toLocaleString('en')}/s`
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`)
  else if (Math.floor((done / of) * 10) > shown) console.log(line)
  shown = Math.floor((done / of) * 10)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  console.error(`--${name} is a positive whole number, not ${text}`)
  process.exit(2)
}
