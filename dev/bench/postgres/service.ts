/** The service in front of it: Hono on Node, a key, a schema, a pool of connections. A process of its own. */
import { timingSafeEqual } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import pg from 'pg'
import * as z from 'zod'

/** What PostgreSQL itself recommends for so few cores, and some more for what waits for the disk. */
const CONNECTIONS = 16

const [socket = '', key = ''] = process.argv.slice(2)
const pool = new pg.Pool({ host: socket, user: 'bench', database: 'postgres', max: CONNECTIONS })
const expected = Buffer.from(`Bearer ${key}`)

const Body = z.strictObject({
  credits: z.number().positive().max(1_000_000_000),
  metadata: z.record(z.string().max(40), z.string().max(500)).default({}),
})

const app = new Hono()
app.put('/v1/accounts/:account/reservations/:id', async (context) => {
  const given = Buffer.from(context.req.header('Authorization') ?? '')
  if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) return context.json({}, 401)
  const body = Body.safeParse(await context.req.json())
  if (!body.success) return context.json({ errors: body.error.issues }, 400)
  const { account, id } = context.req.param()
  const { rows } = await pool.query<{ answer: { status: 200 | 201 | 402 | 404 } }>({
    name: 'reserve',
    text: 'SELECT reserve($1, $2, $3, $4) AS answer',
    values: [account, id, Math.round(body.data.credits * 1_000), body.data.metadata],
  })
  const answer = rows[0]?.answer ?? { status: 404 }
  return context.json(answer, answer.status)
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => process.send?.({ port }))
