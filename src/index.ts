/** The Worker's entry: the HTTP API, the dashboard, the scheduled repair, and the object class behind them. */
export { Account } from './account/object.ts'

import { repair } from './account/repair.ts'
import { dashboard, isPage } from './dashboard/app.tsx'
import { app } from './http/app.ts'

export default {
  fetch: (request, env, context) =>
    (isPage(new URL(request.url).pathname) ? dashboard : app).fetch(request, env, context),
  scheduled: (_controller, env) => repair(env),
} satisfies ExportedHandler<Env>
