import { expect, test } from 'vitest'
import { growthOf, slopePerMinute } from '../../../dev/soak/growth.ts'

const QUARTER_MS = 15_000
const HALF_AN_HOUR_MS = 30 * 60_000
/** 10 a second. */
const COMMANDS = 18_000

/** One a second for five minutes. */
const sample = (valueAt: (second: number) => number) =>
  Array.from({ length: 300 }, (_, second) => ({ atMs: second * 1_000, value: valueAt(second) }))

/** One each quarter of a minute for half an hour. What is alive goes up and down by 0.2 MB as long as nothing is kept. */
const memory = (keptAt: (minute: number) => number, residentAt: (minute: number) => number = () => 150) =>
  Array.from({ length: 120 }, (_, at) => {
    const [atMs, minute] = [at * QUARTER_MS, at / 4]
    return { atMs, liveMb: 7 + (at % 3) / 10 + keptAt(minute), residentMb: residentAt(minute) }
  })

test('what grows is told from what only goes up and down', () => {
  expect(slopePerMinute(sample((second) => 200 + second * 0.1))).toBeCloseTo(6, 6)
  // A sawtooth of 40 MB, as a heap has that is collected: first and last sample lie far apart.
  expect(Math.abs(slopePerMinute(sample((second) => 200 + (second % 23) * 2)))).toBeLessThan(1)
  expect(slopePerMinute([])).toBe(0)
})

test('100 bytes that are kept of each command are found, and what warms up in the first half is not held against it', () => {
  const keeping = growthOf(
    memory((minute) => minute * 600 * 1e-4),
    HALF_AN_HOUR_MS,
    COMMANDS,
  )
  expect(keeping.liveBytesPerCommand).toBeGreaterThan(90)
  expect(keeping.violations).toEqual([expect.stringMatching(/^each command leaves \d+ bytes alive$/)])
  const warming = (minute: number) => Math.min(minute, 14)
  const warm = growthOf(memory(warming, warming), HALF_AN_HOUR_MS, COMMANDS)
  expect(Math.abs(warm.liveBytesPerCommand)).toBeLessThan(10)
  expect(warm.violations).toEqual([])
})

test('a process that grows outside of the heap of our code is found as well', () => {
  const growing = memory(
    () => 0,
    (minute) => 150 + 3 * minute,
  )
  const { residentMbPerMinute, violations } = growthOf(growing, HALF_AN_HOUR_MS, COMMANDS)
  expect(residentMbPerMinute).toBeCloseTo(3, 6)
  expect(violations).toEqual(['workerd grows by 3.00 MB a minute'])
})

test('a run that is too short to tell growth from warming up is measured, and not judged', () => {
  const short = memory((minute) => minute).slice(0, 20)
  const { liveBytesPerCommand, violations } = growthOf(short, 5 * 60_000, 3_000)
  expect(liveBytesPerCommand).toBeGreaterThan(1_000)
  expect(violations).toEqual([])
})
