/**
 * Builds that are broken in one place each: they show that the simulation sees what it claims to see. The source is
 * changed as it is loaded; a place that is no longer there is an error, so that no build is whole by mistake.
 */
import type { Rewrite } from '../runtime.ts'

/** Of a file, what is found and what stands there instead. */
type Change = readonly [file: string, find: string, write: string]

/** The database refuses much of what a broken ledger would do; where it does, its guard is taken away too. */
const WITHOUT_ITS_GUARD = [
  'migrations/account/0002_payments.sql',
  'CREATE UNIQUE INDEX open_attempt ON purchases (kind) WHERE stage IS NOT NULL',
  'CREATE INDEX open_attempt ON purchases (kind) WHERE stage IS NOT NULL',
] as const

export const BUILDS = {
  'as it is': [],

  'settle keeps the rest': [
    [
      'src/ledger/settle.ts',
      'const charges = chargeHold(draft, reservation, cost)',
      'const charges = chargeHold(draft, reservation, reservation.held)',
    ],
  ],

  'a webhook grants twice': [
    [
      'src/ledger/payment.ts',
      "const isNew = facts.state === 'paid' && before.state !== 'paid'",
      "const isNew = facts.state === 'paid'",
    ],
    [
      'src/ledger/payment.ts',
      'const id = grantIdOf(before)',
      "const id = grantIdOf(before) + (before.state === 'paid' ? ':' + draft.nextSeq : '')",
    ],
  ],

  'the limit ignores attempts in flight': [
    ['src/ledger/auto-top-up.ts', "if (facts.open !== null) return 'charging'", ''],
    WITHOUT_ITS_GUARD,
  ],

  'an answer leaves out what came due': [
    ['src/account/opened.ts', 'this.due.run(now)\n    return act(now)', 'return act(now)'],
  ],

  'entries are sent as if none was lost': [
    [
      'src/account/outbox.ts',
      'const sentTo = Math.min(watermark, batch.at(-1)?.seq ?? drainedTo)',
      'const sentTo = batch.at(-1)?.seq ?? drainedTo',
    ],
  ],
} as const satisfies Readonly<Record<string, readonly Change[]>>

export type Build = keyof typeof BUILDS

export function rewriteFor(build: Build): Rewrite {
  const changes: readonly Change[] = BUILDS[build]
  return (path, source) => {
    let changed = source
    for (const [file, find, write] of changes) {
      if (!path.endsWith(`/${file}`)) continue
      if (!changed.includes(find)) throw new Error(`${file} does not have what the build "${build}" breaks`)
      changed = changed.replace(find, write)
    }
    return changed
  }
}
