/** 200 at once, again and again: every count exact. */
import { expect, test } from 'vitest'
import { type AccountApi, accountApi, newAccount, type Result } from './api.ts'

const ROUNDS = 50
const AT_ONCE = 200

function count(results: readonly Result[], status: number): number {
  return results.filter((each) => each.status === status).length
}

async function rounds(race: (account: AccountApi, round: number) => Promise<void>, count = ROUNDS): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    const account = await newAccount(100)
    await race(accountApi(account.id, { unchecked: true }), round)
    expect(await account.audit()).toMatchObject({ ok: true })
  }
}

function atOnce(act: (index: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: AT_ONCE }, (_, index) => act(index)))
}

test('of 200 reserves for the last credit one wins', async () => {
  await rounds(async (account) => {
    await account.reserve('all-but-one', { credits: 99 })
    const results = await atOnce((index) => account.reserve(`r${index}`, { credits: 1 }))
    expect([count(results, 201), count(results, 402)]).toEqual([1, AT_ONCE - 1])
    expect(await account.balance()).toMatchObject({ available: 0, reserved: 100 })
  })
}, 120_000)

test('of 200 identical reserves one holds and 199 are replays', async () => {
  await rounds(async (account) => {
    const results = await atOnce(() => account.reserve('same', { credits: 30 }))
    expect([count(results, 201), count(results, 200)]).toEqual([1, AT_ONCE - 1])
    expect(await account.balance()).toMatchObject({ available: 70, reserved: 30, version: 2 })
  })
}, 120_000)

test('a reservation that is settled, released and extended 200 times at once reaches one end', async () => {
  await rounds(async (account, round) => {
    await account.reserve('one', { credits: 50 })
    const acts = [
      () => account.settle('one', 20),
      () => account.release('one'),
      () => account.extend('one', { credits: 60 }),
      () => account.settle('one', 21),
    ]
    const results = await atOnce((index) => (acts[(index + round) % acts.length] ?? account.balance)())
    const { body } = await account.get('/reservations/one')
    const expected = body.state === 'released' ? 100 : 100 - body.charged
    expect(['settled', 'released']).toContain(body.state)
    expect(await account.balance()).toMatchObject({ available: expected, reserved: 0 })
    // One of the four kinds came first and ended it; of those that end it, only that kind is answered with success.
    const ends = results.filter((each) => each.status === 200 && each.headers.get('Idempotent-Replayed') === null)
    expect(ends.filter((each) => each.body.reservation.state !== 'held')).toHaveLength(1)
  })
}, 120_000)

test('200 reservations that together take all of the balance leave exactly nothing', async () => {
  await rounds(async (account) => {
    const results = await atOnce((index) => account.reserve(`r${index}`, { credits: 0.5 }))
    expect(count(results, 201)).toBe(AT_ONCE)
    expect(await account.balance()).toMatchObject({ available: 0, reserved: 100 })
    const settled = await atOnce((index) => account.settle(`r${index}`, 0.25))
    expect(count(settled, 200)).toBe(AT_ONCE)
    expect(await account.balance()).toMatchObject({ available: 50, reserved: 0 })
  }, 10)
}, 120_000)
