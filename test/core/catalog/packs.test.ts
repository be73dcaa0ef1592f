import { describe, expect, it } from 'vitest'
import { discountPercent, PACKS, smallestPackFor } from '../../../src/catalog/packs.ts'

describe('packs', () => {
  it('are at least five, from 500 credits for $5.00 to 100,000 for $800.00', () => {
    expect(PACKS.length).toBeGreaterThanOrEqual(5)
    expect(PACKS.at(0)).toMatchObject({ credits: 500, priceCents: 500 })
    expect(PACKS.at(-1)).toMatchObject({ credits: 100_000, priceCents: 80_000 })
  })

  it('are the cheaper per credit the larger they are', () => {
    const prices = PACKS.map((pack) => pack.priceCents / pack.credits)
    const credits = PACKS.map((pack) => pack.credits)
    expect(prices).toEqual([...new Set(prices)].sort((a, b) => b - a))
    expect(credits).toEqual([...new Set(credits)].sort((a, b) => a - b))
  })

  it('have ids of their own and whole prices', () => {
    expect(new Set(PACKS.map((pack) => pack.id)).size).toBe(PACKS.length)
    for (const pack of PACKS) expect(Number.isInteger(pack.priceCents) && Number.isInteger(pack.credits)).toBe(true)
  })

  it('take off what they say, against one cent per credit', () => {
    expect(PACKS.map(discountPercent)).toEqual([0, 5, 10, 15, 20])
  })

  it.each([
    [1, 500],
    [500, 500],
    [501, 2_000],
    [1_000_000, 100_000],
  ])('for %d credits the smallest that suffices has %d', (needed, credits) => {
    expect(smallestPackFor(needed)?.credits).toBe(credits)
  })
})
