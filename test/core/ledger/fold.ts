/**
 * The sum of an account's entries and of nothing else, so that the stored state can be compared with it (R19). Adding an
 * entry checks I7, and I1 in the totals that it carries.
 */
import type { Entry, EntryKind, Totals } from '../../../src/ledger/entry.ts'
import { same } from './same.ts'

/** What the entries say of one payment. */
interface PaymentSum {
  grants: number
  granted: number
  refunds: number
  disputes: number
}

const CLOSING: readonly EntryKind[] = ['release', 'expire_reservation', 'settle']

export class Fold {
  seq = 0
  at = 0
  available = 0
  reserved = 0
  debt = 0
  open = 0
  charged = 0
  absorbed = 0
  granted = 0
  expired = 0
  voided = 0
  takenBack = 0
  byokChanges = 0
  byokReadings = 0
  readonly payments = new Map<string, PaymentSum>()
  readonly grants = new Map<string, { credits: number; held: number }>()
  readonly holds = new Map<string, number>()

  /** I7: the next number, no earlier time, and the balances before it plus its deltas. */
  add(entry: Entry): void {
    same('I7 number', entry.seq, this.seq + 1)
    if (entry.at < this.at) throw new Error(`I7: entry ${entry.seq} is of ${entry.at}, the one before of ${this.at}`)
    this.seq = entry.seq
    this.at = entry.at
    this.available += entry.availableDelta
    this.reserved += entry.reservedDelta
    this.debt += entry.debtDelta
    this.charged += entry.charged
    this.absorbed += entry.absorbed
    if (entry.kind === 'reserve') this.open += 1
    if (CLOSING.includes(entry.kind) && !entry.late) this.open -= 1
    same('I7 available', entry.available, this.available)
    same('I7 reserved', entry.reserved, this.reserved)
    same('I7 debt', entry.debt, this.debt)
    same('I7 open', entry.open, this.open)
    same('I7 charged', entry.totals.charged, this.charged)
    same('I7 absorbed', entry.totals.absorbed, this.absorbed)
    this.#addSums(entry)
    this.#addByok(entry)
    conserves(entry.totals, entry.available, entry.reserved, entry.debt)
    this.#addGrants(entry)
    const id = entry.reservation
    if (id !== null) this.holds.set(id, (this.holds.get(id) ?? 0) + entry.reservedDelta)
    else same(`I7 ${entry.kind} without a reservation`, entry.reservedDelta, 0)
  }

  /** Every movement that is no charge belongs to one of the sums, by the kind of its entry. */
  #addSums(entry: Entry): void {
    const gone = entry.debtDelta - entry.availableDelta
    switch (entry.kind) {
      case 'grant':
        if (gone > 0) this.takenBack += gone
        else this.granted -= gone
        break
      case 'expire_grant':
        this.expired += gone
        break
      case 'void_grant':
        this.voided += gone
        break
      case 'debt_repaid':
        same(`I7 debt repaid by entry ${entry.seq}`, gone, 0)
        break
      case 'refund':
      case 'refund_reversal':
      case 'dispute':
      case 'dispute_reversal':
        this.takenBack += gone
        if (entry.kind.endsWith('reversal') ? gone >= 0 : gone <= 0) throw new Error(`I7: a ${entry.kind} of ${gone}`)
        if (entry.purchase === null) throw new Error(`I7: a ${entry.kind} of no purchase`)
    }
    if (entry.purchase !== null) this.#addPayment(entry, entry.purchase, gone)
    const { granted, expired, voided, takenBack } = entry.totals
    same('I7 granted', granted, this.granted)
    same('I7 expired', expired, this.expired)
    same('I7 voided', voided, this.voided)
    same('I7 taken back', takenBack, this.takenBack)
  }

  /** R17: neither a review on the account's own key nor anything about that key moves a credit. */
  #addByok(entry: Entry): void {
    if (entry.kind === 'byok_changed') this.byokChanges += 1
    if (entry.kind === 'byok_read') this.byokReadings += 1
    if (entry.mode !== 'byok' && entry.kind !== 'byok_changed') return
    const { availableDelta, reservedDelta, debtDelta, charged, absorbed } = entry
    const moved = [availableDelta, reservedDelta, debtDelta, charged, absorbed].filter((delta) => delta !== 0)
    same(`I7 credits moved by ${entry.kind} in mode byok`, moved.length, 0)
  }

  #addPayment(entry: Entry, purchase: string, gone: number): void {
    const sum = this.payments.get(purchase) ?? { grants: 0, granted: 0, refunds: 0, disputes: 0 }
    this.payments.set(purchase, sum)
    if (entry.kind.startsWith('refund')) sum.refunds += gone
    if (entry.kind.startsWith('dispute')) sum.disputes += gone
    if (entry.kind !== 'grant') return
    sum.grants += 1
    sum.granted -= gone
  }

  #addGrants(entry: Entry): void {
    let available = 0
    let reserved = 0
    for (const delta of entry.grants) {
      const sum = this.grants.get(delta.id)
      if (sum === undefined) this.grants.set(delta.id, { credits: delta.credits, held: delta.held })
      else {
        sum.credits += delta.credits
        sum.held += delta.held
      }
      available += delta.credits - delta.held
      reserved += delta.held
    }
    same(`I7 grants of ${entry.kind}, free`, available, entry.availableDelta)
    same(`I7 grants of ${entry.kind}, held`, reserved, entry.reservedDelta)
  }
}

/** I1, in the sums of the account's whole life. */
export function conserves(totals: Totals, available: number, reserved: number, debt: number): void {
  const { granted, charged, expired, voided, takenBack } = totals
  same('I1 conservation', available + reserved + charged + expired + voided + takenBack - debt, granted)
}
