/** What ids look like. Checked after decoding, so that no encoding smuggles another id past the check. */

export const ACCOUNT_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** Every other id that a caller chooses; not `.` and `..`, which every client takes out of a path before it sends it. */
export const CALLER_ID = /^(?!\.{1,2}$)[A-Za-z0-9._:@~-]{1,128}$/

/** Grant ids that begin so are ours: nobody may take the place of a grant that we will make. */
export const OUR_GRANT_ID = /^(trial|purchase:|top_up:)/
