/**
 * What is due, done before anybody is answered (R7): all of it at once, which is nearly always next to nothing; or, where
 * that would make everybody else on this thread stand still, part by part.
 */
import type { EpochMs, Millicredits } from '../ledger/amounts.ts'
import type { AccountLedger } from './ledger.ts'
import { letOthersIn } from './let-others-in.ts'
import type { Turns } from './turns.ts'

export class DueWork {
  readonly #ledger: AccountLedger
  readonly #turns: Turns
  readonly #changed: (availableBefore: Millicredits) => void
  #catchingUp: Promise<void> | null = null

  /** `changed` is called after every part that changed the account. */
  constructor(ledger: AccountLedger, turns: Turns, changed: (availableBefore: Millicredits) => void) {
    this.#ledger = ledger
    this.#turns = turns
    this.#changed = changed
  }

  run(now: EpochMs): void {
    this.#doing(() => this.#ledger.runDue(now))
  }

  /**
   * When more is due than should be done in one go, all but the last part of it is done here, in turns of their own:
   * commands that need it wait, and everybody else goes on in between. `null` when there is no need, which is nearly always.
   */
  catchUp(): Promise<void> | null {
    if (this.#catchingUp === null && this.#ledger.hasManyDue(this.#ledger.now())) {
      this.#catchingUp = this.#runInParts().finally(() => {
        this.#catchingUp = null
      })
    }
    return this.#catchingUp
  }

  async #runInParts(): Promise<void> {
    // Ends: every turn does a part of what is due, and no command comes before it is all done.
    while (this.#ledger.hasManyDue(this.#ledger.now())) {
      await this.#turns.run(() => this.#doing(() => this.#ledger.runSomeDue(this.#ledger.now())))
      await letOthersIn()
    }
  }

  #doing(due: () => void): void {
    const { available, seq } = this.#ledger.book
    due()
    if (this.#ledger.book.seq > seq) this.#changed(available)
  }
}
