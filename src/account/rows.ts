/** Rows of the object's database, to and from the ledger's values. Column names are the ledger's words. */
import { HISTORY_COLUMNS, historyRow } from '../history/write.ts'
import type { Entry, EntryKind, GrantDelta } from '../ledger/entry.ts'
import { type Grant, type GrantKind, isLive, type Part } from '../ledger/grants.ts'
import type {
  Metadata,
  Mode,
  OnExpiry,
  Overage,
  RequestFields,
  Reservation,
  ReservationState,
} from '../ledger/reservation.ts'

export type Row = Record<string, SqlStorageValue>

/** The runtime makes an object of a row at half a microsecond a column (measured); from a list, it costs a fifth. */
export function rowsOf(sql: SqlStorage, statement: string, ...values: SqlStorageValue[]): Row[] {
  const cursor = sql.exec(statement, ...values)
  const columns = cursor.columnNames
  return Array.from(cursor.raw(), (list) => {
    const row: Row = {}
    for (const [at, column] of columns.entries()) row[column] = list[at] ?? null
    return row
  })
}

/** The object keeps of an entry what history does, and the sums that make the last entry the state of the account. */
export const ENTRY_COLUMNS = [
  ...HISTORY_COLUMNS,
  'total_granted',
  'total_charged',
  'total_absorbed',
  'total_expired',
  'total_voided',
  'total_taken_back',
  'open',
] as const

export function entryValues(entry: Entry): SqlStorageValue[] {
  const row = historyRow(entry)
  const { granted, charged, absorbed, expired, voided, takenBack } = entry.totals
  const sums = [granted, charged, absorbed, expired, voided, takenBack, entry.open]
  return [...HISTORY_COLUMNS.map((column) => row[column]), ...sums]
}

export function entryFromRow(row: Row): Entry {
  return {
    seq: integer(row, 'seq'),
    at: integer(row, 'at'),
    kind: text(row, 'kind') as EntryKind,
    availableDelta: integer(row, 'available_delta'),
    reservedDelta: integer(row, 'reserved_delta'),
    debtDelta: integer(row, 'debt_delta'),
    available: integer(row, 'available'),
    reserved: integer(row, 'reserved'),
    debt: integer(row, 'debt'),
    charged: integer(row, 'charged'),
    absorbed: integer(row, 'absorbed'),
    actual: optionalInteger(row, 'actual'),
    costUsd: optionalText(row, 'cost_usd'),
    mode: text(row, 'mode') as Mode,
    late: integer(row, 'late') === 1,
    reservation: optionalText(row, 'reservation'),
    grants: JSON.parse(text(row, 'grants')) as GrantDelta[],
    purchase: optionalText(row, 'purchase'),
    tier: optionalText(row, 'tier'),
    metadata: JSON.parse(text(row, 'metadata')) as Metadata,
    detail: row['detail'] === null ? null : (JSON.parse(text(row, 'detail')) as NonNullable<Entry['detail']>),
    totals: {
      granted: integer(row, 'total_granted'),
      charged: integer(row, 'total_charged'),
      absorbed: integer(row, 'total_absorbed'),
      expired: integer(row, 'total_expired'),
      voided: integer(row, 'total_voided'),
      takenBack: integer(row, 'total_taken_back'),
    },
    open: integer(row, 'open'),
  }
}

export const RESERVATION_COLUMNS = [
  'id',
  'state',
  'mode',
  'tier',
  'held',
  'parts',
  'charged',
  'returned',
  'absorbed',
  'actual',
  'cost_usd',
  'accrued',
  'max_credits',
  'overage',
  'on_expiry',
  'late',
  'supersedes',
  'dedupe_key',
  'quote',
  'metadata',
  'ttl_ms',
  'request',
  'announced',
  'created_at',
  'expires_at',
  'closed_at',
  'ordinal',
] as const

export function reservationValues(reservation: Reservation): SqlStorageValue[] {
  return [
    reservation.id,
    reservation.state,
    reservation.mode,
    reservation.tier,
    reservation.held,
    JSON.stringify(reservation.parts),
    reservation.charged,
    reservation.returned,
    reservation.absorbed,
    reservation.actual,
    reservation.costUsd,
    reservation.accrued,
    reservation.maxCredits,
    reservation.overage,
    reservation.onExpiry,
    Number(reservation.late),
    reservation.supersedes,
    reservation.dedupeKey,
    reservation.quote,
    JSON.stringify(reservation.metadata),
    reservation.ttlMs,
    JSON.stringify(reservation.request),
    reservation.announced,
    reservation.createdAt,
    reservation.expiresAt,
    reservation.closedAt,
    reservation.ordinal,
  ]
}

export function reservationFromRow(row: Row): Reservation {
  return {
    id: text(row, 'id'),
    state: text(row, 'state') as ReservationState,
    mode: text(row, 'mode') as Mode,
    tier: optionalText(row, 'tier'),
    held: integer(row, 'held'),
    parts: JSON.parse(text(row, 'parts')) as Part[],
    charged: optionalInteger(row, 'charged'),
    returned: optionalInteger(row, 'returned'),
    absorbed: optionalInteger(row, 'absorbed'),
    actual: optionalInteger(row, 'actual'),
    costUsd: optionalText(row, 'cost_usd'),
    accrued: integer(row, 'accrued'),
    maxCredits: integer(row, 'max_credits'),
    overage: text(row, 'overage') as Overage,
    onExpiry: text(row, 'on_expiry') as OnExpiry,
    late: integer(row, 'late') === 1,
    supersedes: optionalText(row, 'supersedes'),
    dedupeKey: optionalText(row, 'dedupe_key'),
    quote: optionalText(row, 'quote'),
    metadata: JSON.parse(text(row, 'metadata')) as Metadata,
    ttlMs: integer(row, 'ttl_ms'),
    request: JSON.parse(text(row, 'request')) as RequestFields,
    announced: optionalText(row, 'announced'),
    createdAt: integer(row, 'created_at'),
    expiresAt: integer(row, 'expires_at'),
    closedAt: optionalInteger(row, 'closed_at'),
    ordinal: integer(row, 'ordinal'),
  }
}

export const GRANT_COLUMNS = [
  'id',
  'kind',
  'credits',
  'free',
  'held',
  'live',
  'expires_at',
  'voided',
  'reason',
  'created_at',
  'ordinal',
] as const

export function grantValues(grant: Grant): SqlStorageValue[] {
  return [
    grant.id,
    grant.kind,
    grant.credits,
    grant.free,
    grant.held,
    Number(isLive(grant)),
    grant.expiresAt,
    Number(grant.voided),
    grant.reason,
    grant.createdAt,
    grant.ordinal,
  ]
}

export function grantFromRow(row: Row): Grant {
  return {
    id: text(row, 'id'),
    kind: text(row, 'kind') as GrantKind,
    credits: integer(row, 'credits'),
    free: integer(row, 'free'),
    held: integer(row, 'held'),
    expiresAt: optionalInteger(row, 'expires_at'),
    voided: integer(row, 'voided') === 1,
    reason: optionalText(row, 'reason'),
    createdAt: integer(row, 'created_at'),
    ordinal: integer(row, 'ordinal'),
  }
}

/** A column that is not what the schema says is a bug, and bugs throw. */
export function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw new Error(`column ${column} holds no number`)
  return value
}

export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new Error(`column ${column} holds no text`)
  return value
}

export function optionalInteger(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column)
}

export function optionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column)
}
