/**
 * The scheduled repair: lists Stripe's events and brings each to its account once more, for those that no webhook ever
 * brought. How far it has come stands in D1, and so do the events that an account could not take: one that cannot be
 * reached keeps no other waiting. An account that hears of an event twice reads the same payment twice.
 */
import { forgetMissed, keepMissed, readListedTo, readMissed, writeListedTo } from '../history/repairs.ts'
import { stripeOf } from '../stripe/client.ts'
import { listEvents, readEvent } from '../stripe/events.ts'
import type { StripeEvent } from '../stripe/webhook.ts'
import { deliver } from './deliver.ts'
import { describeError } from './describe-error.ts'

/** Events may be listed a little after they were made. */
const OVERLAP_SECONDS = 300
/** The first run, or one whose D1 has lost how far it came, begins so long ago. */
const FIRST_LOOK_BACK_SECONDS = 24 * 60 * 60
/** One run looks at so much at the most, so that it ends; a longer outage is made good by the runs after it. */
const WINDOW_SECONDS = 6 * 60 * 60
/** 300 events, each with a call of Stripe and one of an account: well within what one run of a Worker may ask for. */
const MAX_PAGES = 3
const MISSED_AT_ONCE = 50
/** Halving a window of hours comes to one second in fewer. */
const MAX_HALVINGS = 20
/** Stripe lists events for so long. */
const LISTED_FOR_SECONDS = 30 * 24 * 60 * 60

/** Throws nothing: what could not be done is done by the next run. */
export async function repair(env: Env): Promise<void> {
  try {
    const now = Math.floor(Date.now() / 1000)
    await bringMissed(env, now)
    await bringListed(env, await readListedTo(env.HISTORY), now)
  } catch (error) {
    console.error({ message: 'repair failed', error: describeError(error) })
  }
}

async function bringMissed(env: Env, now: number): Promise<void> {
  for (const { event, createdAt } of await readMissed(env.HISTORY, MISSED_AT_ONCE)) {
    const isOver = createdAt < now - LISTED_FOR_SECONDS
    if (isOver) console.error({ message: 'an event could never be brought to its account', event })
    const told = isOver ? null : await readEvent(stripeOf(env), event)
    if (told?.ok === false && told.why === 'unavailable') return
    const delivered = told?.ok ? await deliver(env, told.value) : 'not_ours'
    if (delivered !== 'unavailable') await forgetMissed(env.HISTORY, event)
  }
}

async function bringListed(env: Env, listedTo: number | null, now: number): Promise<void> {
  const from = (listedTo ?? now - FIRST_LOOK_BACK_SECONDS) - OVERLAP_SECONDS
  let to = Math.min(now, from + OVERLAP_SECONDS + WINDOW_SECONDS)
  for (let halving = 0; halving < MAX_HALVINGS; halving += 1) {
    const listed = await listEvents(stripeOf(env), from, to, MAX_PAGES)
    if (!listed.ok) return console.warn({ message: 'Stripe lists no events', why: listed.why })
    const { events, whole } = listed.value
    if (!whole && to > from) {
      to = Math.floor((from + to) / 2)
      continue
    }
    await bring(env, events)
    await writeListedTo(env.HISTORY, to)
    return
  }
}

/** Oldest first, as they happened; their order matters to nobody. */
async function bring(env: Env, events: readonly StripeEvent[]): Promise<void> {
  for (const event of events.toReversed()) {
    if ((await deliver(env, event)) === 'unavailable') await keepMissed(env.HISTORY, event.id, event.created)
  }
}
