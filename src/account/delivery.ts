/** How an event of Stripe's comes to the account that it concerns, whoever tells the account of it. */
import type { StripeClient } from '../stripe/client.ts'
import { type Concern, concernOf, type StripeEvent } from '../stripe/webhook.ts'
import { ACCOUNT_ID, type Answer } from './requests.ts'

/** `unavailable`: nobody has it yet, so it has to be brought again. */
export type Delivered = 'taken' | 'not_ours' | 'unavailable'

/** Tells an account what concerns it, and by which event. */
export type Tell = (concern: Concern, event: string) => Promise<Answer<{ isOurs: boolean }>>

export async function deliverBy(tell: Tell, stripe: StripeClient, event: StripeEvent): Promise<Delivered> {
  const concern = await concernOf(stripe, event)
  // What Stripe says not to exist concerns nobody.
  if (!concern.ok) return concern.why === 'unavailable' ? 'unavailable' : 'not_ours'
  if (concern.value === null || !ACCOUNT_ID.test(concern.value.account)) return 'not_ours'
  const answer = await tell(concern.value, event.id)
  if (answer.ok) return answer.isOurs ? 'taken' : 'not_ours'
  return answer.refusal.code === 'unknown_account' ? 'not_ours' : 'unavailable'
}
