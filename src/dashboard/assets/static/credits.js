/** Numbers of credits as format.ts writes them; a browser test compares the two. */

const CREDITS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 })

/**
 * `1,234.5`
 * @param {number} credits
 */
export function written(credits) {
  return CREDITS.format(credits)
}
