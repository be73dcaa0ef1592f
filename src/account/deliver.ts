/** Brings an event of Stripe's to the account that it concerns: the way of webhooks, and of what no webhook brought. */
import { concernOf, type StripeEvent } from '../stripe/webhook.ts'
import { stripeOf } from '../stripe/client.ts'
import { askAccount } from './client.ts'
import { ACCOUNT_ID } from './requests.ts'

/** `unavailable`: nobody has it yet, so it has to be brought again. */
export type Delivered = 'taken' | 'not_ours' | 'unavailable'

export async function deliver(env: Env, event: StripeEvent): Promise<Delivered> {
  const concern = await concernOf(stripeOf(env), event)
  // What Stripe says not to exist concerns nobody.
  if (!concern.ok) return concern.why === 'unavailable' ? 'unavailable' : 'not_ours'
  if (concern.value === null || !ACCOUNT_ID.test(concern.value.account)) return 'not_ours'
  const asked = { concern: concern.value, event: event.id }
  const caller = { kind: 'service' } as const
  const answer = await askAccount(env, concern.value.account, (object) => object.desk(caller, 'receive', asked))
  if (answer.ok) return answer.isOurs ? 'taken' : 'not_ours'
  return answer.refusal.code === 'unknown_account' ? 'not_ours' : 'unavailable'
}
