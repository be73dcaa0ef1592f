/** What `cloudflare:workers` gives the account's class in production, as far as the class uses it. */
export class DurableObject<E> {
  readonly ctx: DurableObjectState
  readonly env: E

  constructor(ctx: DurableObjectState, env: E) {
    this.ctx = ctx
    this.env = env
  }
}
