/** A reservation that waits while auto top-up brings the credits for it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { callAlarm } from '../object.ts'
import { midMonth, stopClocksAt } from './clock.ts'
import { resetDouble } from './stripe.ts'
import { armed, armedWith, need, view } from './topping-up.ts'

beforeEach(async () => {
  await resetDouble()
  await stopClocksAt(midMonth())
})
afterEach(() => {
  vi.useRealTimers()
})

test('a review that waits is held as soon as the top-up under way has brought its credits', async () => {
  const { account } = await armed()
  await need(account)
  const waiting = account.reserve('rev', { credits: 300, wait_seconds: 30 })
  await account.balance()
  await callAlarm(account.id)
  const held = await waiting
  expect(held.status).toBe(201)
  expect(held.body.balance).toMatchObject({ available: 250, reserved: 300 })
  expect(await view(account)).toMatchObject({ last_attempt: { state: 'paid' } })
  expect(await account.audit()).toMatchObject({ ok: true })
})

test('a review that waits for a top-up that is declined is refused in time', async () => {
  const { account } = await armedWith('pm_card_chargeCustomerFail')
  await need(account)
  const waiting = account.reserve('rev', { credits: 300, wait_seconds: 1 })
  await account.balance()
  await callAlarm(account.id)
  expect((await waiting).body).toMatchObject({ code: 'insufficient_credits', shortfall: 250 })
  expect(await view(account)).toMatchObject({ last_attempt: { state: 'failed' } })
  expect((await account.get('/reservations/rev')).status).toBe(404)
})
