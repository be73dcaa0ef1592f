/** What nobody decides: losses on every way, kills, alarms, clocks, and how time passes. */
import type { Random } from '../../../test/core/ledger/random.ts'
import {
  FAILPOINTS,
  FAILPOINTS_OF_MONEY,
  FAILPOINTS_OF_REVIEWS,
  SELDOM_OF_MONEY,
  SELDOM_OF_REVIEWS,
} from './failpoints.ts'
import type { Operator } from './operator.ts'
import type { Resident } from './resident.ts'
import { BYOK_SECRETS } from './secrets.ts'
import type { System } from './system.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const LATE_SETTLE_MS = 7 * DAY_MS
/** A kill may strike at the next failpoint or after some commands. */
const MAX_FAILPOINTS = 12
/** Where money moves, clocks differ by less than the 5 minutes of R14 and of a webhook's signature; elsewhere by days. */
const JUMPS_MS = [SECOND_MS, 10 * SECOND_MS, MINUTE_MS, 100 * SECOND_MS]
const LONG_JUMPS_MS = [10 * MINUTE_MS, HOUR_MS, 3 * DAY_MS]

export class Weather {
  readonly #system: System
  readonly #resident: Resident

  constructor(system: System, resident: Resident) {
    this.#system = system
    this.#resident = resident
  }

  change(): void {
    const { chance, door, residents, bank, d1 } = this.#system
    const isCalm = chance.below(4) === 0
    door.isCalm = isCalm
    for (const { host } of residents) host.isCalm = isCalm
    bank.wire.weather = isCalm ? 'calm' : chance.pick(['breezy', 'breezy', 'stormy'])
    d1.weather = isCalm ? 'works' : chance.pick(['works', 'trembles', 'trembles', 'is away'])
  }

  kill(): void {
    const { chance, counters, hasPayments } = this.#system
    const { host } = this.#resident
    switch (chance.below(4)) {
      case 0:
        if (host.isOpen && host.follower.model.open.length > 0) counters.count('object: killed with holds open')
        if (host.isOpen) counters.count('object: killed at rest')
        host.kill()
        return
      case 1:
        host.killAt = chance.pick(hasPayments ? FAILPOINTS : FAILPOINTS_OF_REVIEWS)
        return
      default:
        host.killAfter = 1 + chance.below(MAX_FAILPOINTS)
    }
  }

  /** Beside all that strikes at random, each life has one place at which it is sure to be killed if it comes there. */
  aim(chance: Random): void {
    const { hasPayments } = this.#system
    const ofMoney = [FAILPOINTS_OF_MONEY, SELDOM_OF_MONEY]
    const places = chance.pick(hasPayments ? ofMoney : [FAILPOINTS_OF_REVIEWS, SELDOM_OF_REVIEWS])
    this.#resident.host.aim = chance.pick(places)
  }

  /**
   * A deployment with another secret in front, which opens every object anew; or, once the audits say that no key is
   * sealed under an old one, without it.
   */
  async changeSecrets(operators: readonly Operator[]): Promise<void> {
    const { byokSecrets, counters, residents } = this.#system
    if (byokSecrets.length === 1) {
      const next = BYOK_SECRETS[BYOK_SECRETS.indexOf(byokSecrets[0] ?? '') + 1]
      if (next === undefined) return
      counters.count('secrets: another in front')
      this.#system.byokSecrets = [next, ...byokSecrets]
    } else {
      const sealed = await Promise.all(operators.map((operator) => operator.secretOfOwnKey()))
      if (this.#system.byokSecrets !== byokSecrets || sealed.some((each) => each !== null && each !== 'newest')) return
      counters.count('secrets: an old one taken away')
      this.#system.byokSecrets = byokSecrets.slice(0, 1)
    }
    for (const { host } of residents) host.kill()
  }

  /** Late, lost for good, or once more beside the one that is under way. */
  troubleAlarm(): void {
    const { chance, counters } = this.#system
    const { host } = this.#resident
    switch (chance.below(3)) {
      case 0:
        counters.count('alarm: late')
        host.alarmLateByMs = chance.below(chance.pick([2 * SECOND_MS, 5 * MINUTE_MS, 2 * HOUR_MS]))
        return
      case 1:
        if (host.disk.alarmAt === null) return
        counters.count('alarm: lost')
        host.lostAlarm = host.disk.alarmAt
        return
      default:
        counters.count('alarm: doubled')
        host.doubleAlarm()
    }
  }

  /** The machine on which the objects run has its clock set. */
  setClock(): void {
    const { chance, time, counters, hasPayments, residents } = this.#system
    const by = chance.pick(hasPayments ? JUMPS_MS : [...JUMPS_MS, ...LONG_JUMPS_MS])
    const isBack = chance.below(2) === 0
    for (const { host } of residents) host.armedBeforeJump = host.disk.alarmAt
    counters.count(isBack ? 'clock: set back' : 'clock: set forward')
    time.wallOffsetMs = hasPayments ? (isBack ? -by : by) : time.wallOffsetMs + (isBack ? -by : by)
  }

  backUpHistory(): void {
    this.#system.d1.keepBackup()
  }

  setHistoryBack(): void {
    const { d1, counters } = this.#system
    counters.count('history: set back in time')
    d1.setBack()
  }

  shortPause(): Promise<void> {
    const { chance } = this.#system
    return this.#system.pass(chance.below(chance.pick([1, 1, 30, SECOND_MS, 5 * SECOND_MS])))
  }

  pause(): Promise<void> {
    const { chance } = this.#system
    return this.#system.pass(chance.below(chance.pick([MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, 12 * HOUR_MS])))
  }

  /** What is due next is not done by the alarm: whoever asks then must find it done all the same (R7). */
  async toDueTimeWithoutAlarm(): Promise<void> {
    this.#system.counters.count('alarm: late')
    this.#resident.host.alarmLateByMs = HOUR_MS
    await this.toDueTime()
  }

  /** Up to, at and just after what is due next; by the objects' own clock. */
  async toDueTime(): Promise<void> {
    const { chance } = this.#system
    const { open, grants } = this.#resident.host.follower.model
    const times = open.map(({ expiresAt }) => expiresAt)
    for (const { free, expiresAt } of grants) if (free > 0 && expiresAt !== null) times.push(expiresAt)
    if (times.length > 0) await this.#passTo(Math.min(...times) + chance.pick([-1, 0, 0, 1]))
  }

  /** Up to and beyond the last moment at which an expired reservation may still be settled. */
  async toLastMoment(): Promise<void> {
    const { chance } = this.#system
    const { reservations } = this.#resident.host.follower.model
    const expired = [...reservations.values()].filter(({ state }) => state === 'expired')
    if (expired.length === 0) return
    await this.#passTo(chance.pick(expired).expiresAt + LATE_SETTLE_MS + chance.pick([-MINUTE_MS, -1, 0]))
  }

  async #passTo(at: number): Promise<void> {
    const { now, time } = this.#system
    await this.#system.passUntil(Math.max(now, at - time.wallOffsetMs))
  }
}
