/**
 * The operator's hand: purchases come with Stripe, so until then an account that has run out is granted the pack that
 * it would buy.
 */
import type { Api, Pack, Refused } from './api.ts'

export class Purse {
  readonly #api: Api
  readonly #path: string
  #count = 0
  #granting: Promise<void> | null = null
  granted = 0
  timesEmpty = 0

  constructor(api: Api, path: string) {
    this.#api = api
    this.#path = path
  }

  async grant(credits: number, reason: string): Promise<void> {
    this.#count += 1
    const body = { kind: 'promotional', credits, reason: `Demo: ${reason}` }
    await this.#api.asOperator('PUT', `${this.#path}/grants/demo-${this.#count}`, body)
    this.granted += credits
  }

  /** Runners find the account empty together; one grant is meant for all of them. */
  refill({ shortfall, suggested_pack: pack }: Refused): Promise<void> {
    this.#granting ??= this.#refillOnce(pack, shortfall).finally(() => {
      this.#granting = null
    })
    return this.#granting
  }

  async #refillOnce(pack: Pack | null, shortfall: number): Promise<void> {
    this.timesEmpty += 1
    await this.grant(pack?.credits ?? Math.ceil(shortfall), `the pack ${pack?.name ?? 'that was missing'}`)
  }
}
