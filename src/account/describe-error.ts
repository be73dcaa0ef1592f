/** What went wrong, for the log: with what it was caused by, which is where D1 and Stripe say why. */

/** A cause that leads back to itself ends here. */
const MAX_CAUSES = 5

export function describeError(error: unknown): string {
  const lines: string[] = []
  let next: unknown = error
  for (let depth = 0; next !== undefined && depth <= MAX_CAUSES; depth += 1) {
    lines.push(next instanceof Error ? (next.stack ?? next.message) : String(next))
    next = next instanceof Error ? next.cause : undefined
  }
  return lines.join('\ncaused by ')
}
