/** What others can try against a customer's browser: scripts in text, forms and connections from elsewhere, frames. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ask, newCustomer, stage } from './browser.ts'
import { people } from './seen.ts'
import { enter, historyIsComplete, review } from './visit.ts'

const { system } = stage()
const { page: newPage } = people()

/** Each tries another way out of the text that it stands in. */
const SCRIPTS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg onload=alert(1)>",
  '</title></textarea></style><script>alert(1)</script>',
  'javascript:alert(1)',
  '" onmouseover="alert(1)" autofocus onfocus="alert(1)',
  '{{constructor.constructor("alert(1)")()}}',
  '</script><script>alert(1)</script>',
]
const ALL = SCRIPTS.join(' ')
const PAGES = [
  '/dashboard',
  '/billing',
  '/billing/buy',
  '/billing/auto-top-up',
  '/billing/history',
  '/billing/reviews/rev_1',
  '/usage',
  '/settings',
]

let evil: Server
let evilUrl: string

beforeAll(async () => {
  // Another site: another port is another origin, and localhost another site than 127.0.0.1.
  evil = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
    response.setHeader('Content-Type', 'text/html')
    response.end(searchParams.get('page') ?? '')
  }).listen(0)
  await new Promise((resolve) => evil.once('listening', resolve))
  evilUrl = `http://localhost:${(evil.address() as AddressInfo).port}`
})

afterAll(() => {
  evil?.close()
})

function evilPage(html: string): string {
  return `${evilUrl}/?page=${encodeURIComponent(html)}`
}

async function visitor(account: string): Promise<Page> {
  await newCustomer(system(), account)
  const page = await newPage()
  await enter(system(), page, account)
  return page
}

test('text that runners, operators and customers set is text on every page', async () => {
  const path = '/v1/accounts/scripted'
  await ask(system(), 'PUT', path, { name: ALL.slice(0, 200), trial: null })
  await ask(system(), 'PUT', `${path}/grants/g1`, { kind: 'promotional', credits: 5_000, reason: ALL })
  const pairs = SCRIPTS.slice(0, 5).map((script, index) => [`${script}`.slice(0, 38) + index, script])
  const metadata = { repository: ALL, pull_request: ALL, ...Object.fromEntries(pairs) }
  await review(system(), 'scripted', 'rev_1', { credits: 10, metadata }, { credits: 5 })
  await review(system(), 'scripted', '~javascript:alert.1.@', { credits: 10, metadata }, null)
  await ask(system(), 'PUT', `${path}/reservations/rev_3`, { credits: 1, metadata }, system().runnerKey)
  await ask(system(), 'POST', `${path}/reservations/rev_3/release`, { reason: ALL }, system().runnerKey)
  await ask(system(), 'POST', `${path}/keys`, { scope: 'read', name: SCRIPTS[1] })
  await ask(system(), 'POST', `${path}/keys`, { scope: 'read', name: ALL.slice(0, 100) })
  await historyIsComplete(system(), 'scripted')
  const page = await newPage()
  const faults: string[] = []
  page.on('dialog', (dialog) => {
    faults.push(`a dialog on ${page.url()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(`${page.url()}: ${message.text()}`)
  })
  await enter(system(), page, 'scripted')
  const query = encodeURIComponent(ALL)
  const asked = [`/billing/history?review=${query}&kind=${query}&from=${query}`, `/settings?cursor=${query}`]
  for (const path of [...PAGES, ...asked]) {
    const response = await page.goto(system().url + path)
    expect([path, response?.status()]).toEqual([path, 200])
    const odd = await page.evaluate(`[...document.querySelectorAll('*')].filter((element) =>
      (element.tagName === 'SCRIPT' && !element.src.startsWith(location.origin + '/static/') && element.type !== 'application/json')
      || element.getAttributeNames().some((name) => name.startsWith('on'))
      || (element.getAttribute('href') ?? '').startsWith('javascript:')
      || element.getAttribute('src') === 'x').map((element) => element.outerHTML)`)
    expect([path, odd]).toEqual([path, []])
  }
  expect(faults).toEqual([])
})

test('a form on another site changes nothing, although its visitor is logged in', async () => {
  const page = await visitor('forged-form')
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']) {
    const form = `<form method="post" action="${system().url}/logout" enctype="${type}"><button>Win</button></form>`
    await page.goto(evilPage(form))
    const answer = page.waitForResponse('**/logout')
    await page.getByRole('button').click()
    expect([type, (await answer).status()]).toEqual([type, 403])
  }
  expect((await page.goto(`${system().url}/dashboard`))?.status()).toBe(200)
})

test('another site opens no live connection and reads no page, with the cookie or without', async () => {
  const page = await visitor('overheard')
  await page.goto(evilPage('<p>Hello</p>'))
  const live = `${system().url.replace('http', 'ws')}/dashboard/live`
  const heard = await page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket(${JSON.stringify(live)})
    socket.onmessage = () => resolve('heard')
    socket.onerror = () => resolve('refused')
  })`)
  expect(heard).toBe('refused')
  const read = await page.evaluate(`fetch(${JSON.stringify(`${system().url}/dashboard`)}, { credentials: 'include' })
    .then((response) => response.text()).catch(() => 'refused')`)
  expect(read).toBe('refused')
})

test('no page is shown inside of another', async () => {
  const page = await visitor('framed')
  for (const path of ['/dashboard', '/settings', '/pricing', '/enter/x']) {
    await page.goto(evilPage(`<iframe src="${system().url}${path}"></iframe>`))
    await page.waitForLoadState('networkidle')
    const [, frame] = page.frames()
    await expect(frame?.locator('h1').count()).resolves.toBe(0)
  }
})

test('the live balance ends with the session', async () => {
  const page = await visitor('watching')
  const cookies = await page.context().cookies()
  const told = page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/dashboard/live')
    socket.onmessage = () => { document.title = 'open' }
    socket.onclose = ({ code }) => resolve(code)
  })`)
  await vi.waitFor(async () => expect(await page.title()).toBe('open'))
  const other = await newPage()
  await other.context().addCookies(cookies)
  await other.goto(`${system().url}/settings`)
  await other.getByRole('button', { name: 'Log out' }).click()
  await other.waitForURL('**/pricing')
  expect(await told).toBe(4401)
})
