/** The account's own keys on the settings page: the list, with a way to revoke each, and the form for a new one. */
import type { FC } from 'hono/jsx'
import * as z from 'zod'
import type { AccountKey, AccountScope } from '../account/requests.ts'
import type { EpochMs } from '../ledger/amounts.ts'
import { day, time } from './format.ts'
import { Pager } from './pager.tsx'

export const SCOPE_NAMES: Readonly<Record<AccountScope, string>> = {
  runner: 'Runner: reserve and settle',
  billing: 'Billing: buy, read, manage keys',
  read: 'Read: balance, history, usage',
}

const SHORT_NAMES: Readonly<Record<AccountScope, string>> = { runner: 'Runner', billing: 'Billing', read: 'Read' }

const MAX_NAME_LENGTH = 100
const DAY_MS = 24 * 60 * 60 * 1000

/** The end of a later one would be in a year of five digits, which no API can write. */
const LAST_DAY = '9999-12-31'

/** What the form sends. `until` is the end of the last day (UTC), so that the same form is the same request. */
export const KeyForm = z.object({
  scope: z.enum(['runner', 'billing', 'read']),
  name: z
    .string()
    .trim()
    .max(MAX_NAME_LENGTH)
    .refine((name) => name.isWellFormed())
    .transform((name) => (name === '' ? null : name)),
  until: z
    .union([z.literal(''), z.iso.date().refine((date) => date < LAST_DAY)])
    .transform((date) => (date === '' ? null : Date.parse(date) + DAY_MS)),
  once: z.uuid(),
})

interface KeyListProps {
  readonly keys: readonly AccountKey[]
  readonly next: string | null
  readonly isFirst: boolean
  readonly now: EpochMs
}

export const KeyList: FC<KeyListProps> = ({ keys, next, isFirst, now }) => (
  <section class="card" aria-labelledby="keys">
    <h2 id="keys">Keys</h2>
    {keys.length === 0 ? (
      <p class="empty">There is no key yet. Programs use one to act for this account.</p>
    ) : (
      <ul class="keys">
        {keys.map((key) => (
          <li>
            <KeyLine of={key} now={now} />
          </li>
        ))}
      </ul>
    )}
    <Pager of="keys" newest={isFirst ? null : '/settings'} older={next === null ? null : `/settings?cursor=${next}`} />
  </section>
)

const KeyLine: FC<{ of: AccountKey; now: EpochMs }> = ({ of: key, now }) => {
  const isExpired = key.expiresAt !== null && now >= key.expiresAt
  return (
    <>
      <p class="name">
        <strong>{key.name ?? 'Without a name'}</strong> <span class="badge">{SHORT_NAMES[key.scope]}</span>{' '}
        {key.revokedAt !== null ? <span class="badge bad">revoked</span> : null}
        {key.revokedAt === null && isExpired ? <span class="badge warn">expired</span> : null}
      </p>
      <p class="soft">
        <code>{key.id}</code>, made {day(key.createdAt)}
        {key.revokedAt !== null ? `, revoked ${time(key.revokedAt)}` : ''}
        {key.revokedAt === null && key.expiresAt !== null ? `, ends ${time(key.expiresAt)}` : ''}
      </p>
      {key.revokedAt !== null || isExpired ? null : (
        <details>
          <summary>Revoke</summary>
          <form method="post" action={`/settings/keys/${encodeURIComponent(key.id)}/revoke`}>
            <p>Whatever uses this key is refused from its next call on. This cannot be undone.</p>
            <button type="submit" class="danger">
              Revoke {key.name ?? 'this key'}
            </button>
          </form>
        </details>
      )}
    </>
  )
}

export const MintForm: FC<{ now: EpochMs }> = ({ now }) => (
  <section class="card" aria-labelledby="mint">
    <h2 id="mint">A new key</h2>
    <form class="fields" method="post" action="/settings/keys">
      {/* However often this form is sent, one key comes of it. */}
      <input type="hidden" name="once" value={crypto.randomUUID()} />
      <label>
        Name
        <input name="name" maxlength={MAX_NAME_LENGTH} placeholder="CI" autocomplete="off" />
      </label>
      <label>
        What it may do
        <select name="scope">
          {Object.entries(SCOPE_NAMES).map(([scope, name]) => (
            <option value={scope}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        Last day
        <input type="date" name="until" min={new Date(now).toISOString().slice(0, 10)} />
        <span class="hint">Empty: it holds until you revoke it. Days end at midnight UTC.</span>
      </label>
      <p>
        <button type="submit">Make the key</button>
      </p>
    </form>
  </section>
)
