import { describe, expect, it } from 'vitest'
import { CAP_FACTOR, DEFAULT_TTL_MS, TIER_IDS, TIERS } from '../../../src/catalog/tiers.ts'

describe('tiers', () => {
  it.each(TIER_IDS)('%s announces a range around its typical cost', (id) => {
    const { low, typical, high } = TIERS[id]
    expect(low).toBeLessThan(typical)
    expect(typical).toBeLessThan(high)
    expect(TIERS[id].id).toBe(id)
  })

  it('cost and last the longer the deeper they look', () => {
    const minutes = TIER_IDS.map((id) => TIERS[id].ttlMs / 60_000)
    expect(minutes).toEqual([5, 15, 45])
    expect(TIER_IDS.map((id) => TIERS[id].typical)).toEqual([14, 50, 200])
    expect(DEFAULT_TTL_MS / 60_000).toBe(15)
  })

  it('never cost a customer more than twice what was announced, unasked', () => {
    expect(CAP_FACTOR).toBe(2)
  })
})
