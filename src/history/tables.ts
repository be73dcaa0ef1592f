/** The tables of migrations/history, for drizzle's typed reads; a test compares the two. */
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const accounts = sqliteTable(
  'accounts',
  {
    id: text().primaryKey(),
    name: text(),
    email: text(),
    region: text(),
    allowDebt: integer('allow_debt').notNull(),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
  },
  (table) => [index('accounts_by_age').on(table.createdAt, table.id)],
)

export const entries = sqliteTable(
  'entries',
  {
    account: text().notNull(),
    seq: integer().notNull(),
    at: integer().notNull(),
    kind: text().notNull(),
    availableDelta: integer('available_delta').notNull(),
    reservedDelta: integer('reserved_delta').notNull(),
    debtDelta: integer('debt_delta').notNull(),
    available: integer().notNull(),
    reserved: integer().notNull(),
    debt: integer().notNull(),
    charged: integer().notNull(),
    absorbed: integer().notNull(),
    actual: integer(),
    costUsd: text('cost_usd'),
    mode: text().notNull(),
    late: integer().notNull(),
    reservation: text(),
    grants: text().notNull(),
    tier: text(),
    metadata: text().notNull(),
    detail: text(),
    purchase: text(),
  },
  (table) => [
    primaryKey({ columns: [table.account, table.seq] }),
    index('entries_by_kind').on(table.account, table.kind, table.seq),
    index('entries_by_reservation').on(table.account, table.reservation, table.seq),
  ],
)

export const usage = sqliteTable(
  'usage',
  {
    account: text().notNull(),
    day: text().notNull(),
    tier: text().notNull(),
    repository: text().notNull(),
    reviews: integer().notNull(),
    charged: integer().notNull(),
    absorbed: integer().notNull(),
    cost: integer().notNull(),
    byokReviews: integer('byok_reviews').notNull(),
    byokCost: integer('byok_cost').notNull(),
  },
  (table) => [primaryKey({ columns: [table.account, table.day, table.tier, table.repository] })],
)

export const repairs = sqliteTable('repairs', {
  id: integer().primaryKey(),
  listedTo: integer('listed_to').notNull(),
})

export const missedEvents = sqliteTable(
  'missed_events',
  { event: text().primaryKey(), createdAt: integer('created_at').notNull() },
  (table) => [index('missed_events_by_age').on(table.createdAt)],
)
