/**
 * Coming in and going out: a one-time link becomes a session in a cookie, each later request shows it, logging out ends
 * it. The Worker checks signatures, so a forged pass wakes no object; whether a pass still holds, only the object knows.
 */
import type { Hono, MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { askAccount } from '../account/client.ts'
import { newPass, type Pass, readPass } from '../http/passes.ts'
import { Frame, type PageContext, type Pages, show } from './page.tsx'
import { notLoggedIn, refusedPage } from './refusals.tsx'

/** `__Host-`: no other host, no other path, never without TLS (browsers make an exception for this machine). */
const COOKIE = '__Host-assay'
const COOKIE_OPTIONS = { path: '/', secure: true, httpOnly: true, sameSite: 'Lax' } as const

export function enteringPages(app: Hono<Pages>): void {
  app.get('/enter/:link', async (context) => {
    const { link, session } = await passesOf(context)
    if (link === null) return notLoggedIn(context)
    // Whoever only looks ahead (a chat's preview, a browser's prefetch) must not use up what the customer will click.
    if (isLookingAhead(context)) return context.body(null, 204)
    // Any page can lead a browser here. Who is at home in one account must not find themselves in another unasked, and
    // there buy credits for somebody else.
    return session !== null && session.account !== link.account
      ? askToSwitch(context, session.account, link.account)
      : enter(context, link, session)
  })

  app.post('/enter/:link', async (context) => {
    const { link, session } = await passesOf(context)
    return link === null ? notLoggedIn(context) : enter(context, link, session)
  })
}

/** Nobody without a session passes. */
export const withSession: MiddlewareHandler<Pages> = async (context, next) => {
  const session = await sessionOf(context)
  if (session === null) return notLoggedIn(context)
  const { account, id, hash } = session
  context.set('visitor', { account, caller: { kind: 'session', id, hash } })
  return next()
}

export function leavingPages(app: Hono<Pages>): void {
  app.post('/logout', async (context) => {
    const { account, caller } = context.get('visitor')
    const left = await askAccount(context.env, account, (object) => object.leave(caller))
    // Without a cookie it would look as if they were out, while a copy of it still let somebody in.
    if (!left.ok && left.refusal.code !== 'unauthorized') return refusedPage(context, left.refusal)
    deleteCookie(context, COOKIE, COOKIE_OPTIONS)
    return context.redirect((left.ok ? left.returnUrl : null) ?? '/pricing', 303)
  })
}

async function enter(context: PageContext, link: Pass, former: Pass | null): Promise<Response> {
  const { signingSecrets } = context.get('configuration')
  const session = await newPass('dashboard-session', link.account, signingSecrets, link.id)
  const entered = await askAccount(context.env, link.account, (object) =>
    object.enter(link.id, link.hash, session.hash),
  )
  if (!entered.ok) return refusedPage(context, entered.refusal)
  if (former !== null) await end(context, former)
  setCookie(context, COOKIE, session.pass, { ...COOKIE_OPTIONS, expires: new Date(entered.expiresAt) })
  // So that the link stands in no Referer and no history entry that is gone back to.
  return context.redirect('/dashboard', 303)
}

/** The session that this browser had: its cookie is replaced, so nobody could log it out any more. */
async function end(context: PageContext, { account, id, hash }: Pass): Promise<void> {
  await askAccount(context.env, account, (object) => object.leave({ kind: 'session', id, hash }))
}

function askToSwitch(context: PageContext, from: string, to: string): Promise<Response> {
  return show(
    context,
    <Frame title="Another account" section={null} account={null}>
      <p>
        You are logged in to <strong>{from}</strong>, and this link leads to <strong>{to}</strong>. If you did not
        expect that, stay where you are.
      </p>
      <div class="row">
        <a class="button" href="/dashboard">
          Stay in {from}
        </a>
        <form method="post">
          <button type="submit" class="second">
            Go on to {to}
          </button>
        </form>
      </div>
    </Frame>,
  )
}

async function passesOf(context: PageContext): Promise<{ link: Pass | null; session: Pass | null }> {
  const { signingSecrets } = context.get('configuration')
  const link = await readPass('dashboard-link', context.req.param('link') ?? '', signingSecrets)
  return { link, session: link === null ? null : await sessionOf(context) }
}

async function sessionOf(context: PageContext): Promise<Pass | null> {
  const pass = getCookie(context, COOKIE)
  return pass === undefined ? null : readPass('dashboard-session', pass, context.get('configuration').signingSecrets)
}

function isLookingAhead(context: PageContext): boolean {
  const purpose = context.req.header('Sec-Purpose') ?? context.req.header('Purpose') ?? ''
  return context.req.method === 'HEAD' || /prefetch/i.test(purpose)
}
