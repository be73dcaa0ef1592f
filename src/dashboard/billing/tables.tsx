/** The tables of billing: grants and purchases, each paged by key, the newest first. */
import type { Child, FC } from 'hono/jsx'
import type { Grant } from '../../ledger/grants.ts'
import type { Purchase } from '../../ledger/purchase.ts'
import { change, credits, day, dollars } from '../format.ts'
import { Pager } from '../pager.tsx'
import { Heading, Scrolling } from '../table.tsx'
import { endOf, GRANT_KINDS, packName, stateOf } from './words.ts'

/** Where each of the two lists begins: before this number, or with the newest. */
interface Positions {
  readonly grants: number | null
  readonly purchases: number | null
}

/** `grants` and `purchases` are read with one more than `rows`, so that the last page is known without counting. */
export const GrantTable: FC<{ grants: readonly Grant[]; rows: number; at: Positions; asOf: number }> = (props) => {
  const { grants, rows, at, asOf } = props
  if (grants.length === 0) return <Nothing isFurther={at.grants !== null}>You have not had any credits yet.</Nothing>
  const shown = grants.slice(0, rows)
  return (
    <>
      <Scrolling name="Grants">
        <table class="stack">
          <thead>
            <tr>
              <Heading name="Kind" />
              <Heading name="Left" number />
              <Heading name="Held" number />
              <Heading name="Given" number />
              <Heading name="Expires" />
              <Heading name="When" />
            </tr>
          </thead>
          <tbody>
            {shown.map((grant) => (
              <GrantRow grant={grant} asOf={asOf} />
            ))}
          </tbody>
        </table>
      </Scrolling>
      <Pager {...pagesOf('grants', at, grants.length > rows ? (shown.at(-1)?.ordinal ?? null) : null)} />
    </>
  )
}

const GrantRow: FC<{ grant: Grant; asOf: number }> = ({ grant, asOf }) => {
  const { kind, free, held, credits: given, expiresAt, reason, createdAt } = grant
  const end = endOf(grant, asOf)
  return (
    <tr>
      <td>
        {GRANT_KINDS[kind]} {end === null ? null : <span class="badge quiet">{end}</span>}
        {reason === null ? null : <div class="hint reason">{reason}</div>}
      </td>
      <td data-name="Left" class="number">
        {credits(free)}
      </td>
      <td data-name="Held" class="number">
        {credits(held)}
      </td>
      <td data-name="Given" class="number">
        {given < 0 ? change(given) : credits(given)}
      </td>
      <td data-name="Expires" class="date">
        {expiresAt === null ? 'Never' : day(expiresAt)}
      </td>
      <td data-name="When" class="date">
        {day(createdAt)}
      </td>
    </tr>
  )
}

export const PurchaseTable: FC<{ purchases: readonly Purchase[]; rows: number; at: Positions }> = (props) => {
  const { purchases, rows, at } = props
  if (purchases.length === 0) {
    return (
      <Nothing isFurther={at.purchases !== null}>
        You have not bought anything yet. <a href="/billing/buy">Choose a pack</a>
      </Nothing>
    )
  }
  const shown = purchases.slice(0, rows)
  return (
    <>
      <Scrolling name="Purchases">
        <table class="stack">
          <thead>
            <tr>
              <Heading name="Pack" />
              <Heading name="State" />
              <Heading name="Credits" number />
              <Heading name="Price" number />
              <Heading name="Refunded" number />
              <Heading name="When" />
              <Heading name="Receipt" />
            </tr>
          </thead>
          <tbody>
            {shown.map((purchase) => (
              <PurchaseRow purchase={purchase} />
            ))}
          </tbody>
        </table>
      </Scrolling>
      <Pager {...pagesOf('purchases', at, purchases.length > rows ? (shown.at(-1)?.number ?? null) : null)} />
    </>
  )
}

const PurchaseRow: FC<{ purchase: Purchase }> = ({ purchase }) => (
  <tr>
    <td>
      <a href={`/billing/purchases/${purchase.id}`}>{packName(purchase.pack)}</a>
      {purchase.kind === 'auto_top_up' ? <div class="hint">Auto top-up</div> : null}
    </td>
    <td data-name="State">
      <StateBadge purchase={purchase} />
    </td>
    <td data-name="Credits" class="number">
      {credits(purchase.credits)}
    </td>
    <td data-name="Price" class="number">
      {dollars(purchase.priceCents)}
    </td>
    <td data-name="Refunded" class="number">
      {purchase.refundedCents === 0 ? '–' : dollars(purchase.refundedCents)}
    </td>
    <td data-name="When" class="date">
      {day(purchase.createdAt)}
    </td>
    <td data-name="Receipt">{purchase.receiptUrl === null ? '–' : <a href={purchase.receiptUrl}>Receipt</a>}</td>
  </tr>
)

export const StateBadge: FC<{ purchase: Purchase }> = ({ purchase }) => {
  const { word, tone } = stateOf(purchase)
  return <span class={`badge ${tone}`}>{word}</span>
}

const Nothing: FC<{ isFurther: boolean; children?: Child }> = ({ isFurther, children }) => (
  <p class="empty">{isFurther ? 'There is nothing older.' : children}</p>
)

/** The other list stays where it is. */
function pagesOf(of: keyof Positions, at: Positions, next: number | null) {
  return {
    of,
    newest: at[of] === null ? null : hrefOf({ ...at, [of]: null }, of),
    older: next === null ? null : hrefOf({ ...at, [of]: next }, of),
  }
}

function hrefOf(at: Positions, section: keyof Positions): string {
  const named = Object.entries(at).flatMap(([name, before]) => (before === null ? [] : [`${name}=${before}`]))
  return `/billing${named.length === 0 ? '' : `?${named.join('&')}`}#${section}`
}
