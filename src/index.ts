/** The Worker's entry: the HTTP API, the scheduled repair, and the object class that both route to. */
export { Account } from './account/object.ts'

import { repair } from './account/repair.ts'
import { app } from './http/app.ts'

export default {
  fetch: app.fetch,
  scheduled: (_controller, env) => repair(env),
} satisfies ExportedHandler<Env>
