/**
 * The benchmark's Worker: the real app and object, and two objects to compare with, each behind copies of the app's own
 * routes. So a request passes the same steps whoever answers it, and what differs is the object.
 */
import { Account } from '../../../src/account/object.ts'
import { createApp } from '../../../src/http/app.ts'
import type { Call, Route } from '../../../src/http/route.ts'
import { routes } from '../../../src/http/routes.ts'
import { Naive } from './naive.ts'
import { Noop } from './noop.ts'

export { Account, Naive, Noop }

interface BenchEnv extends Env {
  readonly NOOP: DurableObjectNamespace<Noop>
  readonly NAIVE: DurableObjectNamespace<Naive>
}

/** What the comparison needs: funds, the reserve itself, and the balance that says whether it was right. */
const COMPARED = ['giveGrant', 'reserve', 'getBalance']

// biome-ignore lint/style/noDefaultExport: the runtime takes a Worker's handlers from its default export.
export default createApp([
  ...routes,
  ...copies('/noop', ({ NOOP }) => NOOP),
  ...copies('/naive', ({ NAIVE }) => NAIVE),
]) satisfies ExportedHandler<BenchEnv>

/** The compared routes under a prefix, answered by the objects of another namespace. */
function copies(prefix: string, namespaceOf: (env: BenchEnv) => DurableObjectNamespace<Noop | Naive>): Route[] {
  const redirect = (env: Env) => ({
    ...env,
    ACCOUNT: namespaceOf(env as BenchEnv) as unknown as Env['ACCOUNT'],
  })
  return routes
    .filter((route) => COMPARED.includes(route.operation))
    .map((route) => ({
      ...route,
      path: `${prefix}${route.path}`,
      handle: (call: Call<unknown, unknown>) => route.handle({ ...call, env: redirect(call.env) }),
    }))
}
