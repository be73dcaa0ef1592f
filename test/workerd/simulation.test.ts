/**
 * The commands of the pure simulation through the real object, with what befalls an object in between: eviction, abort,
 * alarms that are late, doubled or missing, D1 that fails before and after its commit. The ledger in memory, which the
 * naive model has judged in Node, says what each answer must be and which entries must be there in the end.
 */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import type { Answer, LedgerAnswer, LedgerRequest, Wanted } from '../../src/account/requests.ts'
import { entryFromRow, type Row } from '../../src/account/rows.ts'
import type { Command, Decision, Reserve } from '../../src/ledger/commands.ts'
import { randomStep, Sender } from '../core/ledger/commands.ts'
import { type Random, random } from '../core/ledger/random.ts'
import { Store } from '../core/ledger/store.ts'
import { type AccountApi, newAccount } from './api.ts'
import { armedAt, callAlarm, dump, failHistory, query } from './object.ts'

const SEEDS = 12
const STEPS = 150
const FACTS = { diffLines: 150, files: 6, complexity: 'medium', specialists: null, repository: null } as const
const SERVICE = { kind: 'service' } as const

/** What must have happened at least once, or the run has shown too little. */
const seen = {
  eviction: 0,
  'eviction with holds open': 0,
  abort: 0,
  alarm: 0,
  'doubled alarm': 0,
  'D1 failed before its commit': 0,
  'D1 failed after its commit': 0,
  accepted: 0,
  replayed: 0,
  refused: 0,
  'late settle': 0,
  'due work done by a command': 0,
  'own key read': 0,
}

afterEach(() => {
  vi.useRealTimers()
})

function setClock(now: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now })
}

/** The request that leads the object to the very same command of the ledger. */
function toRequest(command: Command): LedgerRequest {
  if (command.op === 'reserve') {
    const { amount, tier: _, quote, ...rest } = command
    return { ...rest, what: toWanted(amount, quote) }
  }
  if (!isRequest(command)) throw new Error(`nobody may ask for ${command.op}`)
  return command
}

function toWanted(amount: number, quote: Reserve['quote']): Wanted {
  if (quote === null) return { credits: amount }
  if (quote.verdict !== 'good') return { refusedQuote: quote.verdict }
  const facts = { ...FACTS, tier: 'code_review' } as const
  const estimate = { typical: amount, low: amount, high: amount, reserve: amount }
  const { key, maxCredits, expiresAt } = quote
  return { facts, quote: { account: 'any', facts, estimate, key, maxCredits, expiresAt } }
}

function isRequest(command: Command): command is Exclude<LedgerRequest, { readonly what: object }> {
  return ['settle', 'release', 'extend', 'grant', 'void_grant'].includes(command.op)
}

async function befall(
  chance: Random,
  account: AccountApi,
  store: Store,
  nextFault: () => 'before' | 'after' | null,
): Promise<void> {
  switch (chance.below(12)) {
    case 0:
      seen.eviction += 1
      if (store.held.size > 0) seen['eviction with holds open'] += 1
      await evictDurableObject(account.stub())
      return failHistory(account.id, nextFault)
    case 1:
      seen.abort += 1
      await abortAllDurableObjects()
      return failHistory(account.id, nextFault)
    case 2:
      seen['doubled alarm'] += 1
      await Promise.all([callAlarm(account.id), callAlarm(account.id)])
      store.passTime(Date.now())
      return
    case 3:
      seen.alarm += 1
      await callAlarm(account.id)
      store.passTime(Date.now())
  }
}

/** What the object answers to what leads it to the very same command. The key that is put stands in no command. */
async function answerOf(account: AccountApi, command: Command, ownKey: string | null): Promise<Answer<object>> {
  const stub = env.ACCOUNT.getByName(account.id)
  return runInDurableObject(stub, async (instance: Account): Promise<Answer<object>> => {
    switch (command.op) {
      case 'change_byok':
        return ownKey === null ? instance.removeByok(SERVICE) : instance.putByok(SERVICE, ownKey)
      case 'read_byok':
        return instance.readByok(SERVICE, command.id)
      default:
        return instance.execute(SERVICE, toRequest(command))
    }
  })
}

async function compare(
  account: AccountApi,
  command: Command,
  decision: Decision,
  ownKey: string | null,
  where: string,
): Promise<void> {
  const answer: Answer<object> & Partial<LedgerAnswer> = await answerOf(account, command, ownKey)
  if (!decision.ok) {
    seen.refused += 1
    expect(answer.ok ? 'accepted' : answer.refusal.code, where).toBe(decision.refusal.code)
    return
  }
  if (!answer.ok) throw new Error(`${where}: ${JSON.stringify(answer.refusal)}`)
  seen[decision.replayed ? 'replayed' : 'accepted'] += 1
  if (decision.reservation?.late === true && !decision.replayed) seen['late settle'] += 1
  if (command.op === 'read_byok') {
    seen['own key read'] += 1
    return expect(answer, where).toEqual({ ok: true, apiKey: ownKey })
  }
  expect(answer.replayed, where).toBe(decision.replayed)
  if (command.op === 'change_byok') return
  // What was announced is no matter of the ledger's: the object takes it from its estimates, of which the model has none.
  const announced = answer.reservation?.announced ?? null
  expect(answer.reservation, where).toEqual(decision.reservation && { ...decision.reservation, announced })
  expect(answer.grant, where).toEqual(decision.grant)
}

async function run(seed: number): Promise<void> {
  const chance = random(seed)
  const account = await newAccount(0)
  const store = new Store()
  const sender = new Sender(store)
  const nextFault = () => {
    const fault = chance.pick([null, null, 'before', 'after'] as const)
    if (fault !== null) seen[`D1 failed ${fault} its commit`] += 1
    return fault
  }
  await failHistory(account.id, nextFault)
  let now = Date.now()
  for (let step = 0; step < STEPS; step += 1) {
    const drawn = randomStep(chance)
    now = sender.time(drawn, now)
    setClock(now)
    await befall(chance, account, store, nextFault)
    const command = sender.command(drawn, now)
    if (drawn.act === 'switch debt') {
      store.passTime(now)
      await account.open({ allow_debt: !drawn.negative })
      store.allowDebt(!drawn.negative)
    }
    if (command === null) continue
    const done = store.run(command, now)
    if (done.length > 1) seen['due work done by a command'] += 1
    const last = done.at(-1)
    if (last !== undefined) await compare(account, command, last.decision, sender.ownKey, `seed ${seed}, step ${step}`)
    await checkAtRest(account, store, `seed ${seed}, step ${step}`)
  }
  await checkInTheEnd(account, store, now)
}

async function checkAtRest(account: AccountApi, store: Store, where: string): Promise<void> {
  const { available, reserved, debt, seq } = store.book
  const [last] = await query(account.id, 'SELECT seq, available, reserved, debt FROM entries ORDER BY seq DESC LIMIT 1')
  expect(last ?? { seq: 0, available: 0, reserved: 0, debt: 0 }, where).toEqual({ seq, available, reserved, debt })
  const soonest = store.soonestHeld()
  if (soonest !== null) expect(await armedAt(account.id), where).toBeLessThanOrEqual(soonest.expiresAt)
}

async function checkInTheEnd(account: AccountApi, store: Store, now: number): Promise<void> {
  const rows = await query(account.id, 'SELECT * FROM entries ORDER BY seq')
  expect(rows.map((row: Row) => entryFromRow(row))).toEqual(store.entries)
  await failHistory(account.id, () => null)
  setClock(now + 3_600_000)
  store.passTime(now + 3_600_000)
  await callAlarm(account.id)
  const audit = await account.audit()
  expect(audit).toMatchObject({ ok: true, checked: { entries: store.book.seq, history: store.book.seq } })
  const before = await dump(account.id)
  await callAlarm(account.id)
  expect(await dump(account.id)).toBe(before)
}

test('the real object answers as the ledger decides, whatever befalls it', async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) await run(seed)
  expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([])
}, 120_000)
