/**
 * `npm run soak -- --minutes 60 --rate 40`: a steady load while D1 and Stripe fail now and then, and in the end the
 * verdict: everything acknowledged is there once, D1 has it all, and memory does not grow.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { slopePerMinute } from './soak/growth.ts'
import { type SoakSample, soak, warm } from './soak/run.ts'
import { freePort } from './system.ts'

/** In an hour this would be as much again as a Worker may have at most. */
const MAX_GROWTH_MB_PER_MINUTE = 2
/** What is shorter shows caches that fill, and says nothing of growth. */
const MIN_MINUTES_FOR_GROWTH = 10
const MAX_MINUTES = 24 * 60
const MAX_RATE = 1_000
const SAMPLE_EVERY_MS = 5_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
  },
})
const minutes = upTo(MAX_MINUTES, 'minutes', values.minutes)
const rate = upTo(MAX_RATE, 'rate', values.rate)
const seed = upTo(Number.MAX_SAFE_INTEGER, 'seed', values.seed)
const folder = mkdtempSync(join(tmpdir(), 'assay-soak-'))
const where = { port: await freePort(), stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') }
let shown = 0
const result = await soak({
  ...{ forMs: minutes * 60_000, perSecond: rate, seed, sampleEveryMs: SAMPLE_EVERY_MS, where },
  onSample: show,
})

const { commands, unanswered, troubles, samples, drainedMs } = result
const [slope, proxySlope] = [
  slopePerMinute(warm(samples, 'megabytes')),
  slopePerMinute(warm(samples, 'proxyMegabytes')),
]
const megabytes = samples.map((sample) => sample.megabytes)
const growth =
  minutes >= MIN_MINUTES_FOR_GROWTH && slope > MAX_GROWTH_MB_PER_MINUTE
    ? [`memory grows by ${slope.toFixed(2)} MB a minute`]
    : []
const violations = [...result.violations, ...growth]
console.log(`
${commands} commands in ${minutes} minutes (${(commands / minutes / 60).toFixed(1)} a second), ${unanswered} not answered at once
D1 was locked ${troubles.d1} times, Stripe failed on order ${troubles.stripe} times
history lagged by ${Math.max(...samples.map(({ lag }) => lag))} entries at most, and was complete ${(drainedMs / 1_000).toFixed(1)} s after the end, with every command judged
workerd had ${Math.round(Math.min(...megabytes))} to ${Math.round(Math.max(...megabytes))} MB; after the first third the slope is ${slope.toFixed(2)} MB a minute, and ${proxySlope.toFixed(2)} in wrangler's own workerd, which has none of our code
${violations.length} violations`)
for (const violation of violations) console.error(`  ${violation}`)
if (violations.length === 0) rmSync(folder, { recursive: true, force: true })
else
  console.error(
    `\nAgain: npm run soak -- --minutes ${minutes} --rate ${rate} --seed ${seed}; the state is in ${folder}`,
  )
process.exit(violations.length === 0 ? 0 : 1)

/** Once a minute. */
function show({ atMs, megabytes, lag }: SoakSample): void {
  if (atMs < shown) return
  shown = atMs + 60_000
  console.log(`${Math.round(atMs / 1_000)} s: workerd ${Math.round(megabytes)} MB, history lags by ${lag} entries`)
}

function upTo(maximum: number, name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && value <= maximum) return value
  console.error(`--${name} is above 0 and at most ${maximum}, not ${text}`)
  process.exit(2)
}
