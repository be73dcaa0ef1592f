/** The short form of `npm run soak`. Of growth it says nothing; that memory can be sampled at all, it does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { soak } from '../../dev/soak/run.ts'
import { freePort } from '../../dev/system.ts'

const FOR_MS = 12_000
/** With this one D1 is locked and Stripe fails, each at least once and soon. */
const SEED = 87
/** A Worker may have no more. */
const WORKER_MB = 128

test('under load, while D1 is locked and Stripe fails, nothing is lost or done twice, and what the Worker keeps alive is measured', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'assay-soak-test-'))
  const lines: string[] = []
  const where = {
    ...{ port: await freePort(), stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') },
    onLine: (line: string) => void lines.push(line),
  }
  const options = { forMs: FOR_MS, perSecond: 20, seed: SEED, sampleEveryMs: 3_000, where }
  const { commands, samples, troubles, violations } = await soak(options)
  expect(violations, lines.join('\n')).toEqual([])
  expect(commands).toBeGreaterThan(50)
  expect(Math.min(troubles.d1, troubles.stripe), 'nothing went wrong').toBeGreaterThan(0)
  expect(samples.length).toBeGreaterThan(1)
  for (const { liveMb, residentMb } of samples) {
    expect(liveMb).toBeGreaterThan(1)
    expect(liveMb).toBeLessThan(WORKER_MB)
    expect(residentMb).toBeGreaterThan(liveMb)
  }
  await rm(folder, { recursive: true, force: true })
})
