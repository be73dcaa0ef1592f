/** A long history, written straight into D1: what makes it long is the number of its rows, not how they came there. */
import { env } from 'cloudflare:workers'

export const START = Date.parse('2026-10-01T00:00:00Z')
export const MINUTE_MS = 60_000

/**
 * A ledger of so many entries at even pauses: a reserve, then its settle of 1 to 7 credits for one of 500 pull requests.
 */
export async function ledger(account: string, length: number, start = START, everyMs = MINUTE_MS): Promise<void> {
  await env.HISTORY.prepare(
    `INSERT INTO entries (account, seq, at, kind, available_delta, reserved_delta, debt_delta, available, reserved, debt,
       charged, absorbed, actual, mode, late, reservation, grants, tier, metadata)
     WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?2)
     SELECT ?1, n, ?3 + n * ?4, iif(n % 2, 'reserve', 'settle'), 0, 0, 0, n * 1000, n % 2, 0,
       iif(n % 2, 0, (n / 2 % 7 + 1) * 1000), 0, NULL, 'credits', 0, 'r' || (n / 2), '[]', 'code_review',
       json_object('repository', 'acme/api', 'pull_request', '' || (n / 2 % 500))
     FROM number WHERE true ON CONFLICT DO NOTHING`,
  )
    .bind(account, length, start, everyMs)
    .run()
}

/** The sums of so many days of it, up to an instant: of each day, three tiers in twenty repositories. */
export async function sums(account: string, days: number, upTo: number): Promise<void> {
  await env.HISTORY.prepare(
    `INSERT INTO usage
     WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ?2 * 60 - 1)
     SELECT ?1, strftime('%Y-%m-%d', ?3 / 1000 - n / 60 * 86400, 'unixepoch'),
       CASE n % 3 WHEN 0 THEN 'quick_scan' WHEN 1 THEN 'code_review' ELSE 'deep_analysis' END,
       'acme/repository-' || (n / 3 % 20), 10, 500000, 0, 500000, 0, 0
     FROM number WHERE true ON CONFLICT DO NOTHING`,
  )
    .bind(account, days, upTo)
    .run()
}
