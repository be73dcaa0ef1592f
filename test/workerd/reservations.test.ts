import { expect, test } from 'vitest'
import { newAccount } from './api.ts'

test('a review reserves, heartbeats and settles; what it did not need comes back', async () => {
  const account = await newAccount(100)
  const facts = {
    tier: 'code_review',
    diff_lines: 150,
    files: 6,
    metadata: { repository: 'acme/api', pull_request: '118' },
  }
  const reserved = await account.reserve('rev_1', facts)
  expect(reserved.status).toBe(201)
  expect(reserved.body.reservation).toMatchObject({ state: 'held', credits: 62.5, max_credits: 200 })
  expect(reserved.body.balance).toMatchObject({ available: 37.5, reserved: 62.5, total: 100 })
  const extended = await account.extend('rev_1', { accrued: 20 })
  expect(extended.body.reservation.accrued).toBe(20)
  const settled = await account.settle('rev_1', 50)
  expect(settled.body.reservation).toMatchObject({
    state: 'settled',
    charged: 50,
    returned: 12.5,
    absorbed: 0,
    cost_usd: '0.5',
  })
  expect(settled.body.balance).toMatchObject({ available: 50, reserved: 0, total: 50 })
})
