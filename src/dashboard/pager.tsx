/** The way through a list that is longer than a page: older ones, and back to the newest. */
import type { FC } from 'hono/jsx'

/** `of` names the list; `null` is a way that leads nowhere, and without any nothing is shown. */
export const Pager: FC<{ of: string; newest: string | null; older: string | null }> = ({ of, newest, older }) => {
  if (newest === null && older === null) return null
  return (
    <nav class="row pager" aria-label={`Pages of ${of}`}>
      {newest === null ? null : (
        <a class="button second" href={newest}>
          Newest
        </a>
      )}
      {older === null ? null : (
        <a class="button second" rel="next" href={older}>
          Older
        </a>
      )}
    </nav>
  )
}
