/** The control plane over HTTP, under `/_control`: out of the way of everything that Stripe has. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Control } from './control.ts'
import { Declined, invalid } from './refusal.ts'

const clock = z.strictObject({ advanceMs: z.int().nonnegative() })
const fault = z.strictObject({
  route: z.string(),
  times: z.int().positive().default(1),
  strikes: z.enum(['before', 'after']).default('before'),
  delayMs: z.int().nonnegative().default(0),
  answer: z.union([z.enum(['real', 'lost']), z.int().min(400).max(599)]).default('real'),
})
const dispute = z.strictObject({
  payment: z.string(),
  reason: z.string().optional(),
  inquiry: z.boolean().optional(),
  amount: z.int().optional(),
})
const disputeMove = z.strictObject({ status: z.string() })
const refundMove = z.strictObject({ status: z.enum(['succeeded', 'failed']) })
const payment = z.strictObject({ card: z.string() })
const settlement = z.strictObject({ paid: z.boolean() })
const authentication = z.strictObject({ passes: z.boolean() })
const card = z.strictObject({
  number: z.string().optional(),
  expMonth: z.int().min(1).max(12).optional(),
  expYear: z.int().optional(),
})
const endpoint = z.strictObject({ url: z.url(), secret: z.string(), events: z.array(z.string()).default(['*']) })
const mode = z.strictObject({ mode: z.enum(['at_once', 'when_told']) })
const delivery = z
  .strictObject({
    order: z.enum(['queued', 'reversed', 'shuffled']),
    seed: z.int(),
    times: z.int().positive().max(100),
  })
  .partial()

export function controlRoutes(control: Control): Hono {
  const app = new Hono()
  app.get('/clock', (c) => c.json({ nowMs: control.nowMs() }))
  app.post('/clock', async (c) => {
    await control.advance((await read(c, clock)).advanceMs)
    return c.json({ nowMs: control.nowMs() })
  })

  app.get('/faults', (c) => c.json(control.faults()))
  app.post('/faults', async (c) => c.json({ id: control.fault(await read(c, fault)) }))
  app.delete('/faults', (c) => {
    control.clearFaults()
    return c.json({})
  })

  app.post('/disputes', async (c) => {
    const { payment: disputed, ...options } = await read(c, dispute)
    return c.json(control.dispute(disputed, options))
  })
  app.post('/disputes/:id', async (c) =>
    c.json(control.moveDispute(c.req.param('id'), (await read(c, disputeMove)).status)),
  )
  app.post('/refunds/:id', async (c) =>
    c.json(control.moveRefund(c.req.param('id'), (await read(c, refundMove)).status)),
  )
  app.post('/checkout/:id', async (c) => answer(c, control.pay(c.req.param('id'), (await read(c, payment)).card)))
  app.post('/payments/:id/settle', async (c) =>
    c.json(control.settle(c.req.param('id'), (await read(c, settlement)).paid)),
  )
  app.post('/authentications/:id', async (c) =>
    answer(c, control.authenticate(c.req.param('id'), (await read(c, authentication)).passes)),
  )

  app.post('/cards/:id', async (c) => c.json(control.updateCard(c.req.param('id'), await read(c, card))))

  app.post('/webhooks/endpoint', async (c) => {
    const { url, secret, events } = await read(c, endpoint)
    return c.json(control.listen(url, secret, events))
  })
  app.post('/webhooks/mode', async (c) => {
    control.setDeliveries((await read(c, mode)).mode)
    return c.json({})
  })
  app.post('/webhooks/deliver', async (c) => c.json({ delivered: await control.deliver(await order(c)) }))
  app.post('/webhooks/collect', async (c) => c.json(await control.collect(await order(c))))
  app.post('/webhooks/drop', (c) => c.json({ dropped: control.drop() }))

  app.get('/books/months', (c) => c.json(control.chargedByMonth()))
  app.get('/books/payment_intents', (c) => c.json(control.chargedByIntent()))
  return app
}

async function read<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  // A page of another site can send a form here, but not JSON.
  if (!context.req.header('content-type')?.startsWith('application/json')) throw invalid('Send JSON.')
  const parsed = schema.safeParse(await context.req.json().catch(() => undefined))
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error))
  return parsed.data
}

async function order(context: Context) {
  const { order: by, seed, times } = await read(context, delivery)
  return {
    ...(by === undefined ? {} : { order: by }),
    ...(seed === undefined ? {} : { seed }),
    ...(times === undefined ? {} : { times }),
  }
}

function answer(context: Context, outcome: object) {
  return outcome instanceof Declined ? context.json({ error: outcome.error }, 402) : context.json(outcome)
}
