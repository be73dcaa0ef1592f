/** Whatever a runner's arithmetic comes to, the API takes it. */
import { expect, test } from 'vitest'
import { type Cost, roundUp, toSettleBody } from '../../../src/client/cost.ts'
import { creditsToMillicredits, usdToMillicredits } from '../../../src/ledger/amounts.ts'

test('USD are exact decimals: noise of floats is dropped, true parts beyond the last decimal round up', () => {
  const usd = (cost_usd: string | number) => toSettleBody({ cost_usd }).cost_usd
  expect(usd('0.5031')).toBe('0.5031')
  expect(usd(0.1 + 0.2)).toBe('0.30000000')
  expect(usd(1e-7)).toBe('0.00000010')
  expect(usd('0.123456781')).toBe('0.12345679')
  expect(usd('0.123456780000')).toBe('0.12345678')
  expect(usd('9.999999999')).toBe('10.00000000')
  for (const each of ['0', '12', '0.5031', 0.1 + 0.2, 3 * 1.1, 1e-7, 0, '9.999999999']) {
    expect(usdToMillicredits(usd(each) ?? ''), String(each)).not.toBeNull()
  }
})

test('credits are exact to the thousandth: noise is dropped, true parts round up', () => {
  expect(roundUp(50.31)).toBe(50.31)
  expect(roundUp(0.1 + 0.2)).toBe(0.3)
  expect(roundUp(1.0001)).toBe(1.001)
  expect(Object.is(roundUp(-0), 0)).toBe(true)
  let sum = 0
  for (let step = 0; step < 10_000; step += 1) {
    sum += 0.07
    expect(creditsToMillicredits(roundUp(sum)), String(sum)).toBe((step + 1) * 70)
  }
})

test('what is no cost is said to be none', () => {
  const none = [undefined, null, {}, { credits: -1 }, { credits: Number.NaN }, { cost_usd: '' }, { cost_usd: '1e3' }]
  for (const each of [
    ...none,
    { cost_usd: '-1' },
    { cost_usd: Number.POSITIVE_INFINITY },
    { credits: 1, cost_usd: 1 },
  ]) {
    expect(() => toSettleBody(each as Cost), JSON.stringify(each)).toThrow(TypeError)
  }
})
