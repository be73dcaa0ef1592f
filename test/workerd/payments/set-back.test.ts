/** What an account that was set back does while its history is sent once more: nothing that costs anybody anything. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { callAlarm, restore, snapshot } from '../object.ts'
import { midMonth, stopClocksAt } from './clock.ts'
import { chargedTo, resetDouble } from './stripe.ts'
import { armed } from './topping-up.ts'
beforeEach(async () => {
  await resetDouble()
  await stopClocksAt(midMonth())
})
afterEach(() => vi.useRealTimers())
test('an account that was set back takes nothing and charges nobody while its history is rebuilt', async () => {
  const { account } = await armed()
  const many = async (p: string, n: number) => {
    const commands = Array.from({ length: n }, (_, i) => [
      { op: 'reserve', id: `${p}${i}`, credits: 0.001 },
      { op: 'settle', id: `${p}${i}`, credits: 0.001 },
    ]).flat()
    expect((await account.post('/reservations:batch', { commands })).status).toBe(200)
  }
  await many('a', 400)
  await callAlarm(account.id)
  const early = await snapshot(account.id)
  await many('b', 20)
  await callAlarm(account.id)
  await restore(account.id, early)
  vi.setSystemTime(Date.now() + 5)
  await many('c', 21)
  await callAlarm(account.id)
  expect((await account.reserve('no', { credits: 450 })).status).toBe(503)
  await account.post('/history/rebuild', undefined)
  let done = false
  const alarm = callAlarm(account.id).then(() => {
    done = true
  })
  const seen: number[] = []
  for (let i = 0; !done && i < 400; i += 1) seen.push((await account.reserve('big', { credits: 450 })).status)
  await alarm
  await callAlarm(account.id)

  expect(new Set(seen)).toEqual(new Set([503]))
  expect(await chargedTo(account)).toHaveLength(1)
})
