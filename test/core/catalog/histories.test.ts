/**
 * Real histories of repositories of different character: what an account learned from the older reviews makes the
 * estimates of the newer ones better, and its holds cover what they aim to.
 */
import { describe, expect, it } from 'vitest'
import { replay } from '../../../dev/calibrate/replay.ts'
import { readStored } from '../../../dev/calibrate/stored.ts'

/** With fewer reviews a share says little. */
const ENOUGH = 50

const histories = readStored()

it('there are several histories, and nearly all have enough to judge', () => {
  const judgements = histories.map((history) => replay(history).get('all')?.reviews ?? 0)
  expect(judgements.filter((reviews) => reviews >= ENOUGH).length).toBeGreaterThanOrEqual(5)
})

describe.each(histories)('reviews of $name that were not learned from', (history) => {
  const judgements = [...replay(history)].filter(([tier, { reviews }]) => tier === 'all' || reviews >= ENOUGH)

  it.each(judgements)('are estimated better by what was learned: %s', (_, { plain, calibrated }) => {
    expect(calibrated.inRange).toBeGreaterThan(plain.inRange)
    expect(calibrated.medianError).toBeLessThan(plain.medianError)
  })

  it.each(judgements)('are covered by the hold, nearly all of them: %s', (_, { plain, calibrated }) => {
    expect(calibrated.covered).toBeGreaterThan(0.93)
    expect(calibrated.covered).toBeGreaterThan(plain.covered + 0.05)
  })

  it.each(judgements)('do not hold two thirds more than they cost: %s', (_, { calibrated }) => {
    expect(calibrated.heldPerSpent).toBeLessThan(1.66)
  })
})
