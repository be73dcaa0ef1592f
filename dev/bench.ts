/**
 * The benchmark: `npm run bench`. Reserves on one hot account over full HTTP, beside an object that does nothing and
 * one that commits every request by itself, in turns. It ends with 1 if a floor is missed, unless `--no-floors`.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { LoadGenerator } from './bench/load.ts'
import {
  BUSY_CONNECTIONS,
  BUSY_REQUESTS,
  type Measurement,
  measure,
  QUIET_REQUESTS,
  type Subject,
} from './bench/measure.ts'
import { type Round, ratiosOf, table } from './bench/report.ts'
import { startRuntime } from './bench/runtime.ts'

/** A round takes some 15 seconds on 2 cores. */
const MAX_ROUNDS = 50

const SUBJECTS: readonly Subject[] = ['real', 'noop', 'naive']

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    'no-floors': { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const wanted = Number(options.rounds)
if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > MAX_ROUNDS) {
  console.error(`--rounds is a whole number from 1 to ${MAX_ROUNDS}, not ${options.rounds}`)
  process.exit(2)
}

console.log(`Each round and subject: a new account, ${BUSY_REQUESTS} reserves over ${BUSY_CONNECTIONS} connections and
${QUIET_REQUESTS} over one, in a closed loop from a Node process with raw sockets; then the ledger is checked.
The subjects pass the same routes, authentication, validation and answers; only the object differs. History (D1) follows
the real one a second later; in production elsewhere, here on the same thread: the ratios are without it, "history too"
is with it. ${availableParallelism()} cores, shared with the load.\n`)

const runtime = await startRuntime()
const generator = new LoadGenerator()
const rounds: Round[] = []
try {
  // The first round warms the code up and is not counted.
  for (let number = 0; number <= wanted; number += 1) {
    const round = await runRound(number)
    const rates = SUBJECTS.map((subject) => `${subject} ${Math.round(round[subject].busy.perSecond)}/s`).join(', ')
    console.log(`${number === 0 ? 'warm-up' : `round ${number}`}: ${rates}`)
    if (number > 0) rounds.push(round)
  }
} finally {
  generator.close()
  await runtime.close()
}

const ratios = ratiosOf(rounds)
console.log(`\n${table(rounds, ratios)}`)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ ratios, rounds }, null, 2)}\n`)
if (!options['no-floors'] && ratios.some(({ kept }) => !kept)) process.exitCode = 1

/** Each round begins with another subject, so that none always comes after the same one. */
async function runRound(number: number): Promise<Round> {
  const measured: Partial<Record<Subject, Measurement>> = {}
  for (let turn = 0; turn < SUBJECTS.length; turn += 1) {
    const subject = SUBJECTS[(number + turn) % SUBJECTS.length] ?? 'real'
    measured[subject] = await measure(runtime.url, generator, subject, `bench-${number}`)
  }
  return measured as Round
}
