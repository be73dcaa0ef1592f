/**
 * How the Worker reaches an account's object: one RPC, tried again only where the runtime says that this is safe and
 * useful, each time with a new stub.
 */
import type { Account } from './object.ts'
import { type Answer, CALLER_HEADER, type Caller } from './requests.ts'

/** Where an object may be asked to live; decided once, by the first request that reaches it. */
export const REGIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const
export type Region = (typeof REGIONS)[number]

/**
 * The object's methods. The type that workers-types derives for a stub turns readonly data into `never`; all our answers
 * are plain data, so the class says it better.
 */
export type AccountMethods = Pick<
  Account,
  | 'open'
  | 'execute'
  | 'executeAll'
  | 'desk'
  | 'mintLink'
  | 'enter'
  | 'leave'
  | 'overview'
  | 'describe'
  | 'balance'
  | 'estimate'
  | 'accuracy'
  | 'reservation'
  | 'reservations'
  | 'grants'
  | 'byok'
  | 'putByok'
  | 'removeByok'
  | 'readByok'
  | 'mintKey'
  | 'listKeys'
  | 'revokeKey'
  | 'admit'
  | 'audit'
  | 'rebuildHistory'
>

const MAX_TRIES = 3
const FIRST_PAUSE_MS = 20

/** Calls the account's object. Never throws: an object that cannot be reached is an answer too. */
export async function askAccount<T>(
  env: Env,
  account: string,
  call: (account: AccountMethods) => Promise<Answer<T>>,
  region?: Region,
): Promise<Answer<T>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(stubOf(env, account, region) as unknown as AccountMethods)
    } catch (error) {
      if (attempt === MAX_TRIES || !isRetryable(error)) {
        // The command may or may not have been done; its id makes asking again safe.
        console.error({ message: 'account not reached', account, attempt, error: String(error) })
        return { ok: false, refusal: { code: 'overloaded', retryAfterSeconds: 1 } }
      }
      await scheduler.wait(FIRST_PAUSE_MS * 2 ** attempt * Math.random())
    }
  }
}

/** Opens a live connection. A WebSocket cannot cross RPC, hence `fetch`; the answer is 101, or 409 with a refusal. */
export function connectToAccount(env: Env, account: string, caller: Caller): Promise<Response> {
  const headers = { Upgrade: 'websocket', [CALLER_HEADER]: JSON.stringify(caller) }
  return stubOf(env, account).fetch('https://account/live', { headers })
}

function stubOf(env: Env, account: string, region?: Region) {
  return region === undefined
    ? env.ACCOUNT.getByName(account)
    : env.ACCOUNT.getByName(account, { locationHint: region })
}

function isRetryable(error: unknown): boolean {
  const flags = error as { retryable?: boolean; overloaded?: boolean } | null
  return flags?.retryable === true && flags.overloaded !== true
}
