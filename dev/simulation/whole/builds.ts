/**
 * Builds that are broken in one place each: they show that the simulation sees what it claims to see. The source is
 * changed as it is loaded; a place that is no longer there is an error, so that no build is whole by mistake.
 */
import type { Rewrite } from '../runtime.ts'

interface Broken {
  readonly file: string
  readonly find: string
  readonly write: string
}

export const BUILDS = {
  'as it is': null,

  'settle keeps the rest': {
    file: 'ledger/settle.ts',
    find: 'const charges = chargeHold(draft, reservation, cost)',
    write: 'const charges = chargeHold(draft, reservation, reservation.held)',
  },

  'a webhook grants twice': {
    file: 'ledger/payment.ts',
    find: "const isNew = facts.state === 'paid' && before.state !== 'paid'",
    write: "const isNew = facts.state === 'paid'",
  },

  'the limit ignores attempts in flight': {
    file: 'ledger/auto-top-up.ts',
    find: "if (facts.open !== null) return 'charging'",
    write: '',
  },

  'an answer leaves out what came due': {
    file: 'account/opened.ts',
    find: 'this.runDue(now)\n    return act(now)',
    write: 'return act(now)',
  },

  'entries are sent as if none was lost': {
    file: 'account/outbox.ts',
    find: 'const sentTo = Math.min(watermark, batch.at(-1)?.seq ?? drainedTo)',
    write: 'const sentTo = batch.at(-1)?.seq ?? drainedTo',
  },
} as const satisfies Readonly<Record<string, Broken | null>>

export type Build = keyof typeof BUILDS

export function rewriteFor(build: Build): Rewrite {
  const broken: Broken | null = BUILDS[build]
  if (broken === null) return (_path, source) => source
  const { file, find, write } = broken
  return (path, source) => {
    if (!path.endsWith(`/src/${file}`)) return source
    if (!source.includes(find)) throw new Error(`${file} does not have what the build "${build}" breaks`)
    return source.replace(find, write)
  }
}
