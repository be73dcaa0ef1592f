/** The Worker's entry: the HTTP API and the object class that it routes to. */
export { Account } from './account/object.ts'

import { app } from './http/app.ts'

export default app satisfies ExportedHandler<Env>
