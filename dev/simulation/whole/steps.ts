/** The steps of a life: what there is and how often each is drawn. Whoever adds an actor adds its steps here. */
import type { Random } from '../../../test/core/ledger/random.ts'
import type { Buyer } from './buyer.ts'
import type { Operator } from './operator.ts'
import type { OwnKey } from './own-key.ts'
import type { Runners } from './runners.ts'
import type { System } from './system.ts'
import type { Weather } from './weather.ts'

/** Everybody around one account. */
export interface Cast {
  readonly runners: Runners
  readonly operator: Operator
  readonly buyer: Buyer
  readonly ownKey: OwnKey
  readonly weather: Weather
  /** Of every account. */
  readonly operators: readonly Operator[]
}

export interface Step {
  readonly name: string
  /** How often it is drawn where nothing is bought, and where money moves. */
  readonly weights: readonly [number, number]
  /** A promise is waited for only where time passes in it; all else is begun, and goes on beside what comes after. */
  readonly act: (cast: Cast, system: System) => Promise<void> | void
  readonly passesTime?: true
}

export const STEPS: readonly Step[] = [
  { name: 'reserve', weights: [30, 30], act: ({ runners }) => runners.reserve() },
  { name: 'reserve again', weights: [6, 2], act: ({ runners }) => runners.reserveAgain() },
  { name: 'settle', weights: [22, 14], act: ({ runners }) => runners.settle() },
  { name: 'release', weights: [5, 2], act: ({ runners }) => runners.release() },
  { name: 'extend', weights: [9, 2], act: ({ runners }) => runners.extend() },
  { name: 'batch', weights: [5, 2], act: ({ runners }) => runners.batch() },
  { name: 'send an old request', weights: [6, 3], act: ({ runners }) => runners.sendOld() },
  { name: 'quote', weights: [5, 1], act: ({ runners }) => runners.quote() },
  { name: 'read', weights: [5, 2], act: ({ runners }) => runners.read() },
  { name: 'list', weights: [2, 1], act: ({ runners }) => runners.list() },
  { name: 'put the own key', weights: [1, 1], act: ({ ownKey }) => ownKey.put() },
  { name: 'remove the own key', weights: [2, 2], act: ({ ownKey }) => ownKey.remove() },
  { name: 'look at the own key', weights: [1, 0], act: ({ ownKey }) => ownKey.look() },
  { name: 'read the own key', weights: [3, 1], act: ({ ownKey }) => ownKey.read() },
  { name: 'read it under another name', weights: [1, 0], act: ({ ownKey }) => ownKey.readUnderAnotherName() },
  { name: 'trespass', weights: [1, 1], act: ({ runners }) => runners.trespass() },
  { name: 'grant', weights: [9, 3], act: ({ operator }) => operator.grant() },
  { name: 'void a grant', weights: [2, 1], act: ({ operator }) => operator.voidGrant() },
  { name: 'allow debt', weights: [2, 2], act: ({ operator }) => operator.changeDebt() },
  { name: 'mint a key and revoke it', weights: [1, 1], act: ({ operator }) => operator.mintKey() },
  { name: 'audit', weights: [1, 1], act: async ({ operator }) => void (await operator.audit()) },
  { name: 'change the secrets', weights: [1, 0], act: (cast) => cast.weather.changeSecrets(cast.operators) },
  { name: 'rebuild history', weights: [1, 1], act: ({ operator }) => operator.rebuild() },
  {
    name: 'buy',
    weights: [0, 8],
    act: ({ buyer }, { chance }) => buyer.buy(chance.pick(['card', 'card', 'never', 'debit'])),
  },
  { name: 'agree to auto top-up', weights: [0, 6], act: ({ buyer }) => buyer.agree(true) },
  { name: 'switch auto top-up off', weights: [0, 3], act: ({ buyer }) => buyer.agree(false) },
  { name: 'look at auto top-up', weights: [0, 1], act: ({ buyer }) => buyer.look() },
  { name: 'sync', weights: [0, 3], act: ({ buyer }) => buyer.syncAny() },
  { name: 'refund', weights: [0, 3], act: ({ buyer }) => buyer.refundByOperator() },
  { name: 'refund in the dashboard', weights: [0, 2], act: ({ buyer }) => buyer.money.refundInDashboard() },
  { name: 'move a refund', weights: [0, 2], act: ({ buyer }) => buyer.money.moveRefund() },
  { name: 'dispute', weights: [0, 3], act: ({ buyer }) => buyer.money.dispute() },
  { name: 'move a dispute', weights: [0, 4], act: ({ buyer }) => buyer.money.moveDispute() },
  { name: "change the bank's mood", weights: [0, 3], act: ({ buyer }) => buyer.changeMood() },
  { name: 'weather', weights: [7, 7], act: ({ weather }) => weather.change() },
  { name: 'kill', weights: [8, 8], act: ({ weather }) => weather.kill() },
  { name: 'trouble with the alarm', weights: [4, 3], act: ({ weather }) => weather.troubleAlarm() },
  { name: 'set the clock', weights: [1, 1], act: ({ weather }) => weather.setClock() },
  { name: 'back up history', weights: [1, 1], act: ({ weather }) => weather.backUpHistory() },
  { name: 'set history back', weights: [1, 1], act: ({ weather }) => weather.setHistoryBack() },
  { name: 'pause', weights: [7, 7], act: ({ weather }) => weather.pause(), passesTime: true },
  { name: 'to what is due', weights: [9, 4], act: ({ weather }) => weather.toDueTime(), passesTime: true },
  { name: 'read what the alarm has not done', weights: [4, 1], act: readBehindAlarm, passesTime: true },
  { name: 'to the last moment', weights: [1, 0], act: ({ weather }) => weather.toLastMoment(), passesTime: true },
]

async function readBehindAlarm({ weather, runners }: Cast, system: System): Promise<void> {
  await weather.toDueTimeWithoutAlarm()
  system.begin(runners.readBalance())
}

const TOTALS = [0, 1].map((kind) => STEPS.reduce((sum, { weights }) => sum + (weights[kind] ?? 0), 0))

export function drawStep(chance: Random, hasPayments: boolean): Step {
  const kind = hasPayments ? 1 : 0
  let at = chance.below(TOTALS[kind] ?? 0)
  for (const step of STEPS) {
    at -= step.weights[kind]
    if (at < 0) return step
  }
  throw new Error('no step has weight')
}
