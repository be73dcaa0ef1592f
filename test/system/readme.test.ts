/**
 * The README's story, as a reader pastes it. Between `<!-- story -->` and `<!-- /story -->` every `sh` block is run, with
 * URL, OPERATOR_KEY and RUNNER_KEY as `npm start` prints them.
 *
 * Lines that begin with `# => ` hold what the commands since the last such lines print: JSON (over several lines if it
 * is long) that the output must contain, so that times and ids can be left out; or else a text that is found in it.
 * Commands that show nothing are there for all that follow. History trails by a moment, so a command that reads it is
 * asked again until it shows what it should.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { freePort, type System, startSystem } from '../../dev/system.ts'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))
const COMMAND_WITHIN_MS = 15_000
const HISTORY_WITHIN_MS = 10_000
/** Fewer would mean that the story was not found. */
const MIN_STEPS = 5

const run = promisify(execFile)

interface Step {
  readonly commands: string
  readonly expected: string
}

let folder: string
let system: System

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-readme-'))
  system = await startSystem({
    port: await freePort(),
    stateDir: join(folder, 'state'),
    varsFile: join(folder, 'vars'),
  })
})

afterAll(async () => {
  await system?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('every command of the README shows what the README says', async () => {
  const { prelude, steps } = readStory(await readFile(README, 'utf8'))
  expect(steps.length).toBeGreaterThanOrEqual(MIN_STEPS)
  for (const step of steps) {
    const check = async () => compare(step, await show(prelude + step.commands))
    if (/\/(entries|usage)\b/.test(step.commands)) {
      await vi.waitFor(check, { timeout: HISTORY_WITHIN_MS, interval: 200 })
    } else await check()
  }
})

function readStory(readme: string): { prelude: string; steps: Step[] } {
  const story = /<!-- story -->(.*)<!-- \/story -->/s.exec(readme)?.[1] ?? ''
  let prelude = ''
  const steps: Step[] = []
  for (const [, block = ''] of story.matchAll(/^```sh\n(.*?)^```$/gms)) {
    // Each run of expectations ends one step.
    const parts = block.split(/((?:^# => .*\n)+)/m)
    for (let at = 0; at < parts.length; at += 2) {
      const commands = parts[at] ?? ''
      const expected = parts[at + 1]
      if (expected === undefined) prelude += commands
      else steps.push({ commands, expected: expected.replaceAll(/^# => /gm, '').trim() })
    }
  }
  return { prelude, steps }
}

async function show(commands: string): Promise<string> {
  const { url, operatorKey, runnerKey } = system
  const env = { ...process.env, URL: url, OPERATOR_KEY: operatorKey, RUNNER_KEY: runnerKey }
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', commands], { env, timeout: COMMAND_WITHIN_MS })
  return stdout
}

function compare({ commands, expected }: Step, output: string): void {
  const where = `${commands}printed ${output}`
  if (!/^[[{]/.test(expected)) {
    expect(output, where).toContain(expected)
    return
  }
  expect(JSON.parse(output), where).toMatchObject(JSON.parse(expected))
}
