/** What went wrong where no caller waits for an error. Nothing of it is silent: without a listener it is printed. */
import { complain } from './runtime.ts'

export interface Trouble {
  /**
   * `journal`: it failed, and the settlement is delivered all the same. `delayed`: a settlement could not be delivered
   * yet, and is tried on. `refused`: the key may not deliver it; it stays in the journal, if there is one, for the next
   * `resume()`.
   * `undeliverable`: a settlement was refused for good. `release`: a hold was not returned, and will expire.
   * `heartbeat`: the API refused one, though not because the hold is gone.
   */
  readonly kind: 'journal' | 'delayed' | 'refused' | 'undeliverable' | 'release' | 'heartbeat'
  readonly account: string
  readonly reservation: string
  readonly error: unknown
}

export type OnTrouble = (trouble: Trouble) => void

/** A listener that fails must not take a settlement with it. */
export function guarded(listener: OnTrouble | undefined): OnTrouble {
  return (trouble) => {
    try {
      ;(listener ?? print)(trouble)
    } catch (error) {
      print(trouble)
      complain(`assay-credits: onTrouble failed: ${error}`)
    }
  }
}

function print({ kind, account, reservation, error }: Trouble): void {
  complain(`assay-credits: ${kind} (${account}, ${reservation}): ${error}`)
}
