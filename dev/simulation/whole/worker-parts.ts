/**
 * The Worker's own modules, imported once the thread is ready for them: the object's class, the HTTP app and the
 * scheduled repair. Node's types and the Worker's do not mix, so here stands as much of theirs as is used.
 */
import '../runtime.ts'

/** What crosses RPC and what the runtime calls. */
export type ObjectMethod = (...args: unknown[]) => Promise<unknown>
export interface AccountObject {
  alarm(): Promise<void>
}

interface AccountClass {
  new (ctx: DurableObjectState, env: object): AccountObject
}
interface App {
  fetch(request: Request, env: object): Promise<Response>
}

async function load(path: string): Promise<Record<string, unknown>> {
  return (await import(new URL(`../../../src/${path}`, import.meta.url).href)) as Record<string, unknown>
}

export const Account = (await load('account/object.ts'))['Account'] as AccountClass
export const app = (await load('http/app.ts'))['app'] as App
export const repair = (await load('account/repair.ts'))['repair'] as (env: object) => Promise<void>
export const PROBLEMS = (await load('http/problems.ts'))['PROBLEMS'] as Readonly<
  Record<string, { readonly status: number }>
>
