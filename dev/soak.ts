/**
 * `npm run soak -- --minutes 60 --rate 40`: a steady load while D1 and Stripe fail now and then, and in the end the
 * verdict: everything acknowledged is there once, D1 has it all, and memory does not grow.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { growthOf } from './soak/growth.ts'
import { type SoakSample, soak } from './soak/run.ts'
import { freePort } from './system.ts'

const MAX_MINUTES = 24 * 60
const MAX_RATE = 1_000
/** Each collects, which costs the Worker some 20 ms. */
const SAMPLE_EVERY_MS = 15_000
const SHOW_EVERY_MS = 60_000

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
let [shownMs, lines] = [0, 0]
const where = {
  ...{ port: await freePort(), stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') },
  onLine: () => {
    lines += 1
  },
}
const result = await soak({
  ...{ forMs: minutes * 60_000, perSecond: rate, seed, sampleEveryMs: SAMPLE_EVERY_MS, where },
  onSample: show,
})

const { commands, unanswered, troubles, samples, drainedMs } = result
const growth = growthOf(samples, minutes * 60_000, commands)
const violations = [...result.violations, ...growth.violations]
console.log(`
${commands} commands in ${minutes} minutes (${(commands / minutes / 60).toFixed(1)} a second), ${unanswered} not answered at once
D1 was locked ${troubles.d1} times, Stripe failed on order ${troubles.stripe} times; the Worker printed ${lines} warnings and errors
history lagged by ${Math.max(...samples.map(({ lag }) => lag))} entries at most, and was complete ${(drainedMs / 1_000).toFixed(1)} s after the end, with every command judged
after a collection ${atStages('liveMb', 2)} MB were alive at the start, in the middle and at the end: in the second half ${growth.liveBytesPerCommand.toFixed(0)} bytes more a command
workerd, with D1 in it, had ${atStages('residentMb', 0)} MB: in the second half ${growth.residentMbPerMinute.toFixed(2)} MB more a minute
${violations.length} violations`)
for (const violation of violations) console.error(`  ${violation}`)
if (violations.length === 0) rmSync(folder, { recursive: true, force: true })
else
  console.error(
    `\nAgain: npm run soak -- --minutes ${minutes} --rate ${rate} --seed ${seed}; the state is in ${folder}`,
  )
process.exit(violations.length === 0 ? 0 : 1)

function atStages(of: 'liveMb' | 'residentMb', digits: number): string {
  const stages = [samples[0], samples[Math.floor(samples.length / 2)], samples.at(-1)]
  return stages.map((sample) => (sample?.[of] ?? 0).toFixed(digits)).join(', ')
}

/** Once a minute. */
function show({ atMs, liveMb, residentMb, lag }: SoakSample): void {
  if (atMs < shownMs) return
  shownMs = atMs + SHOW_EVERY_MS
  const memory = `${liveMb.toFixed(2)} MB alive, workerd ${residentMb.toFixed(0)} MB`
  console.log(`${Math.round(atMs / 1_000)} s: ${memory}, history lags by ${lag} entries`)
}

function upTo(maximum: number, name: string, text: string): number {
  const value = Number(text)
  if (value >= 1 && value <= maximum) return value
  console.error(`--${name} is from 1 to ${maximum}, not ${text}`)
  process.exit(2)
}
