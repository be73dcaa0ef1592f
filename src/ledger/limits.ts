/** The limits of the ledger, each with its reason. */

/** Above this one account's due work and its list of open reservations would no longer fit a moment. */
export const MAX_OPEN_RESERVATIONS = 10_000

/** Every command walks the live grants, and a reservation that takes of all of them names each in one row. */
export const MAX_LIVE_GRANTS = 1_000

/** A review that is still running after a day is not running: no heartbeat carries a hold further. */
export const MAX_RESERVATION_LIFETIME_MS = 24 * 60 * 60 * 1000

/** R8: a runner that was cut off has a week to come back with what its review cost. */
export const LATE_SETTLE_MS = 7 * 24 * 60 * 60 * 1000

/** A webhook and a slash command that start the same review arrive within this time. */
export const DEDUPE_WINDOW_MS = 60_000

/** R15: two attempts in so much time are enough for a large gap; more would be a loop. */
export const STARTS_WINDOW_MS = 10 * 60 * 1000

/** R15: a bank that has just said no says no again; and it counts against the customer. */
export const DECLINE_PAUSE_MS = 60 * 60 * 1000

/** R15: after so many declines in a row only the customer can help. */
export const DECLINES_IN_A_ROW = 3

/** How far Stripe's clock and ours may be apart: near the turn of a month a charge may count in either (R14). */
export const CLOCK_SKEW_MS = 5 * 60 * 1000
