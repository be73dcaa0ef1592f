/**
 * `npm run crash -- --rounds 100 --seed 1`: the system as `npm start` runs it, 16 clients, a customer whose auto top-up
 * charges, and `kill -9` of all of it at a random moment, again and again on the same state. Ends at the first violation.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crash, type RoundReport } from './crash/run.ts'
import { freePort } from './system.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
})
const [rounds, seed] = [positive('rounds', values.rounds), positive('seed', values.seed)]
const folder = mkdtempSync(join(tmpdir(), 'assay-crash-'))
const started = performance.now()
const where = {
  ...{ port: await freePort(), stripePort: await freePort() },
  ...{ stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') },
}
console.log(`${rounds} rounds, seed ${seed}, on ports ${where.port} and ${where.stripePort}, state in ${folder}`)
// What is killed here takes everything with it: each group has a guard.
const summary = await crash({ ...where, rounds, seed, report })

const sum = (count: (round: RoundReport) => number) => summary.rounds.reduce((total, each) => total + count(each), 0)
const seconds = (performance.now() - started) / 1_000
console.log(`
${summary.rounds.length} rounds in ${Math.round(seconds)} s, ${(seconds / summary.rounds.length).toFixed(1)} s each (restart ${mean((round) => round.restartMs)} s, judgement ${mean((round) => round.judgedMs)} s)
${sum(({ killed }) => killed.length)} processes killed with SIGKILL; all seen to be gone, and their ports to refuse
${sum(({ acknowledged }) => acknowledged)} commands acknowledged, ${sum(({ unanswered }) => unanswered)} not answered and then resolved by their id, of which ${sum(({ doneUnseen }) => doneUnseen)} had been done
${sum(({ wasCharging }) => Number(wasCharging))} times auto top-up was charging when it was killed
${summary.purchases + sum(({ toppedUp }) => toppedUp)} purchases, ${summary.entries} entries; ${summary.violations.length} violations`)

if (summary.violations.length === 0) rmSync(folder, { recursive: true, force: true })
else {
  for (const violation of summary.violations) console.error(`  ${violation}`)
  console.error(`\nAgain: npm run crash -- --rounds ${rounds} --seed ${seed}; the state is kept in ${folder}`)
  process.exitCode = 1
}

function report(round: RoundReport): void {
  const { loadedMs, killed, acknowledged, unanswered, restartMs, judgedMs, violations } = round
  console.log(
    `round ${round.round}: killed after ${loadedMs} ms (${killed.join(', ')}), ${acknowledged} acknowledged, ${unanswered} unanswered, back in ${restartMs} ms, judged in ${judgedMs} ms, ${violations.length} violations`,
  )
}

function mean(of: (round: RoundReport) => number): string {
  return (sum(of) / summary.rounds.length / 1_000).toFixed(1)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  console.error(`--${name} is a positive whole number, not ${text}`)
  process.exit(2)
}
