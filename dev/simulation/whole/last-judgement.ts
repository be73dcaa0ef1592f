/**
 * The end of a life, when nothing is under way: what a new life of each object finds is what the model says (I1-I9), D1 is
 * the entries and nothing else (I10), and Stripe's own books agree with grants, refunds and limits (I11, I12).
 */
import { grantFromRow, type Row } from '../../../src/account/rows.ts'
import { Store } from '../../../src/account/store.ts'
import { historyRow } from '../../../src/history/write.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import type { Purchase } from '../../../src/ledger/purchase.ts'
import type { Reservation } from '../../../src/ledger/reservation.ts'
import { checkAll } from '../../../test/core/ledger/invariants.ts'
import { compareAll } from '../../../test/core/ledger/judge.ts'
import { same } from '../../../test/core/ledger/same.ts'
import { agreementsIn, judgeMonths, judgeOutcomes, judgePace, judgePayments } from '../final-judgement.ts'
import { Violation } from '../judge.ts'
import type { D1 } from './d1.ts'
import type { Resident } from './resident.ts'
import type { Cast } from './steps.ts'
import type { System } from './system.ts'

/** More than there is of anything in one life. */
const ALL = 100_000

export async function judgeEnd(system: System, casts: readonly Cast[]): Promise<void> {
  const { residents, bank, counters, d1 } = system
  const purchases: Purchase[] = []
  for (const [number, resident] of residents.entries()) {
    resident.host.kill()
    const differences = await system.drive(casts[number]?.operator.audit() ?? Promise.resolve(null))
    same(`audit of ${resident.id}`, JSON.stringify(differences), '[]')
    const store = new Store(resident.host.disk.storageOf(ONLOOKER).sql)
    const entries = store.entriesAfter(0, ALL)
    const own = store.purchases.page(null, ALL).reverse()
    judgeLedger(resident, store, entries, own)
    judgeHistory(d1, resident.id, entries)
    const attempts = own.filter(({ kind }) => kind === 'auto_top_up')
    judgeMonths(resident, own)
    judgeOutcomes({ bank, counters }, attempts)
    judgePace(attempts, agreementsIn(entries))
    purchases.push(...own)
  }
  judgePayments({ bank }, purchases)
}

/** Looks, and writes nothing. */
const ONLOOKER = { isAlive: true, meets: () => false, committed: () => {} }

function judgeLedger({ host }: Resident, store: Store, entries: readonly Entry[], own: readonly Purchase[]): void {
  const { disk, follower } = host
  const book = store.loadBook()
  const grants = new Map(disk.read('SELECT * FROM grants').map((row) => [String(row['id']), grantFromRow(row as Row)]))
  for (const grant of book.grants) grants.set(grant.id, grant)
  const reservations = new Map<string, Reservation>()
  for (const { id } of disk.read('SELECT id FROM reservations')) {
    const reservation = store.reservation(String(id))
    if (reservation !== null) reservations.set(reservation.id, reservation)
  }
  const held = new Map([...reservations].filter(([, { state }]) => state === 'held'))
  const purchases = new Map(own.map((each) => [each.id, each]))
  checkAll({ book, entries, reservations, held, grants, purchases })
  compareAll({ reservations, grants, purchases }, follower.model)
  same('entries that were seen', follower.version, entries.length)
  const [kept] = disk.read('SELECT preview FROM byok')
  same('the own key that is kept', kept?.['preview'] ?? null, follower.ownKeys.at(-1))
}

/** I10: the very rows, their sums by day, and nothing else. */
function judgeHistory(d1: D1, account: string, entries: readonly Entry[]): void {
  const rows = d1.read('SELECT * FROM entries WHERE account = ? ORDER BY seq', account)
  same(`I10: entries of ${account} in D1`, rows.length, entries.length)
  for (const [at, entry] of entries.entries()) {
    for (const [column, value] of Object.entries(historyRow(entry))) {
      if (rows[at]?.[column] !== value)
        throw new Violation(`I10: ${column} of entry ${entry.seq} is ${rows[at]?.[column]}`)
    }
  }
  const usage = d1.read('SELECT * FROM usage WHERE account = ? ORDER BY day, tier, repository', account)
  const stored = usage.map((row) => Object.values(row).slice(1).join())
  same(`I10: usage of ${account}`, stored.join('\n'), usageOf(entries).join('\n'))
}

/** Reviews, charged, absorbed and cost by day, tier and repository, one entry after the other. */
function usageOf(entries: readonly Entry[]): string[] {
  const lines = new Map<string, [number, number, number, number, number, number]>()
  for (const { kind, at, tier, metadata, mode, charged, absorbed, actual } of entries) {
    if (kind !== 'settle' && kind !== 'expire_reservation') continue
    const [isReview, cost] = [kind === 'settle' ? 1 : 0, actual ?? 0]
    const day = new Date(at).toISOString().slice(0, 10)
    const key = [day, tier ?? '', metadata['repository'] ?? ''].join()
    const line = lines.get(key) ?? [0, 0, 0, 0, 0, 0]
    lines.set(key, line)
    const added =
      mode === 'byok' ? [0, charged, absorbed, 0, isReview, cost] : [isReview, charged, absorbed, cost, 0, 0]
    for (const [column, value] of added.entries()) line[column] = (line[column] ?? 0) + value
  }
  const isShown = ([reviews, charged, , , byok]: readonly number[]) => reviews !== 0 || charged !== 0 || byok !== 0
  const shown = [...lines].filter(([, line]) => isShown(line))
  return shown.map(([key, line]) => [key, ...line].join()).sort()
}
