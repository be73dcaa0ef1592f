/** The steps of a run: what there is, how often each is drawn, and what is drawn rather when the account is stuck. */
import { DESK } from '../../src/account/desk.ts'
import { CLOCK_SKEW_MS } from '../../src/ledger/limits.ts'
import type { AutoTopUpState } from '../../src/ledger/auto-top-up.ts'
import type { Customer } from './customer.ts'
import type { MoneyBack } from './money-back.ts'
import type { Nature } from './nature.ts'
import { SERVICE, type World } from './world.ts'

export interface Step {
  readonly name: string
  readonly act: () => unknown
}

export interface Cast {
  readonly customer: Customer
  readonly nature: Nature
  readonly money: MoneyBack
}

interface Weighted extends Step {
  readonly weight: number
}

/** What is begun here may still be under way in the steps after it. */
export function newStep(world: World, cast: Cast): Step {
  const { state, lastAttempt } = world.host.account.toppingUp.view(world.now)
  world.counters.count(`state: ${state}`)
  if (lastAttempt?.stage === 'created' && isJustAfterTurn(world.now)) {
    world.counters.count('attempt: waits for the first 5 minutes of a month')
  }
  const help = HELP_NEEDED.has(state) && world.chance.below(2) === 0
  return pick(world, help ? helping(world, cast, state) : ordinary(world, cast))
}

function isJustAfterTurn(at: number): boolean {
  return new Date(at).getUTCMonth() !== new Date(at - CLOCK_SKEW_MS).getUTCMonth()
}

const HELP_NEEDED: ReadonlySet<AutoTopUpState> = new Set([
  'off',
  'limit_reached',
  'suspended',
  'needs_card',
  'needs_agreement',
  'action_required',
])

function ordinary(world: World, { customer, nature, money }: Cast): Weighted[] {
  const begin = (begun: Promise<unknown>) => world.begin(begun)
  const { chance } = world
  return [
    { name: 'use', weight: 800, act: () => begin(customer.use()) },
    { name: 'pause', weight: 90, act: () => nature.pause() },
    { name: 'long pause', weight: 12, act: () => nature.longPause() },
    { name: 'turn of month', weight: 40, act: () => nature.toTurnOfMonth() },
    { name: 'use into the turn', weight: 25, act: () => nature.intoTurnOfMonth(() => begin(customer.use())) },
    { name: 'spree near the turn', weight: 20, act: () => spree(world, customer, nature) },
    { name: 'use and change', weight: 35, act: () => useAndChange(world, customer) },
    { name: 'weather', weight: 60, act: () => nature.changeWeather() },
    { name: 'kill', weight: 130, act: () => nature.planKill() },
    { name: 'mood', weight: 35, act: () => nature.changeMood() },
    { name: 'history', weight: 6, act: () => nature.failHistory() },
    { name: 'alarm', weight: 15, act: () => ringTwice(world) },
    {
      name: 'threshold',
      weight: 12,
      act: () => begin(customer.agree({ threshold: chance.pick([50, 100, 400, 1_200]) })),
    },
    {
      name: 'limit',
      weight: 25,
      act: () =>
        begin(
          customer.agree({
            limitCents: customer.limitOf(customer.wish.pack, 1 + chance.below(chance.pick([2, 5, 12]))),
          }),
        ),
    },
    { name: 'pack', weight: 12, act: () => begin(customer.changePack()) },
    { name: 'off', weight: 20, act: () => begin(customer.agree({ enabled: false })) },
    { name: 'old request', weight: 6, act: () => begin(customer.agreeAsBefore()) },
    { name: 'buy', weight: 8, act: () => begin(customer.buy(chance.pick(['card', 'never', 'debit']))) },
    { name: 'swap card', weight: 12, act: () => swapCard(world) },
    { name: 'detach cards', weight: 4, act: () => detachCards(world) },
    { name: 'delete customer', weight: 2, act: () => deleteCustomer(world) },
    { name: 'refund', weight: 14, act: () => begin(money.refundByOperator()) },
    { name: 'dashboard refund', weight: 6, act: () => money.refundInDashboard() },
    { name: 'move refund', weight: 8, act: () => money.moveRefund() },
    { name: 'dispute', weight: 4, act: () => money.dispute() },
    { name: 'move dispute', weight: 8, act: () => money.moveDispute() },
    { name: 'cancel in dashboard', weight: 10, act: () => cancelInDashboard(world) },
    { name: 'sync', weight: 15, act: () => begin(sync(world)) },
    { name: 'repair', weight: 15, act: () => begin(world.post.repair()) },
    { name: 'post', weight: 6, act: () => Object.assign(world.post, { isShut: chance.below(4) === 0 }) },
  ]
}

/** The account charges nothing as it stands: what would help, and now and then what does not. */
function helping(world: World, { customer, nature }: Cast, state: AutoTopUpState): Weighted[] {
  const begin = (begun: Promise<unknown>) => world.begin(begun)
  const agree = { name: 'agree', weight: 6, act: () => begin(customer.agree({ enabled: true })) }
  const swap = { name: 'swap card', weight: 4, act: () => swapCard(world) }
  switch (state) {
    case 'limit_reached':
      return [
        { name: 'turn of month', weight: 6, act: () => nature.toTurnOfMonth() },
        {
          name: 'raise limit',
          weight: 1,
          act: () => begin(customer.agree({ limitCents: customer.wish.limitCents * 2 })),
        },
      ]
    case 'action_required':
      return [agree, swap, { name: 'pay link', weight: 8, act: () => begin(customer.payLink()) }]
    case 'needs_card':
      return [agree, swap, { name: 'buy', weight: 4, act: () => begin(customer.buy('card')) }]
    default:
      return [agree, swap]
  }
}

/** The customer changes their mind just while they are charged. */
async function useAndChange(world: World, customer: Customer): Promise<void> {
  const { chance } = world
  world.begin(customer.use())
  // A confirmation is sent about half a second after that, and answered within another.
  await world.pass(chance.below(1_500))
  const change = chance.pick([
    { enabled: false },
    { enabled: false },
    { limitCents: customer.limitOf(customer.wish.pack, 1) },
  ])
  world.begin(customer.agree(change))
}

/** A threshold that takes two packs to reach, and a limit that just lets one of them be bought: then as it was before. */
async function spree(world: World, customer: Customer, nature: Nature): Promise<void> {
  const before = customer.wish
  await nature.nearTurnOfMonth(() => {
    const { spentCents } = world.host.account.toppingUp.view(world.now)
    const limitCents = spentCents + customer.limitOf(LARGE.pack, 1)
    world.begin(customer.agree({ ...LARGE, enabled: true, limitCents }))
  })
  world.begin(customer.agree(before))
}

const LARGE = { pack: 'growth', threshold: 12_000 } as const

/** An alarm that was brought before comes once more. */
function ringTwice({ host, counters }: World): void {
  if (host.isInAlarm) return
  counters.count('alarm: twice')
  host.ringAlarm()
}

async function swapCard({ bank, customer, chance, counters }: World): Promise<void> {
  if (customer === null) return
  const card = chance.pick(['pm_card_visa', 'pm_card_visa', 'pm_card_mastercard', 'pm_card_chargeCustomerFail'])
  await bank.swapCard(customer, card, chance.below(2) === 0)
  counters.count('card: swapped')
}

async function detachCards({ bank, customer, counters }: World): Promise<void> {
  if (customer === null) return
  for (const { id } of await bank.cards(customer)) {
    await bank.direct.paymentMethods.detach(id)
    counters.count('card: detached')
  }
}

/** A new one is made when they next buy; that is rare, so kills are aimed at it. */
async function deleteCustomer({ bank, customer, host, chance, counters }: World): Promise<void> {
  if (customer === null) return
  if (chance.below(2) === 0) host.killAt = chance.pick(OF_NEW_CUSTOMERS)
  await bank.direct.customers.del(customer)
  counters.count('customer: deleted at Stripe')
}

/** The operator cancels what is under way, at Stripe itself. */
async function cancelInDashboard({ bank, host, counters }: World): Promise<void> {
  const [open] = host.disk.read('SELECT payment_intent FROM purchases WHERE stage IS NOT NULL')
  const payment = open?.['payment_intent']
  if (typeof payment !== 'string') return
  const found = bank.books.get('payment_intent', payment)
  if (found === undefined || !found.status.startsWith('requires_')) return
  await bank.direct.paymentIntents.cancel(payment)
  counters.count('attempt: cancelled in the dashboard')
}

const OF_NEW_CUSTOMERS = ['before the call POST /v1/customers', 'after the call POST /v1/customers'] as const

async function sync({ host, chance }: World): Promise<void> {
  const rows = host.disk.read('SELECT id FROM purchases ORDER BY number DESC LIMIT 4')
  if (rows.length === 0) return
  const id = String(chance.pick(rows)['id'])
  await host.ask((account) => DESK.sync(account, SERVICE, { id }))
}

function pick({ chance }: World, steps: readonly Weighted[]): Step {
  let at = chance.below(steps.reduce((sum, { weight }) => sum + weight, 0))
  for (const step of steps) {
    at -= step.weight
    if (at < 0) return step
  }
  throw new Error('no step has weight')
}
