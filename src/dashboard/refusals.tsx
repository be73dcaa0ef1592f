/** Pages for what cannot be shown. */
import type { Child } from 'hono/jsx'
import type { AccountRefusal } from '../account/requests.ts'
import { RATE_LIMITED, refusalProblem } from '../http/problems.ts'
import { Frame, type PageContext, show } from './page.tsx'

/** Somebody without a session, or whose session is over. */
export function notLoggedIn(context: PageContext): Promise<Response> {
  return showAlone(
    context,
    401,
    'Please come in again',
    <p>Your session is over, or this link was used before. Open the dashboard from Assay once more.</p>,
  )
}

export function notFound(context: PageContext): Promise<Response> {
  return showAlone(context, 404, 'There is no such page', BACK)
}

/** A form that another site sent, or something that no form sends. */
export function forbidden(context: PageContext): Promise<Response> {
  return showAlone(
    context,
    403,
    'That did not come from here',
    <>
      <p>Nothing was changed: only the dashboard's own pages may do this.</p>
      {BACK}
    </>,
  )
}

export function tooLarge(context: PageContext): Promise<Response> {
  return showAlone(context, 413, 'That is too long', BACK)
}

export async function tooManyRequests(context: PageContext): Promise<Response> {
  const response = await showAlone(context, 429, 'Too many tries', <p>Please wait a minute, then come in again.</p>)
  response.headers.set('Retry-After', String(RATE_LIMITED['retry_after_seconds']))
  return response
}

/** What the account refused, in the words of the API. */
export async function refusedPage(context: PageContext, refusal: AccountRefusal): Promise<Response> {
  switch (refusal.code) {
    case 'unauthorized':
    case 'unknown_account':
      return notLoggedIn(context)
    case 'not_found':
    case 'unknown_key':
      return notFound(context)
    case 'overloaded':
    case 'payment_provider_unavailable': {
      const text = <p>Please try again in a moment. Nothing is lost.</p>
      const response = await showAlone(context, 503, 'Not right now', [text, BACK])
      response.headers.set('Retry-After', String(refusal.retryAfterSeconds))
      return response
    }
    default: {
      const { detail } = refusalProblem(refusal, context.get('visitor').account)
      return showAlone(context, 422, 'That did not work', [<p>{detail}</p>, BACK])
    }
  }
}

const BACK = (
  <p>
    <a href="/dashboard">To the dashboard</a>
  </p>
)

function showAlone(
  context: PageContext,
  status: 401 | 403 | 404 | 413 | 422 | 429 | 503,
  title: string,
  text: Child,
): Promise<Response> {
  return show(
    context,
    <Frame title={title} section={null} account={null}>
      {text}
    </Frame>,
    status,
  )
}
