import { assert, bigInt, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalUsd,
  creditsToMillicredits,
  MAX_MILLICREDITS,
  millicreditsToCredits,
  millicreditsToUsd,
  usdToMillicredits,
} from '../../../src/ledger/amounts.ts'

describe('credits', () => {
  it.each([
    [14.37, 14_370],
    [0.001, 1],
    [999_999_999_999.999, 999_999_999_999_999],
    [1e12, 1e15],
    [-62.5, -62_500],
    [-0, 0],
  ])('%d become %d millicredits exactly', (credits, millicredits) => {
    expect(creditsToMillicredits(credits)).toBe(millicredits)
  })

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e308,
    -1e308,
    2 ** 53 + 1,
    1e12 + 0.001,
    0.0005,
    0.0015,
    14.3701,
    5e-324,
    0.1 + 0.7,
    1 / 3,
  ])('%d are refused, not rounded', (credits) => {
    expect(creditsToMillicredits(credits)).toBe(null)
  })

  it('of every amount survive the way through JSON and back', () => {
    const amount = integer({ min: -MAX_MILLICREDITS, max: MAX_MILLICREDITS })
    return assert(
      property(amount, (millicredits) => {
        const sent: number = JSON.parse(JSON.stringify(millicreditsToCredits(millicredits)))
        expect(creditsToMillicredits(sent)).toBe(millicredits)
        const [whole, fraction] = [Math.trunc(Math.abs(millicredits) / 1_000), Math.abs(millicredits) % 1_000]
        const sign = millicredits < 0 ? '-' : ''
        expect(creditsToMillicredits(Number(`${sign}${whole}.${String(fraction).padStart(3, '0')}`))).toBe(millicredits)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('USD', () => {
  it.each([
    ['0.5031', 50_310],
    ['0.00001', 1],
    ['0.00000001', 1],
    ['0.00001001', 2],
    ['0', 0],
    ['0.00000000', 0],
    ['00.50', 50_000],
    ['10000000000', 1e15],
  ])('%s cost %d millicredits, rounded up', (usd, millicredits) => {
    expect(usdToMillicredits(usd)).toBe(millicredits)
  })

  it.each(['', '.', '1.', '.5', '-1', '+1', '1e3', ' 1', '1\n', '0x10', '1,5', 'NaN', '0.000000001', '١'])(
    '%j is refused',
    (usd) => {
      expect(usdToMillicredits(usd)).toBe(null)
    },
  )

  it.each(['10000000000.00000001', '99999999999', '100000000000000000000'])('%s are out of range', (usd) => {
    expect(usdToMillicredits(usd)).toBe(null)
  })

  it('round up to the next millicredit, never by a whole one', () => {
    const hundredMillionths = bigInt({ min: 0n, max: 10n ** 18n })
    return assert(
      property(hundredMillionths, (scaled) => {
        const usd = `${scaled / 10n ** 8n}.${String(scaled % 10n ** 8n).padStart(8, '0')}`
        const millicredits = BigInt(usdToMillicredits(usd) ?? -1)
        expect(millicredits * 1_000n >= scaled && (millicredits - 1n) * 1_000n < scaled).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  it.each([
    ['00.50', '0.5'],
    ['1.00', '1'],
    ['010', '10'],
    ['0010', '10'],
    ['000', '0'],
    ['0', '0'],
    ['0.0', '0'],
    ['100', '100'],
    ['0.05', '0.05'],
  ])('%s is %s in canonical form', (usd, canonical) => {
    expect(canonicalUsd(usd)).toBe(canonical)
  })

  it('of an amount cost that very amount', () => {
    const amount = integer({ min: 0, max: MAX_MILLICREDITS })
    return assert(
      property(amount, (millicredits) => {
        const usd = millicreditsToUsd(millicredits)
        expect(usdToMillicredits(usd)).toBe(millicredits)
        expect(canonicalUsd(usd)).toBe(usd)
      }),
    )
  })

  it.each([
    [-14_370, '-0.1437'],
    [0, '0'],
    [1, '0.00001'],
    [1e15, '10000000000'],
  ])('are what %d millicredits are worth: %s', (millicredits, usd) => {
    expect(millicreditsToUsd(millicredits)).toBe(usd)
  })
})
