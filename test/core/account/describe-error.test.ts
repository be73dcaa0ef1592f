/** What the log says of an error. */
import { expect, test } from 'vitest'
import { describeError } from '../../../src/account/describe-error.ts'

test('the log names what an error was caused by, where D1 says why it failed', () => {
  const query = new Error('Failed query: select 1', { cause: new Error('D1_ERROR: database is locked') })
  const said = describeError(new Error('repair', { cause: query }))
  const says = said.split('\n').filter((line) => line.includes('Error: '))
  expect(says).toEqual([
    'Error: repair',
    'caused by Error: Failed query: select 1',
    'caused by Error: D1_ERROR: database is locked',
  ])
})

test('what is no error is said as it is, and a cause that leads back to itself ends', () => {
  expect(describeError('away')).toBe('away')
  const endless = new Error('round')
  endless.cause = endless
  expect(describeError(endless).match(/Error: round/g)).toHaveLength(6)
})
