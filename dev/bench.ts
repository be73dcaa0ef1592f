/**
 * The benchmark: `npm run bench [-- --only hot,history,moments,latency,profile --rounds N --no-floors]`. Over full HTTP:
 * reserves on one hot account, beside an object that does nothing, one that commits every request by itself, and
 * PostgreSQL if it is installed, in turns; reviews behind a long history; seldom moments; latency against load; where a
 * reserve's time goes. It ends with 1 if a floor is missed, and keeps what it found in `.state/bench`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measurePast, PASTS, preparePasts } from './bench/history.ts'
import { measureLatency } from './bench/latency.ts'
import { LoadGenerator } from './bench/load.ts'
import { BUSY_CONNECTIONS, FULL, measureAll, measureMost, measurePostgres } from './bench/measure.ts'
import { catchUpSeconds, type ManyDue, manyDue } from './bench/moments.ts'
import { picture } from './bench/picture.ts'
import { startPostgres } from './bench/postgres.ts'
import { measureProfile } from './bench/profile.ts'
import { figuresOf, type PastRound, type Results, type Round, report } from './bench/report.ts'
import { startRuntime } from './bench/runtime.ts'

/** A round of all parts takes some 30 seconds on 2 cores. */
const MAX_ROUNDS = 50
const PARTS = ['hot', 'history', 'moments', 'latency', 'profile'] as const
const KEPT = resolve(import.meta.dirname, '../.state/bench')

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: PARTS.join(',') },
    'no-floors': { type: 'boolean', default: false },
  },
})
const wanted = Number(options.rounds)
if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > MAX_ROUNDS) {
  fail(`--rounds is a whole number from 1 to ${MAX_ROUNDS}, not ${options.rounds}`)
}
const parts = new Set(options.only.split(','))
for (const part of parts) {
  if (!PARTS.some((each) => each === part)) fail(`--only takes ${PARTS.join(', ')}; ${part} is none of them`)
}

console.log(`Each round and subject: a new account, twice ${FULL.busy} reserves over ${BUSY_CONNECTIONS} connections and
${FULL.quiet} over one, in a closed loop from a Node process with raw sockets; then the ledger is checked.
The subjects pass the same routes, authentication, validation and answers; only the object differs. History (D1) follows
the real one a second later; in production elsewhere, here on the same thread: the ratios are without it, "history too"
is with it. ${availableParallelism()} cores, shared with the load.\n`)

const generator = new LoadGenerator()
const profile = parts.has('profile') ? await measureProfile(generator) : null
const runtime = await startRuntime()
const postgres = parts.has('hot') ? await startPostgres() : null
const found: { -readonly [Part in keyof Results]: Results[Part] } & { due: ManyDue[] } = {
  ...{ rounds: [], pasts: [], latency: [], due: [], catchUpSeconds: null, postgresAlone: null },
  profile,
}
try {
  if (parts.has('hot')) found.rounds = await hotRounds()
  if (postgres !== null) found.postgresAlone = { one: postgres.alone(1), many: postgres.alone(32) }
  await postgres?.verify()
  if (parts.has('history')) found.pasts = await pastRounds()
  if (parts.has('moments')) {
    for (let turn = 0; turn < wanted; turn += 1) found.due.push(await manyDue(runtime.url, turn))
    found.catchUpSeconds = await catchUpSeconds(runtime.url)
  }
  if (parts.has('latency')) found.latency = await measureLatency(runtime.url, generator, await mostPerSecond())
} finally {
  generator.close()
  await postgres?.close()
  await runtime.close()
}

const figures = figuresOf(found)
console.log(`\n${report(found, figures)}`)
keep()
if (!options['no-floors'] && figures.some(({ kept }) => !kept)) process.exitCode = 1

/** The first round warms the code up and is not counted. */
async function hotRounds(): Promise<Round[]> {
  const rounds: Round[] = []
  for (let number = 0; number <= wanted; number += 1) {
    const measured = await measureAll(runtime.url, generator, number)
    const rates = Object.entries(measured).map(([subject, { busy }]) => `${subject} ${Math.round(busy.perSecond)}/s`)
    const round = {
      ...measured,
      postgres: postgres === null ? null : await measurePostgres(postgres.url, generator, number),
    }
    if (round.postgres !== null) rates.push(`PostgreSQL ${Math.round(round.postgres.perSecond)}/s`)
    console.log(`${number === 0 ? 'warm-up' : `round ${number}`}: ${rates.join(', ')}`)
    if (number > 0) rounds.push(round)
  }
  return rounds
}

async function pastRounds(): Promise<PastRound[]> {
  await preparePasts(runtime.url)
  const rounds: PastRound[] = []
  for (let number = 0; number <= wanted; number += 1) {
    const measured: Partial<{ -readonly [Past in keyof PastRound]: PastRound[Past] }> = {}
    for (let turn = 0; turn < PASTS.length; turn += 1) {
      const past = PASTS[(number + turn) % PASTS.length] ?? 'empty'
      measured[past] = await measurePast(runtime.url, generator, past, number)
    }
    const rates = PASTS.map((past) => `${past} ${Math.round(measured[past]?.reviewsPerSecond ?? 0)}/s`)
    console.log(`${number === 0 ? 'warm-up' : `round ${number}`}: ${rates.join(', ')}`)
    if (number > 0) rounds.push(measured as PastRound)
  }
  return rounds
}

/** What the closed loop reached; measured for it where that part was not asked for. */
async function mostPerSecond(): Promise<number> {
  const rates = found.rounds.map(({ real }) => real.busy.perSecond)
  if (rates.length > 0) return rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
  return measureMost(runtime.url, generator)
}

function keep(): void {
  mkdirSync(KEPT, { recursive: true })
  const name = new Date().toISOString().replaceAll(/[:.]/g, '-')
  writeFileSync(join(KEPT, `${name}.json`), `${JSON.stringify({ figures, ...found }, null, 2)}\n`)
  if (found.latency.length > 0) writeFileSync(join(KEPT, `${name}.svg`), picture(found.latency))
  console.log(`\nKept in .state/bench/${name}.json${found.latency.length > 0 ? ' and .svg' : ''}`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}
