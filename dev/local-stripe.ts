/**
 * Stripe's double as a part of the local system. It runs in this process: all that it needs is a port and a file, so it
 * ends with us however suddenly and cannot be left behind, and what it has answered is in the file by then.
 */
import { join } from 'node:path'
import { WEBHOOK_EVENTS } from '../src/stripe/webhook.ts'
import { Books } from './stripe/books.ts'
import { BOOKS_FILE, serveDouble } from './stripe/serve.ts'

export interface LocalStripe {
  readonly url: string
  /** From now on the webhook is there: it is registered, and gets what waits for it. */
  deliver(): void
  stop(): Promise<void>
}

export interface LocalStripeOptions {
  /** 0 is any that is free. */
  readonly port: number
  readonly stateDir: string
  readonly webhookUrl: string
  readonly webhookSecret: string
}

/** The webhook of a system that ran on these books before, on whatever port. */
const LOCAL_WEBHOOK = /^http:\/\/127\.0\.0\.1:\d+\/v1\/stripe\/webhook$/

export async function startLocalStripe(options: LocalStripeOptions): Promise<LocalStripe> {
  const { port, stateDir, webhookUrl, webhookSecret } = options
  const file = join(stateDir, BOOKS_FILE)
  moveWebhook(file, webhookUrl, webhookSecret)
  let isThere = false
  const { double, url, stop } = await serveDouble({ port, file, mayDeliver: () => isThere })
  const deliver = () => {
    isThere = true
    double.control.listen(webhookUrl, webhookSecret, WEBHOOK_EVENTS)
  }
  return { url, deliver, stop }
}

/**
 * Before the double opens its books: what still waits for the webhook goes to where it is now, signed with what is the
 * newest secret now, and nothing any more to where it was, which may be another program's port today.
 */
function moveWebhook(file: string, url: string, secret: string): void {
  const books = new Books(file)
  try {
    books.transaction(() => {
      const webhooks = [...books.newestFirst('webhook_endpoint')].filter((each) => LOCAL_WEBHOOK.test(each.url))
      const [newest, ...older] = webhooks
      if (newest !== undefined) {
        books.put({ ...newest, url })
        books.putNote('secret', newest.id, { secret })
      }
      for (const { id } of older) {
        books.remove(id)
        books.removeNote('secret', id)
      }
    })
  } finally {
    books.close()
  }
}
