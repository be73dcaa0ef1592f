/** What every page has: who looks at it, the frame around it, and the headers that keep it to itself. */
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Child, FC } from 'hono/jsx'
import type { SessionCaller } from '../account/requests.ts'
import type { Configuration } from '../http/configuration.ts'

/** Who is logged in. */
export interface Visitor {
  readonly account: string
  readonly caller: SessionCaller
}

export type Pages = {
  Bindings: Env
  Variables: { requestId: string; configuration: Configuration; visitor: Visitor }
}
export type PageContext = Context<Pages>

/** The sections of the sidebar, in their order. */
export const SECTIONS = [
  { path: '/dashboard', name: 'Dashboard', under: null },
  { path: '/billing', name: 'Billing', under: null },
  { path: '/billing/buy', name: 'Buy Credits', under: '/billing' },
  { path: '/billing/auto-top-up', name: 'Auto Top-Up', under: '/billing' },
  { path: '/billing/history', name: 'History', under: '/billing' },
  { path: '/usage', name: 'Usage', under: null },
  { path: '/settings', name: 'Settings', under: null },
] as const
export type Section = (typeof SECTIONS)[number]['path']

interface FrameProps {
  readonly title: string
  /** The section that is shown as the current one; `null` on pages without a visitor. */
  readonly section: Section | null
  /** The account's name; `null` on pages without a visitor. */
  readonly account: string | null
  /** Scripts of this page, below `/static`; every page works without. */
  readonly scripts?: readonly string[]
  readonly children?: Child
}

export const Frame: FC<FrameProps> = ({ title, section, account, scripts = [], children }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>{title} · Assay Credits</title>
      <link rel="stylesheet" href="/static/app.css" />
      {scripts.map((script) => (
        <script src={`/static/${script}`} defer></script>
      ))}
    </head>
    <body class={account === null ? 'alone' : 'framed'}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      {account === null ? null : <Sidebar section={section} account={account} />}
      <main id="main" tabindex={-1}>
        <h1>{title}</h1>
        {children}
      </main>
    </body>
  </html>
)

const Sidebar: FC<{ section: Section | null; account: string }> = ({ section, account }) => (
  <header class="sidebar">
    <p class="brand">
      <a href="/dashboard">Assay Credits</a>
    </p>
    <p class="account">{account}</p>
    <nav aria-label="Sections">
      <ul>
        {SECTIONS.map(({ path, name, under }) => (
          <li class={under === null ? undefined : 'inner'}>
            <a href={path} aria-current={path === section ? 'page' : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
    <ul class="aside">
      <li>
        <a href="/pricing">Pricing</a>
      </li>
      <li>
        <form method="post" action="/logout">
          <button type="submit" class="plain">
            Log out
          </button>
        </form>
      </li>
    </ul>
  </header>
)

/** Answers with a page. What belongs to an account is never cached, and never shown inside of another page. */
export async function show(
  context: PageContext,
  page: Child,
  status: 200 | 401 | 403 | 404 | 413 | 422 | 429 | 503 = 200,
): Promise<Response> {
  const response = await context.html(html`<!DOCTYPE html>${page}`, status)
  response.headers.set('Cache-Control', 'no-store')
  return response
}

/**
 * A form may lead on to Stripe's pages and to the operator's, whose names are not ours to know; on a developer's machine
 * none of us has TLS. Nothing else comes from elsewhere.
 */
export function contentSecurityPolicy(context: PageContext): string {
  const onwards = new URL(context.req.url).protocol === 'http:' ? 'https: http:' : 'https:'
  return [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action 'self' ${onwards}`,
  ].join('; ')
}
