/** What one thread keeps from seed to seed: the bank, whose double takes long to make, and what is printed meanwhile. */
import { random } from '../../test/core/ledger/random.ts'
import { Bank } from './bank.ts'
import { type Build, BUILDS } from './builds.ts'
import { Dead } from './disk.ts'
import type { Breakage } from './host.ts'
import { runSeed } from './run.ts'
import { time } from './runtime.ts'
import { Counters, type Counts } from './sometimes.ts'

export interface Job {
  readonly seed: number
  readonly attempts: number
}

export interface Report {
  readonly seed: number
  readonly attempts: number
  readonly counts: Counts
  /** With the seed and the step; `null` if all was well. */
  readonly violation: string | null
}

export class Simulator {
  readonly #breakage: Breakage
  #counters = new Counters()
  /** Which faults strike is drawn apart from the steps. */
  #weather = random(0)
  readonly #errors: unknown[] = []
  readonly #bank: Bank

  constructor(build: Build) {
    this.#breakage = BUILDS[build]
    const counters = { count: (name: Parameters<Counters['count']>[0]) => this.#counters.count(name) } as Counters
    this.#bank = new Bank({ now: () => time.nowMs, chance: () => this.#weather, counters })
    // The account says when Stripe is away, as it should; what it calls an error is one, unless it is dead.
    console.warn = () => {}
    console.error = (said: unknown) => this.#errors.push(said)
    process.on('unhandledRejection', (error) => {
      if (!(error instanceof Dead)) this.#errors.push(String(error))
    })
  }

  async run({ seed, attempts }: Job): Promise<Report> {
    this.#counters = new Counters()
    this.#weather = random(seed ^ 0x5eed)
    this.#errors.length = 0
    const options = { seed, attempts, bank: this.#bank, counters: this.#counters, breakage: this.#breakage }
    try {
      const done = await runSeed({ ...options, errors: this.#errors })
      return { seed, attempts: done, counts: this.#counters.counts, violation: null }
    } catch (error) {
      const violation = error instanceof Error ? error.message : String(error)
      return { seed, attempts: 0, counts: this.#counters.counts, violation }
    }
  }
}
