/**
 * The simulation of the ledger for as long as one likes: `npm run simulate -- --seeds 1000 --seed 1`. It ends at the
 * first violation, with the seed and the step that show it again.
 */
import { parseArgs } from 'node:util'
import { simulate } from '../test/core/ledger/simulate.ts'
import { noCounts, SOMETIMES } from '../test/core/ledger/sometimes.ts'

/** With fewer operations than this in all, that something rare never happened says nothing. */
const ENOUGH_OPERATIONS = 1_000_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    operations: { type: 'string', default: '20000' },
  },
})
const seeds = positive('seeds', values.seeds)
const first = positive('seed', values.seed)
const operationsPerSeed = positive('operations', values.operations)

const counters = noCounts()
const started = performance.now()
let operations = 0
for (let seed = first; seed < first + seeds; seed += 1) {
  try {
    const run = simulate({ seed, operations: operationsPerSeed })
    operations += run.operations
    for (const name of SOMETIMES) counters[name] += run.counters[name]
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : error}`)
    console.error(`\nAgain: npm run simulate -- --seeds 1 --seed ${seed} --operations ${operationsPerSeed}`)
    process.exit(1)
  }
  showProgress(seed - first + 1)
}
process.stdout.write('\n\n')

for (const name of SOMETIMES) console.log(`${String(counters[name]).padStart(12)}  ${name}`)
const missed = SOMETIMES.filter((name) => counters[name] === 0)
if (missed.length > 0) {
  console.error(`\nNever happened: ${missed.join('; ')}`)
  if (operations >= ENOUGH_OPERATIONS) process.exitCode = 1
}

function showProgress(done: number): void {
  const perSecond = Math.round((operations / (performance.now() - started)) * 1_000)
  const [all, rate] = [operations.toLocaleString('en'), perSecond.toLocaleString('en')]
  const line = `${done} of ${seeds} seeds, ${all} operations, ${rate}/s`
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`)
  else if (done === seeds || done % Math.ceil(seeds / 10) === 0) console.log(line)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  console.error(`--${name} is a positive whole number, not ${text}`)
  process.exit(2)
}
