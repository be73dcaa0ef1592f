/**
 * Stripe's SDK as it is, but a client is kept for each address: each life of an object has its own, they are the same in
 * every seed, and to make a client takes as long as ten requests.
 */
import { Stripe as Sdk } from 'stripe'

const OF_LIVES = /(?:-\d+|^worker)\.stripe\.test$/
const clients = new Map<string, Sdk>()

export const Stripe = new Proxy(Sdk, {
  construct(target, [key, config]: [string, { readonly host?: string }]) {
    const address = config.host ?? ''
    const known = clients.get(address)
    if (known !== undefined) return known
    const client = new target(key, config as ConstructorParameters<typeof Sdk>[1])
    // Others, of the bank itself, have ways of their own.
    if (OF_LIVES.test(address)) clients.set(address, client)
    return client
  },
})
