/**
 * The benchmark's Worker: the real app and object, and two objects to compare with, each behind copies of the app's own
 * routes. So a request passes the same steps whoever answers it, and what differs is the object.
 */
import { createApp } from '../../../src/http/app.ts'
import type { Call, Route } from '../../../src/http/route.ts'
import { routes } from '../../../src/http/routes.ts'
import { BenchAccount, type Past } from './account.ts'
import { Naive } from './naive.ts'
import { Noop } from './noop.ts'

export { BenchAccount as Account, Naive, Noop }

interface BenchEnv extends Env {
  readonly NOOP: DurableObjectNamespace<Noop>
  readonly NAIVE: DurableObjectNamespace<Naive>
}

/** What the comparison needs: funds, the reserve itself, and the balance that says whether it was right. */
const COMPARED = ['giveGrant', 'reserve', 'getBalance']

const app = createApp([...routes, ...copies('/noop', ({ NOOP }) => NOOP), ...copies('/naive', ({ NAIVE }) => NAIVE)])

// What no client may do: an account's past, and its eviction.
app.post('/bench/:account/past', async ({ req, env }) => {
  await stub(env, req.param('account')).give((await req.json()) as Past)
  return Response.json({})
})
app.post('/bench/:account/evict', async ({ req, env }) => {
  // The object is gone before it can answer.
  await stub(env, req.param('account'))
    .evict()
    .catch(() => {})
  return Response.json({})
})

function stub(env: Env, account: string): DurableObjectStub<BenchAccount> {
  return (env.ACCOUNT as unknown as DurableObjectNamespace<BenchAccount>).getByName(account)
}

// biome-ignore lint/style/noDefaultExport: the runtime takes a Worker's handlers from its default export.
export default app satisfies ExportedHandler<BenchEnv>

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
