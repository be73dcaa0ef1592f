/** What one thread keeps from life to life: Stripe's double and D1, which take long to make, and what is printed meanwhile. */
import { KeyRing } from '../../../src/account/key-ring.ts'
import { random } from '../../../test/core/ledger/random.ts'
import { Bank } from '../bank.ts'
import { Dead } from '../disk.ts'
import { time } from '../runtime.ts'
import { D1 } from './d1.ts'
import { live, type Lived } from './life.ts'
import { shrink } from './shrink.ts'
import { BYOK_SECRETS } from './secrets.ts'
import { Counters, type Counts } from './sometimes.ts'
import { lives } from './system.ts'

export interface Job {
  readonly seed: number
  /** Only these steps of it. */
  readonly only: readonly number[] | null
}

export interface Report {
  readonly seed: number
  readonly steps: number
  readonly entries: number
  readonly counts: Counts
  /** With the seed and the step; `null` if all was well. */
  readonly violation: string | null
  /** The fewest steps that were found to show it. */
  readonly fewest: Lived['steps']
}

export class Thread {
  #counters = new Counters()
  /** Which faults strike is drawn apart from the steps. */
  #weather = random(0)
  readonly #errors: unknown[] = []
  readonly #bank: Bank
  readonly #d1: D1

  constructor() {
    const counters = { count: (name: string) => this.#counters.count(name) }
    this.#bank = new Bank({ now: () => time.nowMs, chance: () => this.#weather, counters })
    this.#d1 = new D1(this.#weather, counters)
    // The account says when others are away, as it should; what it calls an error is one.
    console.warn = () => {}
    console.error = (said: unknown) => this.#errors.push(said)
    process.on('unhandledRejection', (error) => {
      if (!(error instanceof Dead)) this.#errors.push(String(error))
    })
    this.#leadToStripe()
  }

  /** The way out of every life and of the Worker: each has its own address of Stripe. */
  #leadToStripe(): void {
    const { wire } = this.#bank
    globalThis.fetch = (input, init) => {
      const from = lives.get(new URL(input instanceof Request ? input.url : String(input)).hostname)
      const goesOn = (place: string, route: string) => from?.host.goesOn(from.life(), `${place} ${route}`) ?? true
      return wire.fetchFor(goesOn)(input, init)
    }
  }

  async run({ seed, only }: Job): Promise<Report> {
    // Derived once for all lives, so that the first takes no other turns than the same later.
    await KeyRing.of(BYOK_SECRETS)
    const lived = await this.#live(seed, only)
    const { violation, entries, steps } = lived
    const { counts } = this.#counters
    this.#counters.countLedger(lived.ledgerCounts)
    const report = { seed, steps: steps.length, entries, counts, violation, fewest: steps }
    if (violation === null || only !== null) return report
    const fewest = await shrink(lived, (numbers) => this.#live(seed, numbers))
    return { ...report, violation: fewest.violation, fewest: fewest.steps }
  }

  #live(seed: number, only: readonly number[] | null): Promise<Lived> {
    this.#counters = new Counters()
    this.#weather = random(seed ^ 0x5eed)
    this.#errors.length = 0
    const surroundings = { bank: this.#bank, d1: this.#d1, counters: this.#counters, errors: this.#errors }
    return live({ seed, ...surroundings, ...(only === null ? {} : { only: new Set(only) }) })
  }
}
