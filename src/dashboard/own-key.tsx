/** The customer's own Anthropic key on the settings page: what it means, what is seen of it, and the forms that change it. */
import type { FC } from 'hono/jsx'
import * as z from 'zod'
import type { ByokView } from '../account/byok.ts'
import { ByokBody } from '../http/contract.ts'
import { time } from './format.ts'

export const OWN_KEY_PATH = '/settings/byok'

/** What the form sends. Whoever copies a key often copies a space with it. */
export const OwnKeyForm = z.object({ api_key: z.string().trim().pipe(ByokBody.shape.api_key) })

export const OwnKey: FC<{ byok: ByokView }> = ({ byok }) => (
  <section class="card own-key" id="own-key" aria-labelledby="own-key-title">
    <h2 id="own-key-title">
      Your own Anthropic key <span class="badge">BYOK</span>
    </h2>
    {byok.enabled ? <InUse byok={byok} /> : <None />}
  </section>
)

const None: FC = () => (
  <>
    <p>
      With a key of your own, reviews run on your Anthropic account and bypass credits entirely: they hold none and cost
      none, and Anthropic bills you for what they use. Your credits stay as they are.
    </p>
    <KeyField button="Use this key" />
  </>
)

const InUse: FC<{ byok: ByokView }> = ({ byok: { preview, since, usable } }) => (
  <>
    <p class="row">
      <code>{preview}</code>
      {usable ? <span class="badge good">in use</span> : <span class="badge bad">does not open</span>}
      {since === null ? null : <span class="soft">since {time(since)}</span>}
    </p>
    {usable ? (
      <p>
        Reviews run on this key and bypass your credits entirely. What each would have cost is in your{' '}
        <a href="/billing/history">history</a> and <a href="/usage">usage</a>.
      </p>
    ) : (
      <p class="note bad" role="alert">
        We cannot open this key any more, so no review can run on it. Please put it in once more, or remove it to use
        your credits.
      </p>
    )}
    <details open={!usable}>
      <summary>Replace</summary>
      <KeyField button="Replace the key" />
    </details>
    <details>
      <summary>Remove</summary>
      <form method="post" action={`${OWN_KEY_PATH}/remove`}>
        <p>
          We forget the key at once, and reviews that start from then on use your credits. A review that is running on
          it now costs no credits, but may not be able to finish.
        </p>
        <button type="submit" class="danger">
          Remove the key
        </button>
      </form>
    </details>
  </>
)

/** Without a value, ever: a key is sent here and never sent back. */
const KeyField: FC<{ button: string }> = ({ button }) => (
  <form class="fields" method="post" action={OWN_KEY_PATH}>
    <label>
      Anthropic API key
      <input
        type="password"
        name="api_key"
        required
        maxlength={300}
        placeholder="sk-ant-…"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
      />
      <span class="hint">
        Kept encrypted, and opened only when a review runs. Afterwards nobody sees more of it than its beginning and its
        last four characters.
      </span>
    </label>
    <p>
      <button type="submit">{button}</button>
    </p>
  </form>
)
