/** What the tables of all pages have in common. */
import type { Child, FC } from 'hono/jsx'

/** The head of a column; numbers stand at the right. */
export const Heading: FC<{ name: string; number?: boolean }> = ({ name, number = false }) => (
  <th scope="col" class={number ? 'number' : undefined}>
    {name}
  </th>
)

/** Where it is too wide it scrolls, also for those who have only a keyboard. */
export const Scrolling: FC<{ name: string; children?: Child }> = ({ name, children }) => (
  <section class="table spaced" tabindex={0} aria-label={`${name}, in a table`}>
    {children}
  </section>
)
