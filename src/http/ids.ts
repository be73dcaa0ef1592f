/** What ids look like. Checked after decoding, so that no encoding smuggles another id past the check. */

/** Every id that a caller chooses but the account's; not `.` and `..`, which every client takes out of a path before it sends it. */
export const CALLER_ID = /^(?!\.{1,2}$)[A-Za-z0-9._:@~-]{1,128}$/

/** Grant ids that begin so are ours: nobody may take the place of a grant that we will make. */
export const OUR_GRANT_ID = /^(trial|purchase:|top_up:)/
