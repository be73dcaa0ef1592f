/** A browser, as far as the Worker can tell: it keeps the cookie, sends forms with an Origin, and follows nothing. */
import { exports } from 'cloudflare:workers'
import type { AccountApi } from './api.ts'

export const SITE = 'https://credits.test'
export const COOKIE = '__Host-assay'

export interface Asked {
  readonly method?: string
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string | null>>
}

export class Visitor {
  readonly #ip = crypto.randomUUID()
  cookie: string | null

  constructor(cookie: string | null = null) {
    this.cookie = cookie
  }

  async ask(path: string, { form, method = form === undefined ? 'GET' : 'POST', headers = {} }: Asked = {}) {
    const sent = new Headers({ 'CF-Connecting-IP': this.#ip })
    if (this.cookie !== null) sent.set('Cookie', `${COOKIE}=${this.cookie}`)
    if (form !== undefined) {
      sent.set('Origin', SITE)
      sent.set('Content-Type', 'application/x-www-form-urlencoded')
    }
    for (const [name, value] of Object.entries(headers)) {
      if (value === null) sent.delete(name)
      else sent.set(name, value)
    }
    const body = form === undefined ? {} : { body: new URLSearchParams(form).toString() }
    const request = new Request(SITE + path, { method, headers: sent, redirect: 'manual', ...body })
    const response = await exports.default.fetch(request)
    const set = response.headers.get('Set-Cookie')
    const [, value] = /^__Host-assay=([^;]*)/.exec(set ?? '') ?? []
    if (value !== undefined) this.cookie = value === '' ? null : value
    const { status } = response
    const text = response.webSocket ? '' : await response.text()
    return { status, text, headers: response.headers, location: response.headers.get('Location'), response }
  }

  async status(path: string, asked?: Asked): Promise<number> {
    return (await this.ask(path, asked)).status
  }
}

/** The path of a new one-time link. */
export async function linkInto(account: AccountApi, body: object = {}): Promise<string> {
  const { url } = (await account.post('/dashboard-sessions', body)).body
  return new URL(url).pathname
}

/** Somebody who has just come in. */
export async function visitorOf(account: AccountApi, body: object = {}): Promise<Visitor> {
  const visitor = new Visitor()
  await visitor.ask(await linkInto(account, body))
  return visitor
}
