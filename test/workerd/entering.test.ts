/** Who gets into the dashboard, for how long, and what no other site can do with their cookie. */
import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Account } from '../../src/account/object.ts'
import { dashboard, isPage } from '../../src/dashboard/app.tsx'
import { newPass, type PassKind } from '../../src/http/passes.ts'
import { type AccountApi, newAccount } from './api.ts'
import { stored } from './attacks/stored.ts'
import { COOKIE, linkInto, SITE, Visitor, visitorOf } from './visitor.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const SECRETS = env.SIGNING_SECRETS.split(',')

/** Every page and form there is, from the app itself, so that a new one cannot be forgotten. */
const routes = dashboard.routes.filter(({ method }) => method !== 'ALL')
const pages = [...new Set(routes.filter(({ method }) => method === 'GET').map(({ path }) => path))]
const forms = [...new Set(routes.filter(({ method }) => method !== 'GET').map(({ path }) => path))]
const PUBLIC = ['/pricing', '/enter/:link']
/** Not opened like a page; what it asks of a visitor has tests of its own. */
const LIVE = '/dashboard/live'
/** Leads to the dashboard, and shows nothing itself. */
const ROOT = '/'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A path of the route that names things of no account. */
function pathOf(route: string): string {
  return route.replace(/:(\w+)(\{[^}]*\})?/g, 'some-id')
}

function at(now: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now })
}

test('there are pages and forms to test', () => {
  expect(pages).toEqual(expect.arrayContaining(['/dashboard', '/billing/history', '/settings', '/pricing', LIVE]))
  expect(forms).toEqual(expect.arrayContaining(['/logout', '/settings/keys', '/settings/keys/:id/revoke']))
  expect(routes.every(({ path }) => isPage(pathOf(path)))).toBe(true)
})

test('a link lets its customer in once, with a cookie that scripts, other sites and plain HTTP never see', async () => {
  const account = await newAccount(10)
  const path = await linkInto(account)
  const visitor = new Visitor()
  const entered = await visitor.ask(path)
  expect([entered.status, entered.location]).toEqual([303, '/dashboard'])
  const flags = (entered.headers.get('Set-Cookie') ?? '').split('; ').slice(1)
  const kept = flags.filter((flag) => !flag.startsWith('Expires=')).sort()
  expect(kept).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
  expect(await visitor.status('/dashboard')).toBe(200)
  const again = await new Visitor().ask(path)
  expect([again.status, again.headers.get('Set-Cookie')]).toEqual([401, null])
  expect(await visitor.status('/dashboard'), 'a link that is tried again ends nothing').toBe(200)
})

test('200 browsers that follow one link at once are one visitor', async () => {
  const path = await linkInto(await newAccount())
  const all = await Promise.all(Array.from({ length: 200 }, () => new Visitor().ask(path)))
  expect(all.filter(({ status }) => status === 303)).toHaveLength(1)
})

test('a link is good up to the fifth minute, a session up to the twelfth hour, and not an instant longer', async () => {
  const account = await newAccount(10)
  const start = Date.now() + MINUTE_MS
  at(start)
  const [first, second] = [await linkInto(account), await linkInto(account)]
  at(start + 5 * MINUTE_MS)
  expect(await new Visitor().status(second)).toBe(401)
  const entered = start + 5 * MINUTE_MS - 1
  at(entered)
  const visitor = new Visitor()
  expect(await visitor.status(first)).toBe(303)
  at(entered + 12 * HOUR_MS - 1)
  expect(await visitor.status('/dashboard')).toBe(200)
  at(entered + 12 * HOUR_MS)
  expect(await visitor.status('/dashboard')).toBe(401)
})

test('whoever only looks ahead, a preview or a prefetch, does not use up the link', async () => {
  const path = await linkInto(await newAccount())
  expect(await new Visitor().status(path, { method: 'HEAD' })).toBe(204)
  expect(await new Visitor().status(path, { headers: { 'Sec-Purpose': 'prefetch;prerender' } })).toBe(204)
  expect(await new Visitor().status(path)).toBe(303)
})

test('a pass that is forged, changed, or made for another thing opens nothing and wakes no object', async () => {
  const account = await newAccount(10)
  const unseen = `never-seen-${crypto.randomUUID().slice(0, 8)}`
  const cookie = (await visitorOf(account)).cookie ?? ''
  const link = (await linkInto(account)).slice('/enter/'.length)
  const make = async (kind: PassKind, secrets: readonly string[]) => (await newPass(kind, unseen, secrets)).pass
  const swapped = (pass: string) => [btoa(unseen).replaceAll('=', ''), ...pass.split('.').slice(1)].join('.')
  const flipped = (pass: string) => pass.slice(0, -2) + (pass.at(-2) === 'A' ? 'B' : 'A') + pass.slice(-1)
  const unsigned = [link, cookie].map((pass) => pass.slice(0, pass.lastIndexOf('.') + 1) + 'A'.repeat(43))
  const unknown = ['a-secret-that-nobody-configured-0123456789']
  const before = (await listDurableObjectIds(env.ACCOUNT)).map(String).sort()
  const links = [swapped(link), await make('dashboard-link', unknown), await make('dashboard-session', SECRETS)]
  for (const pass of [...links, flipped(link), cookie, ...unsigned, '', 'x', '%00', `${link}/`, `${link}.`])
    expect([pass, await new Visitor().status(`/enter/${pass}`)]).toEqual([pass, 401])
  const cookies = [swapped(cookie), await make('dashboard-session', unknown), await make('dashboard-link', SECRETS)]
  for (const pass of [...cookies, flipped(cookie), link, ...unsigned, 'x'])
    expect([pass, await new Visitor(pass).status('/dashboard')]).toEqual([pass, 401])
  expect((await listDurableObjectIds(env.ACCOUNT)).map(String).sort()).toEqual(before)
})

test('a well-signed pass that the account never gave out is refused and changes nothing', async () => {
  const account = await newAccount(10)
  const before = await stored(account.id)
  const session = await newPass('dashboard-session', account.id, SECRETS)
  const link = await newPass('dashboard-link', account.id, SECRETS)
  expect(await new Visitor(session.pass).status('/dashboard')).toBe(401)
  expect(await new Visitor().status(`/enter/${link.pass}`)).toBe(401)
  expect(await stored(account.id)).toBe(before)
  const nobody = await newPass('dashboard-session', 'nobody-at-all', SECRETS)
  expect(await new Visitor(nobody.pass).status('/dashboard')).toBe(401)
})

test('a cookie that was planted before entering is replaced, and the session that it was ends', async () => {
  const account = await newAccount(10)
  const planted = (await visitorOf(account)).cookie
  const visitor = new Visitor(planted)
  expect(await visitor.status(await linkInto(account))).toBe(303)
  expect(visitor.cookie).not.toBe(planted)
  expect(await new Visitor(planted).status('/dashboard')).toBe(401)
  expect(await visitor.status('/dashboard')).toBe(200)
  const other = new Visitor('planted')
  expect(await other.status(await linkInto(account))).toBe(303)
  expect(await other.status('/dashboard')).toBe(200)
})

test('a link to another account asks whoever is logged in before it takes them there', async () => {
  const [mine, theirs] = [await newAccount(10), await newAccount(10)]
  const visitor = await visitorOf(mine)
  const link = await linkInto(theirs)
  const asked = await visitor.ask(link)
  expect([asked.status, asked.headers.get('Set-Cookie')]).toEqual([200, null])
  expect(asked.text).toContain(`Stay in ${mine.id}`)
  expect((await visitor.ask('/settings')).text).toContain(mine.id)
  expect(await visitor.status(link, { form: {}, headers: { Origin: 'https://evil.test' } })).toBe(403)
  const former = visitor.cookie
  expect(await visitor.status(link, { form: {} })).toBe(303)
  expect((await visitor.ask('/settings')).text).toContain(theirs.id)
  expect(await new Visitor(former).status('/dashboard')).toBe(401)
})

test('an answer that was lost on its way to the Worker costs nobody their link', async () => {
  const account = await newAccount()
  const request = { id: 'ses_1', hash: 'a hash', returnUrl: null }
  const inObject = <T>(act: (object: Account) => Promise<T>) => runInDurableObject(account.stub(), act)
  const minted = await inObject((object) => object.mintLink({ kind: 'service' }, request))
  expect(await inObject((object) => object.mintLink({ kind: 'service' }, request))).toEqual(minted)
  const entered = await inObject((object) => object.enter('ses_1', 'a hash', 'of the session'))
  expect(entered).toMatchObject({ ok: true })
  expect(await inObject((object) => object.enter('ses_1', 'a hash', 'of the session'))).toEqual(entered)
  expect(await inObject((object) => object.enter('ses_1', 'a hash', 'of another'))).toMatchObject({ ok: false })
})

test('logging out ends the session, and a copy of its cookie is worth nothing on any page', async () => {
  const account = await newAccount(10)
  const visitor = await visitorOf(account)
  const copy = visitor.cookie
  const bystander = await visitorOf(account)
  const left = await visitor.ask('/logout', { form: {} })
  expect([left.status, left.location, visitor.cookie]).toEqual([303, '/pricing', null])
  for (const page of pages.filter((path) => ![...PUBLIC, LIVE, ROOT].includes(path)))
    expect([page, await new Visitor(copy).status(pathOf(page))]).toEqual([page, 401])
  const upgrade = { Upgrade: 'websocket', Origin: SITE }
  expect(await new Visitor(copy).status(LIVE, { headers: upgrade })).toBe(401)
  for (const form of forms.filter((path) => ![...PUBLIC, '/logout'].includes(path)))
    expect([form, await new Visitor(copy).status(pathOf(form), { form: {} })]).toEqual([form, 401])
  expect(await bystander.status('/dashboard')).toBe(200)
})

describe.each(pages)('the page %s', (page) => {
  test('needs a session, is kept by nobody and shown in no frame', async () => {
    const account = await newAccount(10)
    if (!PUBLIC.includes(page)) expect(await new Visitor().status(pathOf(page))).toBe(401)
    const visitor = await visitorOf(account)
    for (const { headers, status } of [await visitor.ask(pathOf(page)), await new Visitor().ask(pathOf(page))]) {
      expect([200, 302, 303, 401, 404]).toContain(status)
      expect(headers.get('Cache-Control')).toBe(page === '/pricing' ? 'public, max-age=300' : 'no-store')
      expect(headers.get('Content-Security-Policy')).toMatch(/default-src 'none';.*frame-ancestors 'none'/)
      expect(headers.get('Content-Security-Policy')).not.toContain('unsafe')
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Referrer-Policy')).toBe('same-origin')
      expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin')
      expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
      expect(headers.get('Request-Id')).toMatch(/^req_/)
    }
  })

  test('shows one account nothing of another', async () => {
    const [mine, theirs] = [await newAccount(10), await newAccount(10, { name: 'Somebody Else' })]
    await theirs.reserve('some-id', { credits: 3, metadata: { repository: 'their/secret' } })
    const { text, status } = await (await visitorOf(mine)).ask(`${pathOf(page)}?account=${theirs.id}`)
    const own = text.replaceAll(`account=${theirs.id}`, '')
    expect(own).not.toMatch(new RegExp(`Somebody Else|their/secret|${theirs.id}`))
    if (page === '/billing/reviews/:id') expect(status).toBe(404)
  })
})

describe.each(forms)('the form %s', (form) => {
  const path = pathOf(form)

  test('is refused from another site, and changes nothing', async () => {
    const account = await newAccount(1_000)
    const visitor = await visitorOf(account)
    const before = await stored(account.id)
    const json = { 'Content-Type': 'application/json' }
    const attacks: Readonly<Record<string, string | null>>[] = [
      { Origin: 'https://evil.test' },
      { Origin: 'null' },
      { Origin: null },
      { Origin: SITE.replace('https', 'http') },
      { Origin: `${SITE}.evil.test` },
      { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site' },
      { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'same-site' },
      { Origin: null, 'Sec-Fetch-Site': 'none' },
      { Origin: 'https://evil.test', 'Content-Type': 'text/plain' },
      { Origin: 'https://evil.test', 'Content-Type': 'multipart/form-data; boundary=x' },
      { Origin: 'https://evil.test', 'Content-Type': 'MULTIPART/FORM-DATA; boundary=x' },
      { Origin: 'https://evil.test', 'Content-Type': null },
      { Origin: 'https://evil.test', ...json },
      { Origin: SITE, ...json },
    ]
    for (const headers of attacks) {
      const { status, text } = await visitor.ask(path, { form: { once: crypto.randomUUID() }, headers })
      expect([headers, status]).toEqual([headers, 403])
      expect(text).toContain('That did not come from here')
    }
    expect(await stored(account.id)).toBe(before)
  })

  test('is a form: nothing happens when its path is merely opened, and no longer body is read', async () => {
    const visitor = await visitorOf(await newAccount(1_000))
    if (!pages.includes(form)) expect(await visitor.status(path)).toBe(404)
    for (const method of ['PUT', 'DELETE', 'PATCH'])
      expect([403, 404]).toContain(await visitor.status(path, { method, headers: { Origin: SITE } }))
    expect(await visitor.status(path, { form: { name: 'x'.repeat(17_000) } })).toBe(413)
  })
})

test('what is no page is a page that says so, by whatever method it is asked for', async () => {
  const visitor = await visitorOf(await newAccount())
  const odd = [
    '/dashboard/nope',
    '/billing/reviews/a/b',
    '/billing/reviews/..%2f',
    '/settings/',
    '/usage/%00',
    '/logout',
  ]
  for (const path of odd) {
    const { status, text } = await visitor.ask(path)
    expect([path, status]).toEqual([path, 404])
    expect(text).toContain('<h1>There is no such page</h1>')
  }
  const head = await visitor.ask('/settings', { method: 'HEAD' })
  expect([head.status, head.text, head.headers.get('Cache-Control')]).toEqual([200, '', 'no-store'])
  expect(await visitor.status('/settings', { method: 'OPTIONS' })).toBe(404)
})

describe('the live connection', () => {
  const upgrade = { Upgrade: 'websocket' }

  async function open(visitor: Visitor) {
    const { response } = await visitor.ask(LIVE, { headers: { ...upgrade, Origin: SITE } })
    const told: string[] = []
    response.webSocket?.addEventListener('message', ({ data }) => void told.push(String(data)))
    const closed = new Promise<number>((resolve) => {
      response.webSocket?.addEventListener('close', ({ code }) => void resolve(code))
    })
    response.webSocket?.accept()
    return { socket: response.webSocket, told, closed }
  }

  test('opens for the own page alone: not without a session, not from another site, not without an Origin', async () => {
    const visitor = await visitorOf(await newAccount(10))
    const status = (origin: string | null, who = visitor) =>
      who.status(LIVE, { headers: { ...upgrade, Origin: origin } })
    for (const origin of ['https://evil.test', 'null', null, `${SITE}.evil.test`, SITE.replace('https', 'http')])
      expect([origin, await status(origin)]).toEqual([origin, 404])
    expect(await status(SITE, new Visitor())).toBe(401)
    expect(await visitor.status(LIVE, { headers: { Origin: SITE } })).toBe(404)
    expect(await status(SITE)).toBe(101)
  })

  test('ends when its session is logged out, and no other does', async () => {
    const account = await newAccount(10)
    const [visitor, bystander] = [await visitorOf(account), await visitorOf(account)]
    const [ending, staying] = [await open(visitor), await open(bystander)]
    await visitor.ask('/logout', { form: {} })
    expect(await ending.closed).toBe(4401)
    const left = await runInDurableObject(
      account.stub(),
      (_: Account, ctx) => ctx.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN).length,
    )
    expect(left).toBe(1)
    staying.socket?.close()
  })

  test('is told nothing once its session is over by time', async () => {
    const account = await newAccount(10)
    const live = await open(await visitorOf(account))
    at(Date.now() + 13 * HOUR_MS)
    await account.grant('later', 5)
    expect(await live.closed).toBe(4401)
    expect(live.told.map((text) => JSON.parse(text).available)).toEqual([10])
  })
})

describe('logging out', () => {
  const mint = (account: AccountApi, url: string) => account.post('/dashboard-sessions', { return_url: url })

  test('leads where the operator said and nowhere else', async () => {
    const account = await newAccount()
    const visitor = await visitorOf(account, { return_url: 'https://assay.test/app?tab=billing' })
    const evil = 'https://evil.test'
    const left = await visitor.ask(`/logout?return_url=${evil}`, { form: { return_url: evil } })
    expect(left.location).toBe('https://assay.test/app?tab=billing')
    const wrong = ['javascript:alert(1)', 'data:text/html,x', 'ftp://assay.test/', '//evil.test', '/x']
    for (const url of [...wrong, 'http://assay.test/'])
      expect([url, (await mint(account, url)).status]).toEqual([url, 400])
  })

  test('leads there whatever alphabet it is written in', async () => {
    for (const url of ['https://例え.テスト/帰る', 'https://assay.test/a\nSet-Cookie: a=b', 'https://assay.test/ü']) {
      const left = await (await visitorOf(await newAccount(), { return_url: url })).ask('/logout', { form: {} })
      expect([left.status, left.location]).toEqual([303, new URL(url).href])
      expect(left.headers.get('Set-Cookie')).toMatch(new RegExp(`^${COOKIE}=;`))
    }
  })
})

test('no pass and no key is in any line of the log, whatever fails', async () => {
  const lines: string[] = []
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, level).mockImplementation((...words) => void lines.push(JSON.stringify(words)))
  const account = await newAccount(10)
  const link = await linkInto(account)
  const visitor = new Visitor()
  await visitor.ask(link)
  await visitor.ask(link)
  const visited = await visitorOf(account)
  const secrets = [link.slice('/enter/'.length), visited.cookie ?? '']
  const form = { name: 'ci', scope: 'read', until: '', once: crypto.randomUUID() }
  const { text } = await visited.ask('/settings/keys', { form })
  secrets.push(/assay_read_[\w.-]+/.exec(text)?.[0] ?? 'none')
  vi.spyOn(env.HISTORY, 'prepare').mockImplementation(() => {
    throw new Error('D1 is gone')
  })
  const failed = await visited.ask('/billing/history')
  expect([failed.status, failed.headers.get('Retry-After')]).toEqual([503, '1'])
  expect(failed.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
  expect(failed.text).not.toMatch(/D1|Error|at /)
  expect(lines.join('\n')).toContain('page failed')
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(50)
    expect(lines.join('\n')).not.toContain(secret)
    expect(lines.join('\n')).not.toContain(secret.split('.').at(-1))
  }
})

test('whoever keeps trying passes is told to wait; whoever is logged in never is', async () => {
  const visitor = new Visitor()
  const statuses = new Set<number>()
  for (let count = 0; count < 130; count += 1) statuses.add(await visitor.status('/enter/x'))
  expect([...statuses]).toEqual([401, 429])
  await visitor.ask(await linkInto(await newAccount()))
  expect(await visitor.status('/dashboard')).toBe(200)
})
