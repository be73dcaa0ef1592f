/** How handlers answer. */
import type { AccountRefusal } from '../account/requests.ts'
import { problemResponse, refusalProblem } from './problems.ts'

/** What belongs to an account is for its reader alone. */
const PRIVATE = { 'Cache-Control': 'no-store' }

export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = PRIVATE): Response {
  return Response.json(body, { status, headers })
}

/** 201 for what was made, 200 with `Idempotent-Replayed` for what had been. */
export function written(body: unknown, replayed: boolean, made: 200 | 201): Response {
  return replayed ? json(body, 200, { ...PRIVATE, 'Idempotent-Replayed': 'true' }) : json(body, made)
}

export function refusal(reason: AccountRefusal, account: string): Response {
  return problemResponse(refusalProblem(reason, account))
}
