/** The HTTP API as the clients of a system use it that may be killed at any moment. */
import type { Command, ReservationCommand, Thing } from './command.ts'

/** A reservation stays open for as long as a run may last. */
const TTL_SECONDS = 86_400
/** What takes longer was lost with the system, or is stuck; the client asks again. */
const ANSWER_WITHIN_MS = 20_000

export interface Keys {
  readonly url: string
  readonly operatorKey: string
  readonly runnerKey: string
}

/** How one command was answered. */
export interface Reply {
  readonly status: number
  /** Whether it was done now, by this call; `null` where the answer does not say. */
  readonly isFresh: boolean | null
  readonly thing: Thing | null
  readonly text: string
}

// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes; the tests hold them against the contract.
export type Json = any

export interface Answered {
  readonly status: number
  readonly replayed: boolean
  readonly body: Json
}

/** `null` if there was no answer, or none that says what became of it. */
export async function ask(
  keys: Keys,
  scope: 'operator' | 'runner',
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered | null> {
  const key = scope === 'operator' ? keys.operatorKey : keys.runnerKey
  try {
    const response = await fetch(keys.url + path, {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', ...headers },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const parsed: Json = await response.json()
    // Of what failed on the server's side nobody knows whether it was done.
    if (response.status >= 500) return null
    return { status: response.status, replayed: response.headers.has('Idempotent-Replayed'), body: parsed }
  } catch {
    return null
  }
}

export async function send(keys: Keys, account: string, command: Command): Promise<Reply | null> {
  const { method, path, body } = callOf(command)
  const scope = command.op === 'grant' || command.op === 'void_grant' ? 'operator' : 'runner'
  const answered = await ask(keys, scope, method, `/v1/accounts/${account}${path}`, body)
  if (answered === null) return null
  const { status, replayed, body: said } = answered
  const made = said.reservation ?? said.grant
  // An extend moves the time anew each time.
  const isOnce = command.op !== 'extend' && status < 300
  return { status, isFresh: isOnce ? !replayed : null, thing: made ? thingOf(made) : null, text: textOf(said) }
}

/** All in one call: it is answered for all of them or for none. */
export async function sendBatch(
  keys: Keys,
  account: string,
  commands: readonly ReservationCommand[],
): Promise<readonly Reply[] | null> {
  const body = { commands: commands.map((command) => ({ op: command.op, id: command.id, ...callOf(command).body })) }
  const answered = await ask(keys, 'runner', 'POST', `/v1/accounts/${account}/reservations:batch`, body)
  if (answered === null || answered.status !== 200) return null
  return answered.body.results.map((result: Json, at: number) => ({
    status: result.status,
    isFresh: commands[at]?.op === 'reserve' && result.status < 300 ? result.status === 201 : null,
    thing: result.reservation ? thingOf(result.reservation) : null,
    text: textOf(result.problem ?? result),
  }))
}

function callOf(command: Command): { method: string; path: string; body?: object } {
  const path = `/reservations/${command.id}`
  switch (command.op) {
    case 'grant': {
      const { id, credits } = command
      return { method: 'PUT', path: `/grants/${id}`, body: { kind: 'promotional', credits, reason: 'a crash test' } }
    }
    case 'void_grant':
      return { method: 'DELETE', path: `/grants/${command.id}` }
    case 'reserve':
      return { method: 'PUT', path, body: { credits: command.credits, ttl_seconds: TTL_SECONDS } }
    case 'extend':
      return { method: 'POST', path: `${path}/extend`, body: { credits: command.credits, accrued: command.accrued } }
    case 'settle':
      return { method: 'POST', path: `${path}/settle`, body: { credits: command.credits } }
    case 'release':
      return { method: 'POST', path: `${path}/release`, body: {} }
  }
}

/** A reservation or a grant as an answer shows it. */
export function thingOf(shown: Json): Thing {
  const { state = shown.voided ? 'voided' : 'granted', credits, accrued = 0, charged } = shown
  return { state, credits, accrued, charged: charged ?? 0 }
}

function textOf(said: Json): string {
  return typeof said?.code === 'string' ? `${said.code}: ${said.detail}` : ''
}
