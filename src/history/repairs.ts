/**
 * How far Stripe's events were looked through by the scheduled repair, and which of them no account has taken yet. Times
 * are epoch seconds, as Stripe counts.
 */
import { asc, eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { missedEvents, repairs } from './tables.ts'

export type MissedEvent = typeof missedEvents.$inferSelect

export async function readListedTo(db: D1Database): Promise<number | null> {
  const [row] = await drizzle(db).select().from(repairs)
  return row?.listedTo ?? null
}

export async function writeListedTo(db: D1Database, listedTo: number): Promise<void> {
  await drizzle(db)
    .insert(repairs)
    .values({ id: 1, listedTo })
    .onConflictDoUpdate({ target: repairs.id, set: { listedTo } })
}

/** The oldest first. */
export function readMissed(db: D1Database, limit: number): Promise<MissedEvent[]> {
  return drizzle(db).select().from(missedEvents).orderBy(asc(missedEvents.createdAt)).limit(limit)
}

export async function keepMissed(db: D1Database, event: string, createdAt: number): Promise<void> {
  await drizzle(db).insert(missedEvents).values({ event, createdAt }).onConflictDoNothing()
}

export async function forgetMissed(db: D1Database, event: string): Promise<void> {
  await drizzle(db).delete(missedEvents).where(eq(missedEvents.event, event))
}
