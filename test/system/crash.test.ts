/** The short form of `npm run crash`: what was acknowledged survives `kill -9` of everything, and nothing is done twice. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { crash } from '../../dev/crash/run.ts'
import { freePort } from '../../dev/system.ts'

const ROUNDS = 3
/** A restart takes three seconds, or ten on a machine that has other work. */
const TIMEOUT_MS = 240_000

test(
  'after each kill -9 of the whole system what was acknowledged is there, once, in the object, in D1 and in Stripe’s books',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'assay-crash-'))
    const where = { port: await freePort(), stripePort: await freePort() }
    const kept = { stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') }
    const seed = 20_261_125
    const { rounds, violations } = await crash({ ...where, ...kept, rounds: ROUNDS, seed })
    expect(violations, `seed ${seed}`).toEqual([])
    expect(rounds).toHaveLength(ROUNDS)
    for (const { killed } of rounds) expect(killed.filter((name) => name.startsWith('workerd'))).not.toEqual([])
    const sum = (of: 'acknowledged' | 'unanswered') => rounds.reduce((total, round) => total + round[of], 0)
    expect(sum('acknowledged'), 'the rounds have shown nothing').toBeGreaterThan(0)
    expect(sum('unanswered'), 'nobody was waiting when it was killed').toBeGreaterThan(0)
    await rm(folder, { recursive: true, force: true })
  },
  TIMEOUT_MS,
)
