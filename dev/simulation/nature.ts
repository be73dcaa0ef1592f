/** What nobody decides: the weather on the way to Stripe, what banks think, kills, clocks, and how time passes. */
import { CLOCK_SKEW_MS } from '../../src/ledger/limits.ts'
import { type Mood, MOODS } from './bank.ts'
import { FAILPOINTS } from './failpoints.ts'
import type { World } from './world.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** Stripe's clock may be so far from ours; with a request that takes a minute, still within R14's 5 minutes. */
const SKEWS_MS = [-4 * MINUTE_MS, -MINUTE_MS, -SECOND_MS, 0, 0, SECOND_MS, MINUTE_MS, 4 * MINUTE_MS]
/** A kill may strike at the next failpoint or a whole attempt later. */
const MAX_FAILPOINTS = 30

/** Around the turn of a month, where R14 says something else from one millisecond to the next. */
const AROUND_TURN_MS = [
  -CLOCK_SKEW_MS - 20 * SECOND_MS,
  -CLOCK_SKEW_MS - 1,
  -CLOCK_SKEW_MS,
  -CLOCK_SKEW_MS + 1,
  -4 * MINUTE_MS,
  -MINUTE_MS,
  -SECOND_MS,
  -1,
  0,
  1,
  MINUTE_MS,
  4 * MINUTE_MS,
  CLOCK_SKEW_MS - 1,
  CLOCK_SKEW_MS,
  CLOCK_SKEW_MS + 1,
]

export class Nature {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  static skewFor({ chance, counters }: Pick<World, 'chance' | 'counters'>): number {
    const skewMs = chance.pick(SKEWS_MS)
    if (skewMs > 0) counters.count("clock: Stripe's is ahead")
    if (skewMs < 0) counters.count("clock: Stripe's is behind")
    return skewMs
  }

  changeWeather(): void {
    const { chance, bank } = this.#world
    bank.wire.weather = chance.pick(['calm', 'breezy', 'breezy', 'stormy'])
  }

  async changeMood(): Promise<void> {
    const { chance, bank, customer } = this.#world
    const moods = Object.keys(MOODS) as Mood[]
    if (customer !== null) await bank.changeMood(customer, chance.pick([...moods, 'good', 'good', 'good']))
  }

  /** At once, at a certain place, or after so many places. */
  planKill(): void {
    const { chance, host, bank, counters } = this.#world
    const how = chance.below(6)
    // While it waits for an answer, more than elsewhere: that is the one thing it cannot know.
    if (how === 0 || (how < 4 && !bank.wire.isIdle)) {
      if (host.isOpen && !host.isInAlarm) counters.count('object: killed at rest')
      host.kill()
    } else if (how < 4) host.killAt = chance.pick(FAILPOINTS)
    else host.killAfter = 1 + chance.below(MAX_FAILPOINTS)
  }

  failHistory(): void {
    const { chance, host, counters } = this.#world
    host.history.next = chance.pick(['fails before', 'fails after'])
    counters.count('history: fails')
  }

  shortPause(): Promise<void> {
    const { chance } = this.#world
    return this.#world.pass(chance.below(chance.pick([1, SECOND_MS, 3 * SECOND_MS, 15 * SECOND_MS, 2 * MINUTE_MS])))
  }

  pause(): Promise<void> {
    const { chance } = this.#world
    return this.#world.pass(chance.below(chance.pick([2 * MINUTE_MS, 12 * MINUTE_MS, 2 * HOUR_MS, DAY_MS])))
  }

  longPause(): Promise<void> {
    return this.#world.pass(this.#world.chance.below(14 * DAY_MS))
  }

  /** To the turn of this month, a little before or after it. */
  toTurnOfMonth(): Promise<void> {
    const { chance, now } = this.#world
    return this.#world.passUntil(Math.max(now, this.#turn() + chance.pick(AROUND_TURN_MS)))
  }

  /** Something begins seconds before the turn, and most likely has not ended when the month has. */
  async intoTurnOfMonth(act: () => void): Promise<void> {
    const { chance, bank, now } = this.#world
    await this.#world.passUntil(Math.max(now, this.#turn() - 1 - chance.below(chance.pick([100, 10_000]))))
    bank.wire.weather = chance.pick(['breezy', 'stormy'])
    act()
  }

  /** Something happens in the minutes in which our month and Stripe's may be different ones. */
  async nearTurnOfMonth(act: () => void): Promise<void> {
    const { chance, bank, now } = this.#world
    bank.wire.weather = 'calm'
    await this.#world.passUntil(Math.max(now, this.#turn() - chance.below(CLOCK_SKEW_MS)))
    act()
    await this.#world.pass(chance.below(2 * MINUTE_MS))
  }

  #turn(): number {
    const date = new Date(this.#world.now)
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
  }
}
